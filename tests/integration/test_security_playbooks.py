"""Accounts that are really locked, tokens that are really used: unlocked and revoked by playbooks, and nobody else's."""

from __future__ import annotations

import json

import pytest

from tests.support.gateway import ENV, Gateway
from tests.support.stacks import unique_name

URL = "http://127.0.0.1:{{ stack_edge_port }}"
REDIS = {
    "protected_prefixes": ["lockout:", "token:blacklist:", "session:"],
    "keys": {
        "lockouts": {"prefix": "lockout:", "key_of": "lockout:{user}:{client}"},
        "attempts": {"prefix": "attempts:", "key_of": "attempts:{user}:{client}"},
        "flags": {"prefix": "flagged:", "key_of": "flagged:{user}"},
        "revoked": {"prefix": "token:blacklist:", "key_of": "token:blacklist:{jti}"},
        "tokens_of_user": {"prefix": "token:user:", "key_of": "token:user:{user}"},
        "sessions": {"prefix": "session:", "key_of": "session:{id}"},
        "sessions_of_user": {"prefix": "session-ids:", "key_of": "session-ids:{user}"},
    },
    "lockouts": {"families": ["lockouts", "attempts"], "flag": "flags"},
    "tokens": {
        "revoked": "revoked",
        "of_user": "tokens_of_user",
        "sessions": "sessions",
        "sessions_of_user": "sessions_of_user",
        "probes": [
            {
                "name": "the token is refused",
                "url": f"{URL}/auth/refresh",
                "method": "POST",
                "body": {"refresh_token": "{{ security_tokens_token }}"},
                "status": ["401"],
            }
        ],
    },
}
FAMILIES = ("lockout:", "attempts:", "token:blacklist:", "token:user:", "session:", "session-ids:")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    made = Gateway(tmp_path_factory.mktemp("accounts"), unique_name("accounts"), **REDIS)
    try:
        made.project.up("api")
        yield made
    finally:
        made.remove()


@pytest.fixture(autouse=True)
def empty(gateway):
    gateway.stack.redis("FLUSHALL")


def log_in(gateway: Gateway, user: str, password: str = ENV["LOGIN_PASSWORD"]) -> tuple[int, dict]:
    return gateway.ask("/auth/login", {"username": user, "password": password})


def refresh(gateway: Gateway, token: str) -> int:
    return gateway.ask("/auth/refresh", {"refresh_token": token})[0]


def test_one_account_is_unlocked_and_no_other(gateway):
    locked = ("alice", "alice2", "*", "alic?")
    for user in locked:
        assert [log_in(gateway, user, "wrong")[0] for attempt in range(4)] == [401, 401, 401, 423]
    assert gateway.count("lockout:", "attempts:") == {"lockout:": 4, "attempts:": 4}
    done = gateway.must("security/unlock_account", user="alice", reason="ticket 7")
    assert (done.told["result"]["found"], done.told["result"]["deleted"], done.changed) == (2, 2, 1)
    assert [log_in(gateway, user)[0] for user in locked] == [200, 423, 423, 423]
    assert gateway.must("security/unlock_account", user="alice").changed == 0
    gateway.must("security/unlock_account", user="*")
    assert [log_in(gateway, user)[0] for user in locked] == [200, 423, 200, 423]
    assert gateway.count("lockout:", "attempts:") == {"lockout:": 2, "attempts:": 2}


def test_a_flagged_account_stays_locked_and_only_the_named_address_is_unlocked(gateway):
    for client in ("10.0.0.1", "2001:db8::1"):
        gateway.stack.redis("SET", f"lockout:bob:{client}", 1)
    gateway.stack.redis("SET", "flagged:bob", 1)
    refused = gateway.play("security/unlock_account", user="bob")
    assert (refused.code != 0, refused.failure["reason"], gateway.count("lockout:")) == (True, "account_flagged", {"lockout:": 2})
    gateway.must("security/unlock_account", user="bob", client="2001:db8::1", when_flagged="unlock")
    assert gateway.stack.redis("EXISTS", "lockout:bob:10.0.0.1", "lockout:bob:2001:db8::1") == 1
    assert gateway.play("security/unlock_account", user="bob:10.0.0.1", when_flagged="unlock").reason == "bad_input"
    assert gateway.play("security/unlock_account", client="10.0.0.1", when_flagged="unlock").code != 0


def test_a_token_and_all_of_a_user_are_revoked_and_the_application_refuses_them(gateway):
    tokens = {name: log_in(gateway, user)[1]["refresh_token"] for name, user in (("a1", "alice"), ("a2", "alice"), ("b1", "alice2"))}
    with gateway.stack.session() as session:
        session.pipeline([("SET", f"session:{name}", "x") for name in ("s1", "s2", "s3")])
        session.pipeline([("SADD", "session-ids:alice", "s1", "s2"), ("SADD", "session-ids:alice2", "s3")])
    assert [refresh(gateway, token) for token in tokens.values()] == [200, 200, 200]
    assert gateway.count(*FAMILIES) == {"lockout:": 0, "attempts:": 0, "token:blacklist:": 0, "token:user:": 2, "session:": 3, "session-ids:": 2}

    one = gateway.must("security/revoke_tokens", token=tokens["a1"])
    assert (one.told["result"]["revoked"], one.changed) == (1, 1)
    assert tokens["a1"] not in one.output + json.dumps(one.record)
    assert [refresh(gateway, token) for token in tokens.values()] == [401, 200, 200]

    all_of_alice = gateway.must("security/revoke_tokens", user="alice").told["result"]
    assert [all_of_alice[name] for name in ("found", "revoked", "already_revoked", "sessions_ended")] == [2, 1, 1, 2]
    assert [refresh(gateway, token) for token in tokens.values()] == [401, 401, 200]
    assert gateway.count(*FAMILIES) == {"lockout:": 0, "attempts:": 0, "token:blacklist:": 2, "token:user:": 1, "session:": 1, "session-ids:": 1}
    assert gateway.must("security/revoke_tokens", user="alice").changed == 0
