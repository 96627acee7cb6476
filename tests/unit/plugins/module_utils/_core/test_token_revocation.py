"""What becomes of a token, by what its entry has left and by when it expires."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.token_revocation import (
    ABSENT,
    NEVER,
    Found,
    Request,
    Token,
    expiry_of,
    plan_revocation,
)

NOW = 1_000_000
DEFAULT, LEEWAY = 604800, 60
OPTIONS = {
    "state": "revoked", "jti": None, "token": None, "user": None, "token_key": "token:blacklist:{jti}", "user_tokens_key": "", "session_key": "",
    "user_sessions_key": "", "default_life": DEFAULT, "leeway": LEEWAY, "max_tokens": 10, "database": 0,
}  # fmt: skip
OF_USERS = {"user": "alice", "user_tokens_key": "token:user:{user}"}


def decided(left_ms: int, expires_at: float | None = None) -> Token:
    token = Token(b"7f", b"token:blacklist:7f", expires_at, left_ms)
    token.decide(NOW, DEFAULT, LEEWAY)
    return token


@pytest.mark.parametrize(
    ("left_ms", "expires_at", "outcome", "life"),
    [
        (ABSENT, None, "revoked", DEFAULT),
        (ABSENT, NOW + 100, "revoked", 160),
        (ABSENT, NOW + 0.2, "revoked", 61),
        (ABSENT, NOW - LEEWAY + 0.5, "revoked", 1),
        (ABSENT, NOW - LEEWAY, "expired", 0),
        (NEVER, NOW + 100, "already_revoked", 0),
        (5000, None, "already_revoked", 0),
        (160_000, NOW + 100, "already_revoked", 0),
        (158_000, NOW + 100, "already_revoked", 0),
        (150_000, NOW + 100, "prolonged", 160),
        (900_000, NOW + 100, "already_revoked", 0),
    ],
)
def test_an_entry_outlives_its_token_and_is_never_shortened(left_ms, expires_at, outcome, life):
    token = decided(left_ms, expires_at)
    assert (token.outcome, token.life, token.must_be_written) == (outcome, life, outcome in ("revoked", "prolonged"))


@pytest.mark.parametrize(
    ("text", "expiry"),
    [("1300819380", 1300819380), ("1300819380000", 1300819380), ("1.3e9", 1.3e9), ("x", None), ("", None), ("nan", None), ("0", None), ("1e99", None)],
)
def test_times_beside_tokens(text, expiry):
    assert expiry_of(text) == expiry


def test_a_plan_says_what_is_done_and_a_second_one_nothing():
    request = Request.from_params({**OPTIONS, "jti": "7f"})
    first = plan_revocation(request, Found([decided(ABSENT)]))
    assert [(step.action, step.target, step.detail) for step in first.steps] == [("revoke", "token 7f", "1 token")]
    assert (first.before["revoked"], first.after["revoked"]) == (0, 1)
    again = plan_revocation(request, Found([decided(604_700_000)]))
    assert not again.changed and again.facts["already_revoked"] == 1
    assert not plan_revocation(request, Found([decided(ABSENT, NOW - 4000)])).changed


def test_tokens_of_a_user_leave_the_list_even_when_they_were_revoked_by_a_run_that_was_killed():
    request = Request.from_params({**OPTIONS, **OF_USERS})
    assert [step.action for step in plan_revocation(request, Found([decided(5000)])).steps] == ["forget"]
    assert not plan_revocation(request, Found()).changed


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"jti": "a", "user": "b"},
        {"jti": ""},
        {"jti": "a\nb"},
        {"jti": "a", "token_key": ""},
        {"jti": "a", "token_key": "token"},
        {"jti": "a", "token_key": "token:{user}:{jti}"},
        {"user": "alice"},
        {**OF_USERS, "user": ""},
        {**OF_USERS, "user": "alice:2"},
        {**OF_USERS, "user_tokens_key": "token:{user}:{name}"},
        {**OF_USERS, "user_tokens_key": "token:"},
        {**OF_USERS, "session_key": "session:{session}"},
        {"user": "alice", "user_sessions_key": "sessions:{user}"},
        {"jti": "a", "default_life": 0},
        {"jti": "a", "leeway": -1},
        {"jti": "a", "max_tokens": 0},
        {"jti": "a", "database": -1},
    ],
)
def test_what_is_not_clear_is_refused(wrong):
    with pytest.raises(BadInput):
        Request.from_params({**OPTIONS, **wrong})


def test_sessions_alone_need_no_name_for_tokens():
    request = Request.from_params({**OPTIONS, "user": "alice", "token_key": "", "session_key": "session:{session}", "user_sessions_key": "sessions:{user}"})
    plan = plan_revocation(request, Found(sessions=[b"session:1", b"session:2"]))
    assert [(step.action, step.detail) for step in plan.steps] == [("end_sessions", "2 sessions")]
