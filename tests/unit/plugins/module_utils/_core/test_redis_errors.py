"""Error replies of Redis become our errors by their code alone."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_errors import redis_error, unreachable


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NOAUTH", "redis_login_refused"),
        ("NOPERM", "redis_permission_denied"),
        ("MISCONF", "redis_read_only"),
        ("MOVED", "redis_cluster"),
        ("ERR", "redis_failed"),
    ],
)
def test_the_code_decides(code, reason):
    error = redis_error(code, "whatever the server\nsaid.", "Redis at db:6379, GET")
    assert (error.reason, error.details["code"]) == (reason, code)
    assert str(error) == f"Redis at db:6379, GET: {code} whatever the server said."


def test_without_a_code_the_message_stays():
    assert str(redis_error("", "no such thing", "GET")) == "GET: no such thing."
    assert unreachable("GET", "timed out").reason == "redis_unreachable"
