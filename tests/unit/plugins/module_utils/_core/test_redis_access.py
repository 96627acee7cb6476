"""One finding out of what was seen of a Redis and its application."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.access_check import Attempt
from ansible_collections.runbook.compose.plugins.module_utils._core.application_login import REDIS, LoginNotFound, application_login
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_access import Seen, diagnosed

MEMORY = {"used_percent": 40.0, "percent_of": "maxmemory", "policy": "noeviction"}
PERSISTENCE = {"aof_enabled": False, "aof_ok": True, "save_points": [{"seconds": 900, "changes": 1}], "last_save_ok": True}
SERVER = {"loading": False, "loading_percent": None, "role": "primary"}
WELL = Seen("", "redis", True, Attempt(), Attempt(), SERVER, MEMORY, {"max": 100, "connected": 9}, PERSISTENCE)
REFUSED = Attempt("redis_login_refused", "wrong password")
AWAY = Attempt("redis_unreachable", "nobody answers")
TAKEN = Attempt("redis_connections_exhausted", "all its connections are taken")
FULL = {**MEMORY, "used_percent": 101.0}


@pytest.mark.parametrize(
    ("differs", "found"),
    [
        ({}, "healthy"),
        ({"container": "exited", "application": AWAY}, "container_down"),
        ({"own": AWAY, "resolves": False, "server": None, "memory": None, "clients": None, "persistence": None}, "not_ready"),
        ({"server": {**SERVER, "loading": True, "loading_percent": 12.0}, "application": Attempt("redis_loading", "loads")}, "loading"),
        ({"server": None, "own": Attempt("redis_loading", "loads")}, "loading"),
        ({"resolves": False, "application": REFUSED}, "name_not_found"),
        ({"clients": {"max": 10, "connected": 9}, "application": Attempt("redis_connections_exhausted", "all taken")}, "clients_exhausted"),
        ({"own": TAKEN, "application": TAKEN, "server": None, "memory": None, "clients": None, "persistence": None}, "clients_exhausted"),
        ({"application": REFUSED}, "login_refused"),
        ({"application": Attempt("application_login_not_found", "no variables")}, "login_failed"),
        ({"persistence": {**PERSISTENCE, "last_save_ok": False}, "memory": FULL}, "cannot_save"),
        ({"persistence": {**PERSISTENCE, "aof_enabled": True, "aof_ok": False}}, "cannot_save"),
        ({"persistence": {**PERSISTENCE, "last_save_ok": False}, "stops_writes": False}, "healthy"),
        ({"persistence": {**PERSISTENCE, "last_save_ok": False, "save_points": []}}, "healthy"),
        ({"memory": FULL}, "memory_full"),
        ({"memory": {**FULL, "policy": "allkeys-lru"}}, "memory_high"),
        ({"server": {**SERVER, "role": "replica"}}, "read_only"),
        ({"server": {**SERVER, "role": "replica"}, "memory": FULL, "persistence": {**PERSISTENCE, "last_save_ok": False}}, "read_only"),
        ({"memory": {**MEMORY, "used_percent": 80.0}}, "memory_high"),
        ({"memory": {**MEMORY, "used_percent": None}, "resolves": None, "application": None, "clients": {"max": None, "connected": 9}}, "healthy"),
    ],
)
def test_the_first_cause_is_the_finding(differs, found):
    told = diagnosed(replace(WELL, **differs), 80)
    assert (told["finding"], told["healthy"]) == (found, found == "healthy")
    assert bool(told["hint"]) == (found != "healthy") and told["message"]
    assert [check["verdict"] for check in told["checks"] if check["check"] == found] == ([] if found == "healthy" else ["yes"])


@pytest.mark.parametrize(
    ("environment", "host", "port", "username", "password"),
    [
        ({"REDIS_URL": "redis://:p%40ss@cache:6380/2"}, "cache", 6380, "", "p@ss"),
        ({"REDIS_URL": "redis://app:secret@cache"}, "cache", 6379, "app", "secret"),
        ({"REDIS_URL": "postgres://a:b@db/x", "REDIS_HOST": "redis", "REDIS_PASSWORD": "secret"}, "redis", 6379, "", "secret"),
    ],
)
def test_an_application_says_how_it_logs_in(environment, host, port, username, password):
    login = application_login(environment, "api-1", REDIS)
    assert (login.host, login.port, login.username, login.password) == (host, port, username, password)
    assert password not in repr(login)


@pytest.mark.parametrize("environment", [{}, {"REDIS_PASSWORD": "x"}, {"REDIS_HOST": "redis", "REDIS_PORT": "99999"}, {"REDIS_URL": "redis://"}])
def test_an_application_that_does_not_say_so_is_told(environment):
    with pytest.raises(LoginNotFound):
        application_login(environment, "api-1", REDIS)
