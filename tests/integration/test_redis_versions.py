"""A newer Redis and Valkey are looked at, cleared, set, backed up and restored as the 7.0 of all other tests is."""

from __future__ import annotations

import time

import pytest

from tests.support.redis_backups import BackedUpRedis
from tests.support.stacks import unique_name

OVERRIDE = "compose.override.yaml"
SECTIONS = ["server", "memory", "hits", "clients", "persistence", "replication", "slowlog", "latency", "keyspace", "prefixes", "commands"]
# What Valkey calls itself for those who ask a Redis.
VERSIONS = {"runbook-redis:8": "8.0.", "runbook-valkey:8": "7.2."}
KEYS = {"db0": 352, "db3": 1}


@pytest.fixture(scope="module", params=sorted(VERSIONS))
def stack(request, tmp_path_factory):
    name = request.param.partition("-")[2].replace(":", "-")
    settings = ["--requirepass", "${REDIS_PASSWORD}"]
    made = BackedUpRedis(tmp_path_factory.mktemp(name), unique_name(name), "yes", settings, replaced=[("runbook-redis:7", request.param)])
    made.version = VERSIONS[request.param]
    (made.directory / OVERRIDE).write_text("services: {}\n")
    try:
        made.up()
        made.fill()
        until = time.monotonic() + 60
        while made.keys() != KEYS:  # those that expire at once go in the server's own time
            assert time.monotonic() < until, made.keys()
            time.sleep(0.05)
        yield made
    finally:
        made.down()


def test_it_is_looked_at_whole(stack):
    told = stack.module("redis_info", sections=SECTIONS, interval=0.2, observe={"seconds": 0.2})
    assert not told["failed"] and told["complete"], told
    assert told["server"]["version"].startswith(stack.version)
    assert [problem for problem in told["problems"] if problem["problem"] == "unavailable"] == []
    assert told["clients"]["max"] == 10000 and told["persistence"]["aof_enabled"] and told["persistence"]["aof_ok"]
    assert told["keyspace"]["total"] == sum(KEYS.values()) and told["commands"]["total"] > 5
    assert stack.module("redis_access_info")["finding"] == "healthy"


def test_keys_are_counted_deleted_and_left_alone(stack):
    stack.redis("MSET", "cache:1", "x", "cache:2", "x", "cache:*", "x", "token:1", "x")
    options = {"prefix": "cache:", "protected_prefixes": ["token:"], "state": "absent"}
    assert stack.module("redis_keys", **options)["deleted"] == 3
    again = stack.module("redis_keys", **options)
    assert (again["changed"], stack.redis("DEL", "token:1")) == (False, 1)


def test_settings_are_set_and_outlive_the_container(stack):
    options = {"settings": {"maxmemory": "64mb", "maxmemory-policy": "volatile-ttl"}, "override_file": OVERRIDE}
    done = stack.module("redis_settings", **options)
    assert (done["failed"], done["changed"]) == (False, True), done
    stack.compose("up", "--detach", "--wait", "redis")
    with stack.session() as session:
        assert session.settings("maxmemory", "maxmemory-policy") == {"maxmemory": str(64 * 2**20), "maxmemory-policy": "volatile-ttl"}
    assert stack.module("redis_settings", **options)["changed"] is False
    assert stack.keys() == KEYS


def test_a_backup_comes_back_with_the_append_only_file_and_can_be_undone(stack):
    made = stack.back_up()
    assert not made["failed"], made
    (backup,) = made["backups"]
    assert {f"db{number}": one["keys"] for number, one in backup["databases"].items()} == KEYS
    assert stack.module("redis_backup", **stack.backing_up, state="verified", backup=backup["id"])["failed"] is False
    stack.redis("FLUSHALL")
    stack.redis("SET", "since", "1")
    done = stack.restore()
    assert (done["failed"], done["changed"], done["restart_proven"]) == (False, True, True), done
    assert stack.keys() == KEYS and stack.redis("GET", "since") is None
    assert stack.redis("HGET", b"\x00odd \r\n key*?\xff", "field") == b"value"
    with stack.session() as session:
        assert session.info("persistence")["aof_enabled"] == "1"
    undone = stack.restore(state="undone")
    assert (undone["failed"], stack.keys()) == (False, {"db0": 1})
    stack.require_nothing_left()
