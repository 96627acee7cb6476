"""backup_retention over published backups: the real store, files and locks; no engine is needed, and none can be reached."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.backup_samples import BackupDirectory
from tests.support.modules import call
from tests.support.release_samples import draft, ledger_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = {"keep_last": 2, "daily": 4, "max_delete_fraction": 1.0}


def now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


class Backups(BackupDirectory):
    @property
    def state_dir(self) -> Path:
        return self.path.parent / "state"

    def retention(self, check: bool = False, **options) -> dict:
        shared = {"stack_name": self.stack, "project_dir": "/absent", "state_dir": str(self.state_dir), "docker_host": "unix:///absent"}
        return call("backup_retention", {**shared, "backup_dir": str(self.path), **options}, check=check)

    def journal(self) -> list[dict]:
        path = self.state_dir / self.stack / "journal.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def publish_daily(self, count: int, subject: str = "shop", first: int = 0, **manifest) -> list[Path]:
        """One a day, the oldest first."""
        return [self.publish(now() - HOUR - age * DAY, subject=subject, **manifest) for age in reversed(range(first, first + count))]


@pytest.fixture
def backups(tmp_path):
    return Backups(tmp_path / "backups")


def names(paths) -> list[str]:
    return sorted(path.name for path in paths)


def test_check_then_do_then_both_again(backups):
    made = backups.publish_daily(7)
    old, kept = made[:3], made[3:]
    strangers = [kept[0].parent / "lost+found", kept[0].parent / "20200101T000000Z-000001-0000", kept[0].parent / f"{kept[0].name}.copy"]
    for stranger in strangers:
        stranger.mkdir()
    would = backups.retention(check=True, **POLICY)
    assert would["changed"] and would["deleted"] == []
    assert [(action["action"], action["target"]) for action in would["actions"]] == [("delete", path.name) for path in old]
    decisions = {one["id"]: (one["decision"], bool(one["reasons"])) for one in would["decisions"]}
    assert decisions == {path.name: ("delete" if path in old else "keep", True) for path in old + kept}
    diff = would["diff"]
    assert set(diff["before"]["postgres/shop"]) - set(diff["after"]["postgres/shop"]) == set(names(old))
    assert "newest verified" in diff["after"]["postgres/shop"][kept[-1].name] and "REFUSED" not in would["table"]

    done = backups.retention(**POLICY)
    assert (done["actions"], done["deleted"], done["freed_bytes"] > 0) == (would["actions"], names(old), True)
    assert all(path.is_dir() for path in kept + strangers) and not any(path.exists() for path in old)
    assert (kept[0].parent / "latest-verified").resolve() == kept[-1]
    assert [(entry["event"], entry["id"], entry["because"]) for entry in backups.journal()] == [
        ("backup_deleted", path.name, "no rule keeps it") for path in old
    ]
    for check in (True, False):
        again = backups.retention(check=check, **POLICY)
        assert (again["changed"], again["actions"], again["deleted"]) == (False, [], [])


def test_a_subject_that_is_stale_keeps_everything_and_the_others_are_done(backups):
    stale, fine = backups.publish_daily(6, "gone", first=30), backups.publish_daily(6, "shop")
    BackupDirectory(backups.path, stack="another").publish(now() - 99 * DAY)
    options = {**POLICY, "daily": 0}
    would = backups.retention(check=True, **options)
    assert (would["failed"], would["reason"], backups.ids("shop")) == (True, "backup_stale", names(fine))
    done = backups.retention(**options)
    assert (done["failed"], done["reason"], done["changed"]) == (True, "backup_stale", True)
    assert done["details"]["deleted"] == names(fine[:4]) == sorted(set(names(fine)) - set(backups.ids("shop")))
    assert "postgres/gone: nothing was deleted, because the newest verified backup is of" in done["msg"] and "Of others, 4 were deleted" in done["msg"]
    assert backups.ids("gone") == names(stale)
    again = backups.retention(**options)
    assert (again["failed"], again["reason"], again.get("changed", False)) == (True, "backup_stale", False)
    retired = backups.retention(retired=["gone"], **options)
    assert (retired["failed"], retired["changed"], backups.ids("gone")) == (False, True, names(stale[-2:]))


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"max_delete_fraction": 0.5}, "4 of 6 backups would go, more than max_delete_fraction=0.5"),
        ({"min_copies": 3}, "2 backups would be left, fewer than min_copies=3"),
        ({"min_verified": 3}, "2 verified backups would be left, fewer than min_verified=3"),
    ],
)
def test_what_takes_too_much_is_refused_whole(backups, options, cause):
    made = backups.publish_daily(6)
    refused = backups.retention(**{**POLICY, "daily": 0, **options})
    assert (refused["failed"], refused["reason"]) == (True, "retention_refused")
    assert cause in refused["msg"] and refused["details"]["subjects"][0]["refused"]["held_back"] == 4
    assert backups.ids() == names(made) and backups.journal() == []


def test_the_older_verified_one_outlives_newer_ones_that_prove_nothing(backups):
    good = backups.publish(now() - 30 * HOUR)
    unproven = [backups.publish(now() - hours * HOUR, "dumped") for hours in (5, 4, 3)]
    damaged = backups.publish(now() - 2 * HOUR, "damaged")
    cut = backups.publish(now() - HOUR)
    (cut / "db.dump.zst").unlink()
    done = backups.retention(**{**POLICY, "keep_last": 1, "daily": 0})
    assert done["deleted"] == names(unproven[:2])
    assert backups.ids() == names([good, unproven[2], damaged, cut])


def test_pins_hold_and_are_taken_back(backups):
    made = backups.publish_daily(6)
    first, second = made[0].name, made[1].name
    pin = {"state": "pinned", "backups": [first, second], "pin_reason": "audit 2026 – März"}
    would = backups.retention(check=True, **pin)
    assert would["changed"] and not (made[0] / "pinned").exists()
    done = backups.retention(**pin)
    assert done["actions"] == would["actions"] and done["pinned"] == [{"id": name, "reason": "audit 2026 – März"} for name in (first, second)]
    for check in (True, False):
        assert not backups.retention(check=check, **pin)["changed"]
    assert backups.retention(**{**POLICY, "daily": 0})["deleted"] == names(made[2:4])

    unpin = {"state": "unpinned", "backups": [first]}
    for check, changed in ((True, True), (False, True), (False, False)):
        assert backups.retention(check=check, **unpin)["changed"] is changed
    assert backups.retention(**{**POLICY, "daily": 0})["deleted"] == [first]
    assert backups.ids() == sorted([second, *names(made[4:])])
    assert {entry["event"] for entry in backups.journal()} == {"backup_pinned", "backup_unpinned", "backup_deleted"}


def test_what_a_release_needs_stays_and_a_ledger_that_cannot_be_read_holds_everything(backups):
    made = backups.publish_daily(6)
    files = BackupDirectory(backups.path, service="files")
    saved = [files.publish(now() - HOUR - age * DAY, subject="config", set_id=path.name) for age, path in zip((5, 4, 3, 2, 1, 0), made)]
    ledger = backups.state_dir / "shop" / "releases" / "ledger.json"
    ledger.parent.mkdir(parents=True)
    ledger.write_text("{")
    refused = backups.retention(**{**POLICY, "daily": 0})
    assert (refused["reason"], backups.ids()) == ("ledger_unreadable", names(made))
    ledger.write_text(json.dumps(ledger_of(draft("v2", backup_id=made[0].name)).to_dict()))
    done = backups.retention(**{**POLICY, "daily": 0})
    assert sorted(done["deleted"]) == names([*made[1:4], *saved[1:4]]), done
    reasons = {one["id"]: one["reasons"] for one in done["decisions"]}
    assert reasons[made[0].name] == reasons[saved[0].name] == ["made before release 0001 (v2)"], "what is of its set goes with it"


def test_what_dead_runs_left_is_finished_and_what_lives_is_left_alone(backups):
    made = backups.publish_daily(4)
    home = made[0].parent
    trash = home / f".trash-{made[0].name}"
    os.rename(made[0], trash)
    (trash / "db.dump.zst").unlink()
    pinned = home / f".trash-{made[1].name}"
    (made[1] / "pinned").write_text("at the last moment\n")
    os.rename(made[1], pinned)
    dead, young = home / ".tmp-20260101T000000Z-000001-0000", home / ".tmp-20261103T021500Z-000009-0000"
    for directory in (dead, young):
        directory.mkdir()
    os.utime(dead, (0, 0))
    would = backups.retention(check=True, **POLICY)
    assert [(action["action"], action["target"]) for action in would["actions"]] == [("finish", path.name) for path in (dead, trash, pinned)]

    with backups.store.working_on("shop"):
        busy = backups.retention(**POLICY)
        assert (busy["failed"], busy["reason"], trash.exists(), dead.exists()) == (True, "backup_busy", True, True)
        assert str(os.getpid()) in busy["msg"]
    done = backups.retention(**POLICY)
    assert (done["changed"], done["deleted"], list(home.glob(".t*-*"))) == (True, [], [])
    assert backups.ids() == names(made[1:])
    assert not backups.retention(**POLICY)["changed"]


def test_a_directory_that_was_moved_to_another_subject_is_not_taken_for_one_of_its_own(backups):
    shop, crm = backups.publish_daily(6), backups.publish_daily(2, "crm")
    moved = crm[0].parent / shop[0].name
    os.rename(shop[0], moved)
    shutil.copytree(shop[1], crm[0].parent / shop[1].name)
    (crm[1] / "manifest.sha256").chmod(0o600)
    (crm[1] / "manifest.sha256").write_bytes(b"\xff\xfe\x00")
    done = backups.retention(**{**POLICY, "daily": 0})
    assert done["deleted"] == names(shop[1:4]) and len(done["warnings"]) == 3
    assert moved.is_dir() and (crm[0].parent / shop[1].name).is_dir() and crm[1].is_dir()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "bad_input"),
        ({"keep_last": 0}, "bad_input"),
        ({"state": "pinned", "backups": ["../../etc"], "pin_reason": "x"}, "backup_missing"),
    ],
)
def test_bad_input_touches_nothing(backups, options, reason):
    refused = backups.retention(**options)
    assert (refused["failed"], refused["reason"]) == (True, reason)
    assert not backups.path.exists() and not backups.state_dir.exists()


def test_a_misspelt_rule_is_refused(backups):
    backups.publish_daily(3)
    refused = backups.retention(keep_last=1, dayly=7)
    assert refused["failed"] and "dayly" in refused["msg"] and len(backups.ids()) == 3
