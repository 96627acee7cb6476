"""Backups of a real Redis: what is in them is counted and proven, and what goes wrong meanwhile leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.backups import forged
from tests.support.redis import PASSWORD
from tests.support.redis_backups import BackedUpRedis
from tests.support.stacks import docker, unique_name


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Without checksums of its own, so that only ours show a changed bit."""
    made = BackedUpRedis(tmp_path_factory.mktemp("redis-backup"), unique_name("redis-backup"), settings=["--rdbchecksum", "no"])
    try:
        made.up("redis")
        made.fill()
        yield made
    finally:
        made.down()


def test_check_do_check_again_do_again(stack):
    families = {"sessions": {"prefix": "session:"}, "paid": {"pattern": "ord*:*"}, "nothing": {"key": "never"}}
    options = {**stack.backing_up, "min_age": 3600, "families": families}
    checked = stack.module("redis_backup", check=True, **options)
    assert [step["action"] for step in checked["actions"]] == ["back_up", "verify"] and stack.published() == []
    done = stack.module("redis_backup", **options)
    assert (done["failed"], done["changed"]) == (False, True), done.get("msg")
    made = done["backups"][0]
    assert (made["kind"], made["subject"], made["state"], made["verified_level"], made["made"]) == ("redis-rdb", "rdb", "verified", 3, True)
    assert made["databases"]["3"] == {"keys": 1, "expires": 0}
    zero = made["databases"]["0"]
    assert 352 <= zero["keys"] <= 372 and zero["expires"] == zero["keys"] - 302
    groups = {(one["database"], one["name"]): (one["count"], one["expiring"]) for one in made["groups"] if one["group"] == "prefix"}
    assert groups == {(0, "order:"): (300, 0), (0, "session:"): (50, 50), (0, ""): (2, 0), (3, ""): (1, 0)}
    families = {one["name"]: one["count"] for one in made["groups"] if one["group"] == "family"}
    assert families == {"paid": 300, "sessions": 50}
    assert any("rdbchecksum no" in warning for warning in made["warnings"])
    assert "verified" in done["table"] and "KEYS" in done["table"]
    directory = Path(made["directory"])
    assert {path.name: oct(path.stat().st_mode)[-3:] for path in directory.iterdir() if not path.name.startswith("verify")} == {
        "dump.rdb.zst": "400",
        "manifest.json": "400",
        "manifest.sha256": "400",
    }
    assert [os.readlink(directory.parent / name) for name in ("latest", "latest-verified")] == [made["id"]] * 2
    for check in (True, False):
        again = stack.module("redis_backup", check=check, **options)
        assert (again["failed"], again["changed"]) == (False, False)
    assert again["backups"][0]["groups"] == made["groups"]
    assert again["backups"][0]["id"] == made["id"] and not again["backups"][0]["made"]
    assert PASSWORD not in str(done) + (directory / "manifest.json").read_text()
    stack.require_nothing_left()


def test_it_waits_for_another_snapshot_and_takes_its_own(stack):
    stack.inside("touch", "/data/.runbook-save-of-a-killed-run")
    before = stack.saves()
    stack.slowly(6000)
    stack.redis("BGSAVE")
    stack.slowly(0)
    stack.redis("SET", "late", "1")
    made = stack.back_up(verify="archive")
    assert (made["backups"][0]["verified_level"], stack.saves()) == (1, before + 2)
    assert made["backups"][0]["databases"]["0"]["keys"] == stack.keys()["db0"], "the other snapshot is older than the last key"
    held = stack.back_up(state="verified", level=2)["backups"][0]
    assert (held["id"], held["state"], held["verified_level"]) == (made["backups"][0]["id"], "dumped", 2)
    stack.require_nothing_left()


def meanwhile(stack, act) -> dict:
    """Of a backup during which something happens: saving would take half a minute, which nobody waits for."""
    result: dict = {}
    stack.slowly(100_000)
    running = threading.Thread(target=lambda: result.update(stack.back_up(verify="none")))
    running.start()
    try:
        stack.await_saving()
        act()
    finally:
        running.join()
    return result


def test_what_goes_wrong_while_it_saves_publishes_nothing(stack):
    before = [backup.id for backup in stack.published()]
    stack.inside("chmod", "555", "/data")
    failed = stack.back_up(verify="none")
    stack.inside("chmod", "755", "/data")
    assert (failed["failed"], failed["reason"]) == (True, "redis_save_failed")

    stack.redis("BGSAVE")  # the failed one made the server refuse writes
    stack.await_saved()
    flushed = meanwhile(stack, lambda: stack.redis("FLUSHALL"))
    assert (flushed["failed"], flushed["reason"]) == (True, "redis_save_lost")
    stack.slowly(0)
    stack.fill()

    restarted = meanwhile(stack, lambda: stack.compose("restart", "--timeout", "10", "redis"))
    assert restarted["failed"] and restarted["reason"] in ("redis_restarted", "redis_unreachable")
    stack.await_healthy("redis")
    assert [backup.id for backup in stack.published()] == before
    assert stack.back_up(verify="none")["changed"]
    stack.require_nothing_left()


def test_a_changed_bit_and_a_forged_backup_are_found(stack):
    stack.fill()
    claimed = stack.published()[-1]
    stack.redis("SET", "one more", "1")
    other = stack.back_up(verify="none")["backups"][0]
    forgery = forged(stack.store, claimed, stack.store.read(other["directory"]))
    found = stack.back_up(state="verified", backup=forgery.id, level=1)
    assert (found["reason"], found["details"]["outcome"]) == ("backup_not_verified", "failed") and "the manifest says" in found["msg"]

    path = Path(other["directory"]) / "dump.rdb.zst"
    plain = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    flipped = bytearray(plain)
    flipped[plain.index(b"paid 00000007") + 6] ^= 1
    stack.inside("mkdir", "-p", "/data/flipped")
    (stack.directory / "flipped.rdb").write_bytes(flipped)
    docker("cp", str(stack.directory / "flipped.rdb"), f"{stack.containers('redis')[0]['Id']}:/data/flipped/dump.rdb")
    assert "RDB looks OK" in stack.inside("redis-check-rdb", "/data/flipped/dump.rdb"), "else this test would prove nothing"
    stack.inside("rm", "-r", "/data/flipped")
    path.chmod(0o600)
    subprocess.run(["zstd", "-qf", "-3", "-o", path, stack.directory / "flipped.rdb"], check=True)
    found = stack.back_up(state="verified", backup=other["id"], level=0)
    assert found["details"]["outcome"] == "failed" and "dump.rdb.zst" in found["msg"]


def test_bad_input_is_refused_before_anything(stack):
    absent = stack.back_up(state="verified", backup="20200101T000000Z-000001-0000")
    assert absent["reason"] == "backup_missing"
    assert stack.back_up(set_id="mine")["reason"] == stack.back_up(backup_dir="relative")["reason"] == "bad_input"
    assert stack.back_up(allow_same_disk=False, backup_dir=stack.containers("redis")[0]["Mounts"][0]["Source"] + "/../x")["reason"] == "backup_on_same_disk"
    assert stack.module("redis_backup", **stack.backing_up, password="wrong")["reason"] == "redis_login_refused"


def test_a_user_with_just_the_rights_for_it_backs_up(stack):
    login = {"username": "keeper", "password": "p%ss of keeper"}
    rights = ["+info", "+config|get", "+module|list", "+time"]
    stack.redis("ACL", "SETUSER", "keeper", "on", f">{login['password']}", *rights)
    assert stack.back_up(verify="none", **login)["reason"] == "redis_permission_denied"
    stack.redis("ACL", "SETUSER", "keeper", "+bgsave", "-config")
    assert stack.back_up(verify="none", **login)["reason"] == "redis_data_unreachable"
    made = stack.back_up(verify="none", data_dir="/data", **login)
    assert not made["failed"] and made["backups"][0]["keys_saved"] == sum(stack.keys().values()), made.get("msg")


def test_encrypted_to_a_key_it_is_proven_with_the_key_only(stack, tmp_path):
    key = tmp_path / "key"
    said = subprocess.run(["age-keygen", "-o", key], capture_output=True, text=True, check=True).stderr
    recipients = [said.split()[-1]]
    made = stack.back_up(encryption={"recipients": recipients}, verify="none")["backups"][0]
    assert made["encrypted"] and (Path(made["directory"]) / "dump.rdb.zst.age").is_file()
    proven = stack.back_up(state="verified", backup=made["id"], encryption={"recipients": [], "identity_file": str(key)})
    assert proven["backups"][0]["state"] == "verified"


def test_a_server_that_hides_its_files_has_to_be_told_where_they_are(tmp_path):
    hidden = BackedUpRedis(tmp_path, unique_name("redis-hidden"), settings=["--rename-command", "CONFIG", "", "--rename-command", "MODULE", ""])
    try:
        hidden.up("redis")
        hidden.fill(10)
        assert hidden.back_up()["reason"] == "redis_data_unreachable"
        assert hidden.back_up(data_dir="/data")["backups"][0]["state"] == "verified"
        assert hidden.back_up(data_dir="/tmp")["reason"] == "redis_data_unreachable"
    finally:
        hidden.down()
