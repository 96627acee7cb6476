"""Settings of a Redis are changed all or none, also when the server refuses one of them or is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_configuration import RedisConfiguration, expiring_below
from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_session import RedisSession
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_errors import RedisFailed, RedisForbidden, RedisUnreachable
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_settings import Setting, SettingChange


class Server(RedisSession):
    """A session without a connection: settings and keys in memory.

    ``refuses`` are the settings that it does not take, ``lost_after`` the number of commands that it answers.
    """

    def __init__(self, refuses: tuple = (), ignores: tuple = (), lost_after: int = 1000, aof: str = "ok") -> None:
        self.values = {"hz": "10", "timeout": "0", "appendonly": "no"}
        self.refuses, self.ignores, self.left, self.aof = refuses, ignores, lost_after, aof
        self.keys = [b"cache:1", b"token:1", b"order:1"]
        self.lives = {b"cache:1": 5, b"token:1": 9}

    def command(self, name: str, *words: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise RedisUnreachable("Connection closed.")
        if name == "CONFIG SET":
            if words[0] in self.refuses and words[1] != "0":
                raise RedisFailed("CONFIG SET failed.")
            self.values.update({} if words[0] in self.ignores else {words[0]: words[1]})
        return (b"0", self.keys) if name == "SCAN" else None

    def settings(self, *names: str) -> dict:
        return {name: self.values[name] for name in names}

    def info(self, section: str) -> dict:
        enabled = "1" if self.values["appendonly"] == "yes" else "0"
        return {"aof_enabled": enabled, "aof_last_bgrewrite_status": self.aof, "aof_last_write_status": "ok", "db0": "keys=3,expires=2,avg_ttl=1"}

    def pipeline(self, commands: list) -> list:
        return [self.lives.get(key, -1) for unused, key in commands]


def changes(**wanted: str) -> list[SettingChange]:
    return [SettingChange(Setting(name, Server().values[name], None), value) for name, value in wanted.items()]


def set_on(server: Server, **wanted: str) -> OperationError:
    with pytest.raises(OperationError) as failed:
        RedisConfiguration(server).set(changes(**wanted), 0.2)
    return failed.value


def test_all_are_set():
    server = Server()
    RedisConfiguration(server).set(changes(hz="20", timeout="5", appendonly="yes"), 1)
    assert server.values == {"hz": "20", "timeout": "5", "appendonly": "yes"}


def test_when_one_is_refused_those_before_it_are_set_back():
    server = Server(refuses=("timeout",))
    assert set_on(server, hz="20", timeout="5").reason == "redis_failed"
    assert server.values == Server().values


def test_a_value_that_the_server_takes_and_does_not_go_by_is_a_failure():
    server = Server(ignores=("timeout",))
    error = set_on(server, hz="20", timeout="5")
    assert (error.reason, error.details["settings"], server.values["hz"]) == ("setting_not_in_effect", ["timeout"], "10")


def test_an_append_only_file_that_fails_is_switched_off():
    server = Server(aof="err")
    assert set_on(server, appendonly="yes").reason == "setting_not_in_effect"
    assert server.values["appendonly"] == "no"


def test_what_cannot_be_set_back_is_told_with_the_cause():
    error = set_on(Server(lost_after=1), hz="20", timeout="5")
    assert error.reason == "redis_unreachable"
    assert "hz could not be set back to '10'" in error.hint


def test_keys_below_a_prefix_are_judged_by_whether_one_of_them_expires():
    assert expiring_below(Server(), ["token:", "order:", "absent:"], 5) == {"token:": 1, "order:": 0, "absent:": 0}
    assert expiring_below(Server(), [], 5) == {}


def test_without_time_to_look_at_all_keys_nobody_knows():
    server = Server()
    server.command = lambda name, *words: (b"7", [b"cache:1"]) if name == "SCAN" else None
    assert expiring_below(server, ["order:"], 0) == {"order:": -1}


def test_a_user_that_may_not_ask_for_lives_is_no_reason_to_believe_anything():
    server = Server()
    server.pipeline = lambda commands: [RedisForbidden("PTTL is not permitted.") for unused in commands]
    with pytest.raises(RedisForbidden):
        expiring_below(server, ["token:"], 5)
