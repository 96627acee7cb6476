"""One finding out of what was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.access_check import Attempt
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_access import Bounds, Seen, diagnosed, pool_size

ROOMY = {"used": 10, "max_connections": 100, "reserved": 3, "free": 87, "used_percent": 10.3}
WELL = Seen("", 2**40, "postgres", True, Attempt(), Attempt(), ROOMY, 2)
FULL = {**ROOMY, "used": 97, "free": 0, "used_percent": 100.0}
REFUSED = Attempt("postgres_login_refused", "wrong password")
AWAY = Attempt("postgres_unreachable", "nobody answers")


def finding(**differs) -> str:
    return diagnosed(replace(WELL, **differs), Bounds())["finding"]


@pytest.mark.parametrize(
    ("differs", "found"),
    [
        ({}, "healthy"),
        ({"disk_free_bytes": 2**20, "container": "exited", "own": AWAY}, "disk_full"),
        ({"container": "exited", "own": AWAY, "application": AWAY}, "container_down"),
        ({"own": AWAY, "resolves": False}, "not_ready"),
        ({"resolves": False, "application": REFUSED}, "name_not_found"),
        ({"connections": FULL}, "connections_exhausted"),
        ({"connections": None, "own": Attempt("postgres_connections_exhausted", "too many"), "application": REFUSED}, "connections_exhausted"),
        ({"application": REFUSED}, "login_refused"),
        ({"own": REFUSED, "connections": None}, "login_refused"),
        ({"application": Attempt("application_login_not_found", "no variables")}, "login_failed"),
        ({"connections": {**ROOMY, "used_percent": 80.0}}, "connections_high"),
        ({"disk_free_bytes": None, "resolves": None, "application": None}, "healthy"),
    ],
)
def test_the_first_cause_is_the_finding(differs, found):
    told = diagnosed(replace(WELL, **differs), Bounds())
    assert (told["finding"], told["healthy"]) == (found, found == "healthy")
    assert bool(told["hint"]) == (found != "healthy") and told["message"]
    assert [check["verdict"] for check in told["checks"] if check["check"] == found] == ([] if found == "healthy" else ["yes"])


def test_the_pools_of_all_replicas_leave_room():
    assert pool_size(ROOMY, 2) == 38
    assert pool_size({**ROOMY, "max_connections": 4}, 5) == 1
    assert pool_size(None, 2) is None and pool_size(ROOMY, 0) is None
