"""redis_info against a real server: what it tells is true, costs nothing, and shows no value."""

from __future__ import annotations

import json
import threading

import pytest

from tests.support.redis import PASSWORD, RedisStack
from tests.support.samples import documented_sample, undocumented
from tests.support.stacks import unique_name

SECRET = "correct-horse-battery"
ALL = ["server", "memory", "hits", "clients", "persistence", "replication", "slowlog", "latency", "keyspace", "prefixes", "commands"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    settings = ["--maxmemory", "64mb", "--slowlog-log-slower-than", "0", "--rename-command", "KEYS", "", "--enable-protected-configs", "yes"]
    made = RedisStack(tmp_path_factory.mktemp("redis-info"), unique_name("redis-info"), settings=settings)
    try:
        made.up()
        with made.session() as session:
            session.pipeline([("SET", f"cache:{number}", "x" * 1000, "EX", 5000) for number in range(2000)])
            session.pipeline([("SET", f"token:{SECRET}{number}", SECRET, "EX", 5000) for number in range(50)])
            session.pipeline([("HSET", b"odd\xff:\x00", "field", SECRET), ("SET", "plain", SECRET)])
        with made.session(3) as session:
            session.pipeline([("RPUSH", f"queue:{number}", SECRET) for number in range(5)])
        yield made
    finally:
        made.down()


def look(stack, **options) -> dict:
    told = stack.module("redis_info", **options)
    assert not told["failed"], told
    assert not told["changed"] and told["actions"] == []
    for secret in (SECRET, PASSWORD):
        assert secret not in json.dumps(told, ensure_ascii=False)
    return told


def problems(told: dict) -> list[str]:
    return [problem["problem"] for problem in told["problems"]]


def test_everything_is_told_as_documented(stack):
    stack.redis("GET", "cache:1")
    stack.redis("GET", "nowhere")
    told = look(stack, interval=0.2, observe={"seconds": 0.3}, protected_prefixes=["token:"])
    sample = documented_sample("redis_info")
    assert set(sample) <= set(told)
    assert undocumented({name: told[name] for name in sample}, sample) == []
    assert told["complete"] and told["healthy"]
    assert problems(told) == []
    assert (told["server"]["version"], told["server"]["role"]) == ("7.0.15", "primary")
    memory = told["memory"]
    assert (memory["maxmemory_bytes"], memory["percent_of"], memory["policy"]) == (64 * 2**20, "maxmemory", "noeviction")
    assert 2 < memory["used_percent"] < 50
    assert told["hits"]["hits"] >= 1 and told["hits"]["misses"] >= 1
    persistence = told["persistence"]
    assert (persistence["dir"], persistence["on_volume"], persistence["volume"]) == ("/data", True, f"{stack.name}_data")
    assert persistence["save_points"][0] == {"seconds": 900, "changes": 1}
    assert told["keyspace"]["total"] == 2057 and told["keyspace"]["without_expiry"] == 7
    assert told["change"]["valid"] and told["change"]["hit_percent"] is None
    assert told["table"].startswith("No problems found.")


def test_prefixes_are_those_of_the_keys_and_their_sizes_the_servers_own(stack):
    told = look(stack, sections=["prefixes"], sample_seconds=120, protected_prefixes=["token:", "queue:"])["prefixes"]
    assert (told["sampled"], told["total"], told["sampled_percent"]) == (2057, 2057, 100.0)
    rows = {(row["database"], row["prefix"]): row for row in told["prefixes"]}
    assert set(rows) == {(0, "cache:"), (0, "token:"), (0, "odd\\xff:"), (0, ""), (3, "queue:")}
    largest = told["prefixes"][0]
    assert (largest["prefix"], largest["key_count"], largest["without_expiry"], largest["types"]) == ("cache:", 2000, 0, ["string"])
    assert largest["bytes"] == 2000 * stack.redis("MEMORY", "USAGE", "cache:1")
    assert (rows[3, "queue:"]["without_expiry"], rows[3, "queue:"]["types"]) == (5, ["list"])
    protected = {row["prefix"]: row for row in told["protected"]}
    assert protected["token:"]["expiring"] == protected["token:"]["sampled"] >= 20
    assert protected["queue:"]["expiring"] == 0
    few = look(stack, sections=["prefixes"], sample_seconds=120, sample_keys=200)["prefixes"]
    assert 150 < few["sampled"] <= 201
    assert 1500 < next(row["key_count"] for row in few["prefixes"] if row["prefix"] == "cache:") <= 2052
    assert ["token:"] == sorted({row["prefix"] for row in few["prefixes"]} & {"token:"}) or few["sampled"] < 300


def test_an_interval_has_what_others_did_in_it_and_nothing_of_ours(stack):
    done = threading.Event()

    def read() -> None:
        with stack.session() as session:
            session.command("CLIENT", "SETNAME", "reader")  # the health check of the server comes and goes
            while not done.wait(0.01):
                session.pipeline([("GET", "cache:1"), ("GET", "cache:2"), ("GET", "cache:3"), ("GET", "nowhere")])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        told = look(stack, interval=1, observe={"seconds": 30, "commands": 40}, sections=["clients"])
    finally:
        done.set()
        reader.join()
    assert told["change"]["hit_percent"] == 75.0
    assert [row["calls"] >= 4 for row in told["change"]["commands"] if row["command"] == "GET"] == [True]
    assert {"SCAN", "TYPE"} & {row["command"] for row in told["change"]["commands"]} == set()
    assert [(row["name"], row["connections"]) for row in told["clients"]["by_client"] if row["address"] != "127.0.0.1"] == [("reader", 1)]
    assert told["clients"]["connected"] in (1, 2)
    observed = told["observed"]
    assert observed["calls"] <= 40 and observed["seconds"] < 30
    assert ("GET", "cache:") in {(row["command"], row["prefix"]) for row in observed["commands"]}


def test_a_look_writes_nothing_and_counts_for_few_reads(stack):
    stack.redis("CONFIG", "RESETSTAT")
    look(stack, sections=["prefixes", "slowlog", "clients", "latency", "memory", "persistence"])
    with stack.session() as session:
        info = session.info("all")
    called = {name[8:] for name in info if name.startswith("cmdstat_")} - {"auth", "ping"}
    assert called == {
        "info", "client|id", "client|list", "config|get", "config|resetstat", "memory|doctor", "memory|usage", "slowlog|get", "slowlog|len", "latency|latest",
        "latency|doctor", "echo", "scan", "select", "type", "ttl",
    }  # fmt: skip
    assert int(info["keyspace_hits"]) <= 2 * 5 * 20
    assert int(info["keyspace_misses"]) == 0


def test_slow_commands_are_told_by_name_and_prefix(stack):
    stack.redis("SLOWLOG", "RESET")
    stack.redis("GET", f"token:{SECRET}1")
    stack.redis("CONFIG", "SET", "masterauth", SECRET)
    entries = look(stack, sections=["slowlog"], limit=128)["slowlog"]["entries"]
    named = {(entry["command"], entry["prefix"]) for entry in entries}
    assert {("GET", "token:"), ("CONFIG SET", "")} <= named
    stack.redis("CONFIG", "SET", "masterauth", "")


def test_a_full_server_and_a_dangerous_policy_are_critical(stack):
    stack.redis("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        limits = {"memory_warning_percent": 1, "memory_critical_percent": 1}
        failed = stack.module("redis_info", sections=["memory"], protected_prefixes=["token:"], on_problem="fail", thresholds=limits)
        assert (failed["failed"], failed["reason"]) == (True, "redis_unhealthy")
        assert {problem["problem"] for problem in failed["details"]["problems"]} == {"memory_high", "protected_evictable"}
    finally:
        stack.redis("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_what_a_user_may_not_ask_is_unavailable_and_the_rest_is_told(stack):
    stack.redis("ACL", "SETUSER", "watcher", "on", f">{SECRET}", "+info", "+client|id", "+select", "+scan", "+type", "+ttl", "~cache:*")
    told = look(stack, username="watcher", password=SECRET, observe={"seconds": 0.2})
    assert not told["complete"] and told["healthy"]
    missing = {problem["subject"] for problem in told["problems"] if problem["problem"] == "unavailable"}
    assert missing >= {"MEMORY DOCTOR", "CLIENT LIST", "CONFIG GET", "SLOWLOG GET", "ECHO", "LATENCY LATEST", "MEMORY USAGE", "MONITOR"}
    assert told["slowlog"] is None and told["observed"] is None
    assert (told["persistence"]["dir"], told["persistence"]["on_volume"], told["persistence"]["save_points"]) == ("", None, None)
    assert told["memory"]["used_percent"] > 2 and told["keyspace"]["total"] == 2057
    assert {row["bytes"] for row in told["prefixes"]["prefixes"]} == {None}
    stack.redis("ACL", "DELUSER", "watcher")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"limit": 0}, "bad_input"),
        ({"interval": 301}, "bad_input"),
        ({"separator": ""}, "bad_input"),
        ({"protected_prefixes": [""]}, "bad_input"),
        ({"thresholds": {"memory": 1}}, "bad_input"),
        ({"observe": {"seconds": 61}}, "bad_input"),
        ({"reply_timeout": 0}, "bad_input"),
        ({"password": "wrong"}, "redis_login_refused"),
        ({"service": "absent"}, "redis_not_in_stack"),
        ({"port": 1}, "redis_unreachable"),
    ],
)
def test_what_is_wrong_is_refused(stack, options, reason):
    refused = stack.module("redis_info", **options)
    assert (refused["failed"], refused["reason"]) == (True, reason)
    assert PASSWORD not in json.dumps(refused)


def test_data_that_lies_in_the_container_is_an_error_of_the_stack(stack):
    stack.redis("CONFIG", "SET", "dir", "/tmp")
    try:
        told = look(stack, sections=["persistence"])
        assert problems(told) == ["not_on_volume"] and not told["healthy"]
    finally:
        stack.redis("CONFIG", "SET", "dir", "/data")


def test_a_server_that_reads_its_data_is_told_as_such(tmp_path):
    made = RedisStack(tmp_path, unique_name("redis-loading"), settings=["--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024"])
    try:
        made.up()
        with made.session() as session:
            session.pipeline([("SET", f"key:{number}", "x" * 100) for number in range(30_000)])  # minutes of loading
        made.compose("restart", "redis")
        told = look(made, sections=["server", "memory", "keyspace", "prefixes"])
        assert told["server"]["loading"] and 0 <= told["server"]["loading_percent"] < 100
        assert problems(told)[0] == "loading" and not told["healthy"] and not told["complete"]
        assert told["prefixes"] is None
        assert made.module("redis_access_info")["finding"] == "loading"
        assert made.module("redis_settings", settings={"hz": 10})["reason"] in ("redis_settings_not_kept", "redis_loading")
    finally:
        made.down()
