"""backup_info over published backups; no engine is needed, and none can be reached."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone

import pytest

from tests.support.backup_samples import FILE, BackupDirectory
from tests.support.modules import call

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


class Backups(BackupDirectory):
    def info(self, check: bool = False, **options) -> dict:
        shared = {"stack_name": self.stack, "project_dir": "/absent", "state_dir": "/absent", "docker_host": "unix:///absent"}
        return call("backup_info", {**shared, "backup_dir": str(self.path), **options}, check=check)

    def everything(self) -> dict:
        return {path: path.stat().st_mtime_ns for path in sorted(self.path.rglob("*"))}


@pytest.fixture
def backups(tmp_path):
    return Backups(tmp_path / "backups")


def kinds(result: dict) -> list[tuple[str, str]]:
    return [(problem["kind"], problem["subject"]) for problem in result["problems"]]


def test_it_lists_what_is_there_and_changes_nothing(backups):
    first = backups.publish(now() - 30 * HOUR)
    second = backups.publish(now() - 2 * HOUR, "dumped", purpose="manual")
    other = backups.publish(now() - HOUR, subject="we/ird .name")
    BackupDirectory(backups.path, stack="another").publish(now())
    before = backups.everything()
    for check in (True, False):
        found = backups.info(check=check, check_hashes=True)
        assert not found["changed"] and found["healthy"] and found["fresh"] and found["hashes_checked"]
        assert [one["id"] for one in found["backups"]] == [path.name for path in (other, second, first)]
        assert [one["state"] for one in found["backups"]] == ["verified", "dumped", "verified"]
    assert backups.everything() == before
    told = found["backups"][-1]
    assert (told["verified_level"], told["restore_seconds"], told["directory"]) == (3, 4.5, str(first))
    assert told["age_seconds"] == pytest.approx(30 * 3600, abs=60)
    assert found["total_bytes"] == sum(one["bytes"] for one in found["backups"]) == sum(one["total_bytes"] for one in found["subjects"])
    shop = {one["subject"]: one for one in found["subjects"]}["shop"]
    assert (shop["count"], shop["verified_count"], shop["newest"], shop["newest_verified"]) == (2, 1, second.name, first.name)
    lines = found["table"].splitlines()
    assert len(lines) == 4 and lines[1].split()[:4] == ["postgres", "shop", second.name, "dumped"] and "1 d 6 h" in lines[2]


def test_filters_narrow_the_list_and_not_the_judgement(backups):
    backups.publish(now() - 30 * HOUR)
    manual = backups.publish(now() - 2 * HOUR, "dumped", purpose="manual")
    BackupDirectory(backups.path, service="redis").publish(now(), subject="rdb")
    assert [one["id"] for one in backups.info(states=["dumped"])["backups"]] == [manual.name]
    assert [one["id"] for one in backups.info(purposes=["manual"])["backups"]] == [manual.name]
    assert [one["service"] for one in backups.info(services=["redis"])["backups"]] == ["redis"]
    assert backups.info(services=["postgres"], subjects=["rdb"])["backups"] == []
    assert kinds(backups.info(purposes=["manual"], states=["dumped"], max_age=86400)) == [("stale", "shop")]


def test_only_a_young_and_verified_backup_is_fresh(backups):
    backups.publish(now() - 30 * HOUR)
    assert backups.info(max_age=31 * 3600, subjects=["shop"])["fresh"]
    stale = backups.info(max_age=29 * 3600)
    assert (stale["fresh"], stale["failed"], kinds(stale)) == (False, False, [("stale", "shop")])
    backups.publish(now() - HOUR, "dumped")
    assert not backups.info(max_age=29 * 3600)["fresh"]
    assert backups.info(max_age=29 * 3600, required_state="dumped")["fresh"]
    assert backups.info(max_age=29 * 3600, retired=["shop"])["fresh"]
    backups.publish(now() - HOUR / 2, "damaged")
    backups.publish(now() + 48 * HOUR)
    failed = backups.info(max_age=29 * 3600, on_problem="fail")
    assert (failed["failed"], failed["reason"], failed["details"]["subjects"][0]["fresh"]) == (True, "backup_stale", False)
    assert [problem["kind"] for problem in failed["details"]["problems"]] == ["stale", "future", "damaged"]
    assert "1 d 6 h old; 1 d 5 h are allowed" in failed["msg"]


def test_what_was_never_backed_up_is_missing(backups):
    assert backups.info()["backups"] == [] and backups.info()["table"] == "No backups."
    assert kinds(backups.info(max_age=60)) == [("missing", "")]
    assert backups.info(max_age=60, on_problem="fail")["reason"] == "backup_stale"
    backups.publish(now())
    missing = backups.info(max_age=3600, services=["postgres", "redis"])
    assert [(problem["kind"], problem["service"]) for problem in missing["problems"]] == [("missing", "redis")]
    assert kinds(backups.info(max_age=3600, services=["postgres"], subjects=["shop", "crm"])) == [("missing", "crm")]
    assert not backups.path.joinpath("shop", "redis").exists()


def test_damage_is_found_by_size_and_by_hash_and_named(backups):
    good, cut, flipped = (backups.publish(now() - hours * HOUR) for hours in (1, 2, 3))
    rewrite(cut / FILE, (cut / FILE).read_bytes()[:-1])
    rewrite(flipped / FILE, bytes([(flipped / FILE).read_bytes()[0] ^ 1]) + (flipped / FILE).read_bytes()[1:])
    quick = backups.info(max_age=86400)
    assert (quick["healthy"], quick["fresh"], [problem["backup"] for problem in quick["problems"]]) == (False, True, [cut.name])
    whole = backups.info(check_hashes=True)
    assert [(one["id"], one["state"]) for one in whole["backups"]] == [(good.name, "verified"), (cut.name, "damaged"), (flipped.name, "damaged")]
    assert f"{FILE}: changed content" in whole["table"]
    failed = backups.info(check_hashes=True, on_problem="fail")
    assert failed["reason"] == "backup_damaged" and cut.name in failed["msg"] and flipped.name in failed["msg"]
    (good / FILE).unlink()
    assert backups.info(max_age=86400, check_hashes=True, on_problem="fail")["reason"] == "backup_stale"


def test_what_cannot_be_trusted_is_named_and_not_counted(backups):
    good, edited, other = (backups.publish(now() - hours * HOUR) for hours in (3, 2, 1))
    manifest = edited / "manifest.json"
    rewrite(manifest, manifest.read_bytes().replace(b'"scheduled"', b'"manual"'))
    os.rename(other, other.with_name("20261103T021500Z-000123-7f3a"))
    for stranger in ("lost+found", "20261103T021500Z-000124-7f3a.txt", ".hidden", "notes"):
        (good.parent / stranger).mkdir()
    found = backups.info(max_age=86400)
    assert [one["id"] for one in found["backups"]] == [good.name]
    assert {one["directory"] for one in found["unreadable"]} == {str(edited), str(other.with_name("20261103T021500Z-000123-7f3a"))}
    assert [problem["kind"] for problem in found["problems"]] == ["unreadable"] * 2
    assert json.dumps(found).count(str(edited)) > 1 and found["fresh"]


@pytest.mark.parametrize("options", [{"max_age": 0}, {"backup_dir": "relative"}, {"stack_name": "No Name"}])
def test_bad_input_is_refused(backups, options):
    refused = backups.info(**options)
    assert (refused["failed"], refused["reason"]) == (True, "bad_input")


def rewrite(path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)
