"""What goes wrong between here and a remote: cut, killed, gone, refused, changed. A set is off-site whole, or it is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.backup_samples import FILE, manifest_of
from tests.support.dying import dies_at
from tests.support.modules import call, start
from tests.support.remotes import PASSWORD, TARGET, CopiedBackups, rest, s3, sftp

MIB = 2**20


def ago(hours: float) -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(hours=hours)


@pytest.fixture
def backups(tmp_path):
    return CopiedBackups(tmp_path / "backups")


@pytest.fixture
def nas(tmp_path):
    (tmp_path / "nas").mkdir()
    return {"tool": "rclone", "remote": str(tmp_path / "nas"), "accept_unencrypted": True}


@pytest.fixture
def repository(tmp_path):
    return {"tool": "restic", "remote": str(tmp_path / "repository"), "password": PASSWORD, "initialize": True}


def rows(result: dict) -> list[tuple]:
    return [(one["id"], one["done"], one["outcome"]) for one in result.get("sets") or result["details"]["sets"]]


def publish_large(backups: CopiedBackups, size: int = 3 * MIB) -> Path:
    """Of bytes that restic cannot store once for all."""
    content = os.urandom(size)
    store = backups.store
    with store.working_on("shop"):
        manifest = manifest_of(ago(1), content=content)
        temporary = Path(store.begin("shop", manifest.id))
        (temporary / FILE).write_bytes(content)
        published = store.publish(str(temporary), manifest)
    return Path(published)


def waited(condition, seconds: float = 120) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def command_lines() -> str:
    """Of all processes, as everybody on this host can see them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def kill(running: subprocess.Popen, remote: str) -> None:
    """A copy, and what it started: restic and rclone have a group of their own, and would go on once the remote answers again."""
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and any(remote.encode() in (process / file).read_bytes() for file in ("cmdline", "environ")):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue


def test_an_upload_that_is_killed_leaves_nothing_that_anybody_sees_and_is_taken_up_again(backups, nas, tmp_path):
    made = publish_large(backups)
    there = tmp_path / "nas" / made.relative_to(backups.path)
    slow = {**nas, "environment": {"RCLONE_BWLIMIT": "20k"}, "required_state": "dumped"}
    running = start("backup_copy", backups.arguments(**slow))
    assert waited(lambda: any(there.glob(f"{FILE}*")))
    kill(running, str(there))
    torn = next(there.glob(f"{FILE}*"))  # older versions of rclone write to the name itself, newer ones to another
    assert not (there / "manifest.json").exists() and torn.read_bytes() != (made / FILE).read_bytes()
    torn.rename(there / FILE)
    (there / FILE).write_bytes((there / FILE).read_bytes().ljust(3 * MIB, b"\0"))  # as if it had been preallocated: the size alone tells nothing
    (there / f"{FILE}.1234.partial").write_bytes(b"what a newer one would leave")
    bare = CopiedBackups(tmp_path / "bare" / "backups")
    assert bare.copy(**nas, state="fetched", required_state="dumped")["reason"] == "backup_missing"

    resumed = backups.copy(**nas, required_state="dumped")
    assert rows(resumed) == [(made.name, "copied", "passed")], resumed.get("msg")
    assert {path.name for path in there.iterdir()} == {FILE, "manifest.json", "manifest.sha256"}
    assert rows(bare.copy(**nas, state="fetched", required_state="dumped")) == [(made.name, "fetched", "passed")]


def test_a_server_that_dies_while_it_is_sent_to_is_told_and_continued(backups, tmp_path):
    made = publish_large(backups)
    served, options = rest(tmp_path / "served", "--bwlimit", "20k")  # minutes: time enough to be killed in, on a busy machine too
    with served:
        running = start("backup_copy", backups.arguments(**options, initialize=True, required_state="dumped"))
        assert waited(lambda: (served.directory / "config").exists() and any(path.is_file() for path in (served.directory / "data").rglob("*")))
        seen = command_lines()
        assert "restic" in seen and PASSWORD not in seen
        served.stop()
        kill(running, f"127.0.0.1:{served.port}/")
    assert not any(path.is_file() for path in (served.directory / "snapshots").rglob("*"))
    gone = backups.copy(**options, required_state="dumped")
    assert (gone["failed"], gone["reason"]) == (True, "offsite_unreachable") and f"127.0.0.1:{served.port} does not answer" in gone["msg"]
    assert not backups.info()["backups"][0]["offsite"]
    again, _options = rest(tmp_path / "served")
    again.port = served.port
    again._command[again._command.index("--addr") + 1] = f"127.0.0.1:{served.port}"
    with again:
        resumed = backups.copy(**options, required_state="dumped")
        assert rows(resumed) == [(made.name, "copied", "passed")], resumed.get("msg")


def test_what_does_not_answer_what_refuses_and_what_is_the_wrong_key_are_three_things(backups, repository, tmp_path):
    backups.publish(ago(1))
    assert not backups.copy(**repository)["failed"]
    wrong = backups.copy(**{**repository, "password": "not the password"})
    assert (wrong["reason"], "password" in wrong["msg"]) == ("offsite_password_wrong", True)
    absent = backups.copy(**{**repository, "remote": str(tmp_path / "unmounted"), "initialize": False})
    assert absent["reason"] == "offsite_unreachable" and not (tmp_path / "unmounted").exists()
    (tmp_path / "empty").mkdir()
    assert backups.copy(**{**repository, "remote": str(tmp_path / "empty"), "initialize": False})["reason"] == "offsite_refused"

    box, options = sftp(tmp_path / "served")
    bucket, keyed = s3(tmp_path / "served-s3", "rclone", secret="not-the-secret")
    assert backups.copy(**options, accept_unencrypted=True)["reason"] == "offsite_unreachable"
    with box, bucket:
        other = {**options["environment"], "RCLONE_CONFIG_BOX_PASS": keyed["environment"]["RCLONE_CONFIG_S3_SECRET_ACCESS_KEY"]}
        for refused in (backups.copy(**{**options, "environment": other}, accept_unencrypted=True), backups.copy(**keyed, accept_unencrypted=True)):
            assert refused["reason"] == "offsite_refused" and "not-the-secret" not in str(refused)
    unknown = backups.copy(tool="rclone", remote="NOWHERE:x", accept_unencrypted=True)
    assert unknown["reason"] == "offsite_refused" and "NOWHERE" in unknown["msg"]


def test_what_changes_at_the_remote_is_found_and_does_not_count_any_more(backups, nas, repository, tmp_path):
    made = publish_large(backups, 65536)
    for options in (nas, repository):
        assert rows(backups.copy(**options, required_state="dumped")) == [(made.name, "copied", "passed")]
    assert [one["outcome"] for one in backups.info()["backups"][0]["offsite"]] == ["passed", "passed"]
    flip(tmp_path / "nas" / made.relative_to(backups.path) / FILE)
    for pack in (tmp_path / "repository" / "data").rglob("*"):
        if pack.is_file() and pack.stat().st_size > 60000:
            pack.chmod(0o600)
            flip(pack)
    for options in (nas, repository):
        found = backups.copy(**options, state="checked")
        assert (found["failed"], found["reason"], rows(found)) == (True, "offsite_damaged", [(made.name, "checked", "failed")])
        bare = CopiedBackups(tmp_path / f"bare-{options['tool']}" / "backups")
        refused = bare.copy(**options, state="fetched", required_state="dumped")
        assert (refused["reason"], bare.store.all()[0], bare.store.leftovers("shop")) == ("offsite_damaged", [], [])
    assert [one["outcome"] for one in backups.info()["backups"][0]["offsite"]] == ["failed", "failed"]
    # A snapshot can be added, but restic stores what it believes to have once; a file of rclone's is never overwritten.
    added = backups.copy(**repository, required_state="dumped")
    assert (added["reason"], rows(added)) == ("offsite_damaged", [(made.name, "copied", "failed")])
    kept = backups.copy(**nas, required_state="dumped")
    assert (kept["reason"], rows(kept)) == ("offsite_damaged", [(made.name, "read_back", "failed")])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_another_set_under_the_same_id_is_left_as_it_is(backups, nas, tmp_path):
    made = publish_large(backups, 1000)
    assert not backups.copy(**nas, required_state="dumped")["failed"]
    there = tmp_path / "nas" / made.relative_to(backups.path)
    before = {path.name: path.read_bytes() for path in there.iterdir()}
    impostor = CopiedBackups(tmp_path / "another-host" / "backups")
    other = manifest_of(ago(1), content=b"x" * 1000)
    with impostor.store.working_on("shop"):
        temporary = Path(impostor.store.begin("shop", made.name))
        (temporary / FILE).write_bytes(b"x" * 1000)
        impostor.store.publish(str(temporary), type(other)(**{**other.__dict__, "id": made.name, "set_id": made.name}))
    refused = impostor.copy(**nas, required_state="dumped")
    assert refused["reason"] == "offsite_damaged" and "not the one on this host" in refused["msg"]
    assert {path.name: path.read_bytes() for path in there.iterdir()} == before
    in_the_way = impostor.copy(**nas, state="fetched", required_state="dumped")
    assert in_the_way["reason"] == "bad_input" and "is not what the remote has" in in_the_way["msg"]


def test_not_encrypted_is_refused_before_anything_is_sent(backups, nas, tmp_path):
    made = backups.publish(ago(1))
    refused = backups.copy(**{**nas, "accept_unencrypted": False})
    assert (refused["reason"], made.name in refused["msg"], list((tmp_path / "nas").iterdir())) == ("offsite_unencrypted", True, [])


def test_a_fetch_that_is_killed_anywhere_leaves_nothing_visible_and_the_next_one_ends_it(backups, nas, tmp_path):
    made = backups.publish(ago(1))
    assert not backups.copy(**nas)["failed"]
    for step in ("BackupStore.begin", "BackupStore.publish", "os.rename", "BackupStore.point"):
        bare = CopiedBackups(tmp_path / step / "backups")
        asked = {name: value for name, value in nas.items() if name != "accept_unencrypted"}
        assert dies_at(step, "backup_copy", bare.params(**asked, state="fetched")) == step
        published, unreadable = bare.store.all()
        assert not unreadable and all(not one.damage for one in published)
        again = bare.copy(**asked, state="fetched")
        assert not again["failed"] and bare.ids() == [made.name] and bare.store.leftovers("shop") == [], (step, again)


def test_time_that_runs_out_is_said_and_two_runs_do_not_meet(backups, nas):
    publish_large(backups)
    slow = {**nas, "environment": {"RCLONE_BWLIMIT": "20k"}, "required_state": "dumped"}
    running = start("backup_copy", backups.arguments(**slow))
    lock = backups.state_dir / "shop" / "offsite"
    assert waited(lambda: lock.is_dir() and any(lock.iterdir()) and any(Path(nas["remote"]).rglob(f"{FILE}*")))
    busy = backups.copy(**nas, required_state="dumped")
    kill(running, nas["remote"])
    assert busy["reason"] == "backup_busy"
    late = backups.copy(**slow, timeout=1)
    assert late["reason"] == "timed_out" and "is not sent again" in late["msg"]


def test_the_programs_are_asked_for_first(backups, nas, tmp_path):
    backups.publish(ago(1))
    (tmp_path / "bin").mkdir()
    missing = call("backup_copy", backups.arguments(**nas), environment={**TARGET, "PATH": str(tmp_path / "bin")})
    assert (missing["reason"], "rclone" in missing["msg"]) == ("program_missing", True)
