"""A real Redis goes back to a backup, whatever it keeps on its disk, and what fails leaves what was live."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.support.redis import PASSWORD
from tests.support.redis_backups import BackedUpRedis
from tests.support.stacks import docker, unique_name


def made(tmp_path_factory, name: str, **options) -> BackedUpRedis:
    stack = BackedUpRedis(tmp_path_factory.mktemp(name), unique_name(name), **options)
    stack.up()
    stack.fill()
    return stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Snapshots only."""
    stack = made(tmp_path_factory, "redis-restore")
    yield stack
    stack.down()


@pytest.fixture(scope="module")
def backup(stack):
    return stack.back_up()["backups"][0]


def emptied(stack: BackedUpRedis) -> dict[str, int]:
    stack.redis("FLUSHALL")
    stack.redis("SET", "since", "1")
    return stack.keys()


def lower_bound(backup: dict) -> dict[str, int]:
    """Keys that cannot have expired."""
    return {f"db{number}": one["keys"] - one["expires"] for number, one in backup["databases"].items()}


def require_restored(stack: BackedUpRedis, backup: dict) -> None:
    keys = stack.keys()
    assert set(keys) == {"db0", "db3"} and all(keys[name] >= least for name, least in lower_bound(backup).items()), keys
    assert stack.redis("GET", "since") is None
    assert stack.redis("HGET", b"\x00odd \r\n key*?\xff", "field") == b"value"
    assert stack.redis("TTL", "session:7") > 80000


def test_check_do_and_undo(stack, backup):
    """Without save points, so that the last state is on the disk only when somebody cares for it."""
    stack.redis("CONFIG SET", "save", "")
    before, started, app = emptied(stack), stack.started("redis"), stack.started("app")
    refused = stack.module("redis_restore", backup_dir=str(stack.backup_dir))
    assert refused["reason"] == "confirmation_missing" and "exchange /data" in refused["msg"]
    checked = stack.module("redis_restore", check=True, **stack.restoring)
    assert [step["action"] for step in checked["actions"]] == ["stage", "compare", "stop", "stop", "exchange", "start", "restart", "start"]
    assert (stack.keys(), stack.started("redis"), stack.started("app")) == (before, started, app)

    done = stack.module("redis_restore", **{**stack.restoring, "safety_backup": True, "safety_max_age": 0})
    assert (done["failed"], done["changed"]) == (False, True), done.get("msg")
    assert (done["source"], done["restart_proven"], done["services_restarted"]) == (f"backup {backup['id']}", True, ["app"])
    assert done["not_compared"] == "" and {**backup["groups"][0], "restored": 300} in done["groups"]
    assert done["databases"] == backup["databases"] and done["unavailable_ms"] > 0 and done["undo_directory"] in stack.files()
    assert any(warning.startswith("save was set to '' and is '900") for warning in done["warnings_of_restore"])
    require_restored(stack, backup)
    assert stack.started("redis") != started and stack.started("app") != app
    safety = next(one for one in stack.published() if one.id == done["safety_backup"])
    assert (safety.manifest.purpose, safety.manifest.content["keys"]) == ("safety", 1)
    assert PASSWORD not in str(done) + str(refused)

    undone = stack.module("redis_restore", **{**stack.restoring, "state": "undone"})
    assert not undone["failed"] and stack.keys() == before and undone["kept_directory"] in stack.files(), undone.get("msg")
    again = stack.restore(state="undone")
    assert (again["failed"], again["changed"], stack.keys()) == (False, False, before)
    assert stack.restore(state="recovered")["changed"] is False
    assert stack.restore(state="expired")["changed"] is False
    assert stack.restore(state="expired", undo_ttl=0)["dropped"] == [undone["kept_directory"]]
    assert stack.files() == {"dump.rdb"}
    assert stack.restore(state="undone")["reason"] == "nothing_to_undo"
    stack.require_nothing_left()


def test_keys_that_a_prefix_lacks_take_the_restore_back(stack, backup):
    """Here the proof of the backup claims more than there ever was; else this would be a server that reads only a part."""
    before, (note,) = emptied(stack), Path(backup["directory"]).glob("verify-*.json")
    proof = note.read_text()

    def claim(**changes) -> None:
        told = json.loads(proof)
        next(group for group in told["counted"]["groups"] if group["name"] == "order:").update(changes)
        note.chmod(0o600)
        note.write_text(json.dumps(told))

    try:
        claim(keys=301)
        failed = stack.restore(dependents=[], prove_restart=False)
        assert (failed["reason"], failed["details"]["safe_state"]) == ("restore_differs", "rolled_back"), failed["msg"]
        assert "prefix 'order:' of database 0 has 300 keys, expected 301 of which at most 0 can have expired" in failed["msg"]
        assert stack.keys() == before
        claim(keys=301, expires=1)
        assert not stack.restore(dependents=[], prove_restart=False)["failed"]
        note.write_text(json.dumps({name: value for name, value in json.loads(proof).items() if name != "counted"}))
        older = stack.restore(dependents=[], prove_restart=False)
        assert (older["failed"], older["groups"]) == (False, []) and "by prefix" in older["not_compared"]
    finally:
        note.write_text(proof)


def test_what_was_revoked_since_stays_revoked(stack, backup):
    """Also through a restart, of a server that saves nothing when it ends."""
    stack.restore(dependents=[], prove_restart=False)
    stack.redis("CONFIG SET", "save", "")
    with stack.session() as session:
        session.pipeline([("SET", f"revoked:{number}", "new", "EX", 5000) for number in range(700)])
        session.pipeline([("SET", b"revoked:\xff*", "odd"), ("SET", "order:7", "changed"), ("SET", "order:8", "changed")])
    done = stack.restore(protected_prefixes=["revoked:", "order:7"], dependents=[])
    assert (done["failed"], done["keys_carried"], done["restart_proven"]) == (False, 712, True), done.get("msg")
    assert 4000 < stack.redis("TTL", "revoked:699") <= 5000 and stack.redis("GET", b"revoked:\xff*") == b"odd"
    assert (stack.redis("GET", "order:7"), stack.redis("GET", "order:8")) == (b"changed", b"paid 00000008")


def test_what_speaks_against_it_is_told_before_anything(stack, backup, tmp_path):
    started = stack.started("redis")
    stack.redis("CONFIG SET", "maxmemory", "100kb")
    assert [one["code"] for one in stack.restore()["details"]["problems"]] == ["over_maxmemory"]
    stack.redis("CONFIG SET", "maxmemory", "0")
    unproven = stack.back_up(verify="none")["backups"][0]["id"]
    assert [one["code"] for one in stack.restore(backup=unproven)["details"]["problems"]] == ["backup_unverified"]
    stack.redis("REPLICAOF", "127.0.0.1", "1")
    assert [one["code"] for one in stack.restore()["details"]["problems"]] == ["is_replica"]
    stack.redis("REPLICAOF", "NO", "ONE")
    assert stack.restore(backup="20200101T000000Z-000001-0000")["reason"] == "backup_missing"
    text = tmp_path / "text"
    text.write_text("SELECT 1")
    assert stack.restore(file=str(text), backup="")["reason"] == "bad_input"
    assert stack.started("redis") == started


def test_a_file_that_somebody_has_is_checked_and_restored(stack, backup, tmp_path):
    stack.fill(30)
    stack.redis("SAVE")  # as the old runbooks did
    keys = stack.keys()
    docker("cp", f"{stack.containers('redis')[0]['Id']}:/data/dump.rdb", str(tmp_path / "dump.rdb"))
    content = (tmp_path / "dump.rdb").read_bytes()
    (tmp_path / "dump.rdb.gz").write_bytes(gzip.compress(content))
    emptied(stack)
    started = stack.started("redis")
    for name, bad in (("newer", b"REDIS0099" + content[9:]), ("cut", content[:-20]), ("longer", content + b"\0" * 40)):
        (tmp_path / name).write_bytes(bad)
        failed = stack.restore(file=str(tmp_path / name), backup="")
        assert (failed["reason"], failed["details"]["safe_state"]) == ("rdb_invalid", "untouched"), name
    assert stack.started("redis") == started
    done = stack.restore(file=str(tmp_path / "dump.rdb.gz"), backup="", prove_restart=False)
    assert not done["failed"] and stack.keys()["db0"] >= keys["db0"] - 50 - 20, done.get("msg")
    stack.require_nothing_left()


def test_a_server_that_cannot_save_when_it_ends_keeps_what_it_has(stack, backup):
    emptied(stack)
    stack.inside("chmod", "555", "/data")
    failed = stack.restore(stop_timeout=2, dependents=[])
    stack.inside("chmod", "755", "/data")
    assert (failed["reason"], failed["details"]["safe_state"]) == ("redis_not_stopped", "rolled_back"), failed["msg"]
    assert stack.started("redis") and stack.restore(state="recovered")["changed"] is False
    stack.require_nothing_left()


@pytest.fixture(scope="module")
def appending(tmp_path_factory):
    """An append-only file, and a container that is not root, so that nobody corrects the owners of files at its start."""
    command = json.dumps(["redis-server", "--dir", "/data", "--appendonly", "yes", "--requirepass", PASSWORD])
    own = "user: redis\n    entrypoint: [/usr/bin/env]\n    environment"
    replaced = [("environment", own), ("command: ['redis-server']", f"command: {command}"), ("[CMD, redis-healthcheck]", "[CMD, redis-cli, ping]")]
    stack = made(tmp_path_factory, "redis-appending", appendonly="yes", replaced=replaced)
    yield stack
    stack.down()


def test_a_server_that_appends_has_everything_after_two_starts(appending):
    backup = appending.back_up()["backups"][0]
    assert backup["appendonly"]
    before, mode = emptied(appending), appending.inside("stat", "-c", "%a", "/data/dump.rdb").strip()
    appending.inside("touch", "/data/appendonly.aof")  # of an older server
    done = appending.restore()
    assert not done["failed"], done["msg"]
    require_restored(appending, backup)
    assert {"appendonlydir", "dump.rdb"} <= appending.files() and "appendonly.aof" not in appending.files()
    modes = appending.inside("find", "/data/appendonlydir", "-printf", "%m %u\n").splitlines()
    assert set(modes) == {"700 redis", f"{mode} redis"}
    appending.compose("restart", "--timeout", "10", "redis")
    appending.await_healthy("redis")
    require_restored(appending, backup)
    undone = appending.restore(state="undone", prove_restart=False)
    assert not undone["failed"] and appending.keys() == before, undone.get("msg")


def test_a_lost_append_only_file_comes_back_with_the_data(appending):
    backup = appending.back_up(verify="none", purpose="manual") and appending.published()[0]
    appending.inside("rm", "-r", "/data/appendonlydir")
    done = appending.restore(backup=backup.id)
    assert not done["failed"], done["msg"]
    assert "appendonlydir" in appending.files() and appending.redis("GET", "order:7") == b"paid 00000007"


def test_a_server_that_cannot_start_any_more_is_brought_back(appending):
    """Its append-only file is damaged in the middle."""
    backup = appending.published()[0].id
    appending.compose("stop", "--timeout", "10", "redis")
    helper = ["run", "--rm", "--volume", f"{appending.name}_data:/data", "--entrypoint", "sh", "runbook-redis:7", "-c"]
    docker(*helper, "for file in /data/appendonlydir/*.aof; do printf 'no command at all\\r\\n' > $file; done")
    appending.compose("start", "redis")
    refused = appending.restore(backup=backup)
    assert refused["reason"] in ("redis_not_in_stack", "redis_unreachable") and "data_dir" in refused["msg"]
    told = {"data_dir": "/data", "appendonly": "yes"}
    assert appending.restore(backup=backup, safety_backup=True, **told)["reason"] == "bad_input"
    done = appending.restore(backup=backup, **told)
    assert not done["failed"], done["msg"]
    assert appending.redis("GET", "order:7") == b"paid 00000007" and done["undo_directory"] in appending.files()
    assert "app" in done["services_restarted"] or appending.started("app")


def test_a_setting_that_no_restart_survives_is_found_and_everything_taken_back(appending):
    """The server says that it does not append, and does again after any start: it would have nothing."""
    appending.redis("CONFIG SET", "appendonly", "no")
    appending.redis("SET", "since", "1")
    before, app = appending.keys(), appending.started("app")
    failed = appending.restore(backup=appending.published()[0].id)
    assert (failed["reason"], failed["details"]["safe_state"]) == ("restore_differs", "rolled_back"), failed["msg"]
    assert "The data from before are live again." in failed["msg"]
    # They are what the server's own configuration makes of the old files; it appended until a moment ago.
    assert appending.keys()["db0"] >= before["db0"] - 71 and appending.started("app") != app
    appending.require_nothing_left()
