"""Settings of Redis: what means the same, what is refused, and what a start makes of files and command lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core import redis_config_file, redis_settings
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_command import RedisCommand, setting_of
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_setting_values import memory_bytes, same, to_text, value_of
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_settings import MemoryLimitUnsafe, ProtectedEvictable, Setting, Surroundings
from ansible_collections.runbook.compose.plugins.module_utils._core.setting_errors import DangerousSetting

MIB = 2**20
PLAIN = {"maxmemory": "0", "maxmemory-policy": "noeviction", "save": "900 1", "appendonly": "no"}


@pytest.mark.parametrize(
    ("name", "wanted", "actual", "equal"),
    [
        ("maxmemory", "1gb", "1073741824", True),
        ("maxmemory", "1g", "1073741824", False),
        ("maxmemory", "1GB", None, False),
        ("save", "300 10  900 1", "900 1 300 10", True),
        ("save", "", "", True),
        ("save", "900 1", "", False),
        ("appendonly", "YES", "yes", True),
        ("maxmemory-policy", "AllKeys-LRU", "allkeys-lru", True),
        ("notify-keyspace-events", "KEA", "AKE", True),
        ("client-output-buffer-limit", "pubsub 32mb 8mb 60", "normal 0 0 0 slave 1 1 1 pubsub 33554432 8388608 60", True),
        ("client-output-buffer-limit", "replica 2 1 1", "normal 0 0 0 slave 1 1 1", False),
        ("syslog-ident", "Redis", "redis", False),
    ],
)
def test_values_are_compared_as_the_server_understands_them(name, wanted, actual, equal):
    assert same(name, wanted, actual) is equal


def test_values_of_yaml_become_what_the_server_takes():
    assert [to_text("appendonly", value) for value in (True, False, "no")] == ["yes", "no", "no"]
    assert to_text("save", [[900, 1], {"seconds": 300, "changes": 10}]) == "900 1 300 10"
    assert (to_text("timeout", 5), memory_bytes("maxmemory", "2mb")) == ("5", 2 * MIB)
    for name, wrong in (("save", [[900]]), ("timeout", None), ("timeout", "1\n2"), ("maxmemory", [])):
        with pytest.raises(BadInput):
            to_text(name, wrong)


@pytest.mark.parametrize("name", ["requirepass", "BIND", "dir", "replicaof", "tls-port", "cluster-enabled", "enable-debug-command", "user", "aclfile", "port"])
def test_what_could_lock_out_or_lose_data_is_refused(name):
    with pytest.raises(DangerousSetting):
        redis_settings.read_wanted({name: "x"})


@pytest.mark.parametrize("given", [{"max*": 1}, {"hz": 1, "HZ": 2}, {"save": "900"}, {"save": "0 1"}, {"maxmemory": "much"}, {"maxmemory": "-1"}, {"": 1}])
def test_what_makes_no_sense_is_refused(given):
    with pytest.raises(BadInput):
        redis_settings.read_wanted(given)


def test_the_policy_is_set_first_and_the_limit_last():
    assert list(redis_settings.read_wanted({"maxmemory": "1gb", "hz": 10, "maxmemory-policy": "noeviction"})) == ["maxmemory-policy", "hz", "maxmemory"]


def test_what_is_in_effect_and_not_kept_is_a_change():
    observed = {
        "hz": Setting("hz", "10", "10"), "timeout": Setting("timeout", "5", None), "maxmemory": Setting("maxmemory", "0", "0"),
    }  # fmt: skip
    changes = redis_settings.decide(observed, {"hz": "10", "timeout": "5", "maxmemory": "1gb"})
    assert [step.action for change in changes for step in change.steps("there")] == ["keep", "set", "keep"]
    with pytest.raises(BadInput):
        redis_settings.decide(observed, {"nonsense": "1"})


def judge(after: dict, asked=None, before=None, used=MIB, limit=100 * MIB, protected=None) -> None:
    around = Surroundings(used, limit, protected or {})
    redis_settings.refuse_unsafe({**PLAIN, **(before or {})}, {**PLAIN, **(before or {}), **after}, asked or list(after), around)


def test_a_limit_has_room_for_copies_and_for_what_is_there():
    judge({"maxmemory": "75mb"})
    judge({"maxmemory": "1gb"}, limit=0)
    judge({"maxmemory": "0"})
    judge({"hz": "10"}, before={"maxmemory": "1gb"})
    for wrong in ("76mb", "900kb"):
        with pytest.raises(MemoryLimitUnsafe):
            judge({"maxmemory": wrong})


@pytest.mark.parametrize(
    ("after", "before", "protected"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, {}, {"token:": 0}),
        ({"maxmemory-policy": "VOLATILE-TTL"}, {}, {"token:": 3, "lockout:": 0}),
        ({"maxmemory-policy": "volatile-lru"}, {}, {"token:": -1}),
        ({"maxmemory": "10mb"}, {"maxmemory-policy": "allkeys-random"}, {"token:": 0}),
    ],
)
def test_a_policy_that_could_evict_what_is_protected_is_refused(after, before, protected):
    with pytest.raises(ProtectedEvictable):
        judge(after, before=before, protected=protected)


def test_a_policy_that_cannot_is_allowed_and_so_is_more_memory_under_one_that_was_there():
    judge({"maxmemory-policy": "volatile-lru"}, protected={"token:": 0})
    judge({"maxmemory-policy": "allkeys-lru"})
    judge({"maxmemory": "20mb"}, before={"maxmemory": "10mb", "maxmemory-policy": "allkeys-lru"}, protected={"token:": 1})


def test_what_may_not_be_meant_is_told():
    around = Surroundings(MIB, 100 * MIB, {})
    assert redis_settings.cautions({**PLAIN, "maxmemory": "10mb"}, around) == []
    told = redis_settings.cautions({**PLAIN, "maxmemory-policy": "allkeys-lru", "save": ""}, around)
    assert [word in text for word, text in zip(("no maxmemory", "kernel", "all data is gone"), told)] == [True, True, True]


@pytest.mark.parametrize(
    "words",
    [
        ["redis-server"],
        [],
        ["--maxmemory", "1gb"],
        ["/etc/redis.conf"],
        ["gosu", "redis", "/usr/bin/redis-server", "/etc/redis.conf", "--save", "", "--save", "900", "1", "--requirepass", "secret"],
    ],
)
def test_a_command_line_stays_itself_but_for_what_is_set(words):
    command = RedisCommand.parse(words)
    assert command is not None and command.words == words
    changed = command.with_settings({"maxmemory": "2gb", "save": "300 10"})
    assert (value_of("maxmemory", changed.lines("maxmemory")), value_of("save", changed.lines("save"))) == ("2gb", "300 10")
    assert changed.with_settings({"maxmemory": "2gb", "save": "300 10"}) == changed
    assert "secret" not in command.shown and RedisCommand.parse(changed.words) == changed


@pytest.mark.parametrize("words", [["sh", "-c", "redis-server --maxmemory 1gb"], ["/start.sh"], ["redis-server", "/a.conf", "stray"]])
def test_what_is_no_command_line_of_the_server_is_not_touched(words):
    assert RedisCommand.parse(words) is None


def test_the_command_line_is_read_after_the_file():
    file, command = [("900", "1"), ("60", "10000")], RedisCommand.parse(["redis-server", "--save", "300 10"])
    assert setting_of("save", file, command.lines("save")) == "900 1 60 10000 300 10"
    assert setting_of("save", file, [("",), ("5", "1")]) == "5 1"
    assert setting_of("hz", [("10",)], [("20",)]) == "20"
    assert setting_of("hz", [], []) is None


def test_a_file_keeps_what_is_not_set_and_ours_comes_last():
    text = '# theirs\nmaxmemory 1gb\n  Save 900 1\nsave 60 10000\ninclude /etc/more.conf\nrequirepass "a b"\n\n'
    changed = redis_config_file.with_settings(text, {"maxmemory": "2gb", "save": "300 10"})
    assert changed == ('# theirs\ninclude /etc/more.conf\nrequirepass "a b"\n# Set by runbook.compose\nmaxmemory 2gb\nsave ""\nsave 300 10\n')
    assert redis_config_file.with_settings(changed, {"maxmemory": "2gb", "save": "300 10"}) == changed
    assert value_of("save", redis_config_file.lines_of(changed, "save")) == "300 10"
    assert redis_config_file.lines_of(changed, "requirepass") == [("a b",)]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30))
def test_a_text_in_the_file_is_read_back_as_it_was(value):
    changed = redis_config_file.with_settings("hz 10\n", {"syslog-ident": value})
    assert value_of("syslog-ident", redis_config_file.lines_of(changed, "syslog-ident")) == value
