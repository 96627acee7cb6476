"""Tokens and sessions in a real Redis: revoked once, for the life they have left, and nobody else's."""

from __future__ import annotations

import base64
import json
import time

import pytest

from tests.support.redis import RedisStack
from tests.support.stacks import unique_name

NAMES = {"token_key": "token:blacklist:{jti}", "user_tokens_key": "token:user:{user}"}
SESSIONS = {"session_key": "session:{session}", "user_sessions_key": "session-ids:{user}"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = RedisStack(tmp_path_factory.mktemp("tokens"), unique_name("tokens"), settings=["--rename-command", "KEYS", ""])
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def empty(stack):
    stack.redis("FLUSHALL")


def token(**claims: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, claims)]
    return ".".join([*parts, "c2lnbmF0dXJl"])


def revoke(stack: RedisStack, check: bool = False, **options: object) -> dict:
    return stack.module("token_revocation", check=check, **{**NAMES, **options})


def assert_lives(stack: RedisStack, jti: str, until: int) -> None:
    """Not shorter; a little longer where the module waited for the processor between the server's clock and its order."""
    assert 0 <= stack.redis("EXPIRETIME", f"token:blacklist:{jti}") - until <= 30


def test_check_do_check_again_do_again(stack):
    expiry = int(time.time()) + 1000
    found = token(jti="7f", exp=expiry, sub="alice")
    planned = revoke(stack, check=True, token=found)
    assert (planned["changed"], planned["revoked"], stack.redis("DBSIZE")) == (True, 1, 0)
    done = revoke(stack, token=found)
    assert (done["changed"], done["revoked"], done["subject"]) == (True, 1, "token 7f")
    assert_lives(stack, "7f", expiry + 60)
    assert stack.redis("GET", "token:blacklist:7f") == b"1"
    assert found.split(".")[1] not in json.dumps([planned, done])
    for again in (revoke(stack, check=True, token=found), revoke(stack, token=found)):
        assert (again["changed"], again["already_revoked"], again["actions"]) == (False, 1, [])
    listed = revoke(stack, state="listed", jti="7f")
    assert (listed["changed"], listed["tokens"][0]["outcome"]) == (False, "already_revoked")
    assert revoke(stack, state="listed", jti="8f")["tokens"] == [{"jti": "8f", "outcome": "not_revoked", "life": 0}]


def test_an_entry_that_would_end_too_soon_is_prolonged_and_none_is_shortened(stack):
    expiry = int(time.time()) + 1000
    stack.redis("SET", "token:blacklist:7f", "by hand", "EX", 500)
    assert revoke(stack, token=token(jti="7f", exp=expiry))["prolonged"] == 1
    assert_lives(stack, "7f", expiry + 60)
    stack.redis("SET", "token:blacklist:7f", "by hand")
    assert revoke(stack, token=token(jti="7f", exp=expiry))["changed"] is False
    assert (stack.redis("TTL", "token:blacklist:7f"), stack.redis("GET", "token:blacklist:7f")) == (-1, b"by hand")
    assert revoke(stack, jti="without-expiry")["tokens"][0]["life"] == 604800
    assert revoke(stack, jti="without-expiry")["changed"] is False
    over = revoke(stack, token=token(jti="over", exp=expiry - 5000))
    assert (over["changed"], over["expired"], stack.redis("EXISTS", "token:blacklist:over")) == (False, 1, 0)


@pytest.mark.parametrize(
    "fill",
    [
        ("SADD", "token:user:alice", "a1", "a2"),
        ("RPUSH", "token:user:alice", "a1", "a2", "a1"),
        ("HSET", "token:user:alice", "a1", "laptop", "a2", "phone"),
        ("ZADD", "token:user:alice", 1, "a1", 2, "a2"),
    ],
    ids=["set", "list", "hash", "zset"],
)
def test_all_tokens_of_a_user_and_of_nobody_else(stack, fill):
    stack.redis(*fill)
    for other in ("alice2", "*", "al", "alic?"):
        stack.redis("SADD", f"token:user:{other}", "b1")
    planned = revoke(stack, check=True, user="alice")
    assert (planned["revoked"], stack.redis("EXISTS", "token:blacklist:a1")) == (2, 0)
    done = revoke(stack, user="alice")
    assert (done["found"], done["revoked"], done["came_anew"]) == (2, 2, 0)
    assert [stack.redis("EXISTS", f"token:blacklist:{jti}") for jti in ("a1", "a2", "b1")] == [1, 1, 0]
    assert [stack.redis("EXISTS", f"token:user:{user}") for user in ("alice", "alice2", "*", "al", "alic?")] == [0, 1, 1, 1, 1]
    assert revoke(stack, user="alice")["changed"] is False
    assert revoke(stack, user="*")["revoked"] == 1
    assert stack.redis("EXISTS", "token:user:alice2") == 1


def test_what_the_list_tells_of_expiry_counts_only_when_the_inventory_says_so(stack):
    now = int(time.time())
    stack.redis("ZADD", "token:user:alice", now + 100, "soon", (now + 5000) * 1000, "later", now - 5000, "over", 7, "odd")
    done = revoke(stack, user="alice", index_tells="expiry")
    assert (done["revoked"], done["expired"]) == (2, 2)
    assert_lives(stack, "soon", now + 160)
    assert_lives(stack, "later", now + 5060)
    stack.redis("ZADD", "token:user:alice", now - 5000, "issued")
    revoke(stack, user="alice")
    assert stack.redis("TTL", "token:blacklist:issued") > 604000


def test_sessions_end_with_the_tokens(stack):
    odd = b"\x00\xff *"
    stack.redis("SADD", "session-ids:alice", "s1", "gone", odd)
    for session in (b"s1", odd, b"s2"):
        stack.redis("SET", b"session:" + session, "x")
    stack.redis("SADD", "token:user:alice", "a1")
    done = revoke(stack, user="alice", **SESSIONS)
    assert (done["revoked"], done["sessions_found"], done["sessions_ended"]) == (1, 2, 2)
    assert [stack.redis("EXISTS", key) for key in (b"session:" + odd, "session:s1", "session:s2", "session-ids:alice")] == [0, 0, 1, 0]
    stack.redis("SADD", "session-ids:alice", "s2")
    alone = stack.module("token_revocation", user="alice", **SESSIONS)
    assert (alone["changed"], alone["found"], alone["sessions_ended"]) == (True, 0, 1)


def test_what_cannot_be_done_is_refused_before_anything_is_touched(stack):
    stack.redis("SADD", "token:user:alice", *[f"t{number}" for number in range(20)])
    stack.redis("SET", "token:user:bob", "no list")
    refusals = {
        "too_many_keys": {"user": "alice", "max_tokens": 10},
        "redis_wrong_type": {"user": "bob"},
        "token_unreadable": {"token": "a.b.c"},
        "bad_input": {"user": "alice:x"},
    }
    for reason, options in refusals.items():
        refused = revoke(stack, **options)
        assert (refused["failed"], refused["reason"]) == (True, reason), refused
    assert stack.redis("DBSIZE") == 2


def test_a_replica_and_a_full_server(stack):
    with stack.session() as session:
        session.command("REPLICAOF", "127.0.0.1", "1")
        assert revoke(stack, jti="7f")["reason"] == "redis_read_only"
        session.command("REPLICAOF", "NO", "ONE")
        session.command("CONFIG", "SET", "maxmemory", "1")
        full = revoke(stack, jti="7f")
        session.command("CONFIG", "SET", "maxmemory", "0")
    assert (full["reason"], full["details"]["written"]) == ("redis_out_of_memory", 0)


def test_it_warns_when_entries_may_be_evicted(stack):
    with stack.session() as session:
        session.command("CONFIG", "SET", "maxmemory", "64mb", "maxmemory-policy", "allkeys-lru")
        warned = revoke(stack, jti="7f")
        session.command("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
    assert (warned["changed"], "allkeys-lru" in json.dumps(warned["warnings"])) == (True, True)


def test_a_user_of_the_server_needs_no_more_than_is_documented(stack):
    words = ["time", "type", "pttl", "exists", "set", "expire", "unlink", "info", "sscan", "srem"]
    stack.redis("ACL", "SETUSER", "revoker", "reset", "on", ">pass-of-revoker", "~token:*", *[f"+{word}" for word in words])
    login = {"username": "revoker", "password": "pass-of-revoker"}
    stack.redis("SADD", "token:user:alice", "a1")
    assert revoke(stack, user="alice", **login)["revoked"] == 1
    refused = revoke(stack, jti="7f", **{**login, "token_key": "revoked:{jti}"})
    assert (refused["reason"], stack.redis("EXISTS", "revoked:7f")) == ("redis_permission_denied", 0)


def test_what_was_revoked_is_in_the_journal_without_the_token(stack):
    found = token(jti="journaled", exp=int(time.time()) + 1000)
    revoke(stack, token=found)
    revoke(stack, jti="line\nbreak")
    lines = [json.loads(line) for line in (stack.state_dir / stack.name / "journal.ndjson").read_text().splitlines()]
    assert [line["event"] for line in lines if line.get("subject") == "token journaled"] == ["tokens_revocation_begun", "tokens_revocation_ended"]
    assert not [line for line in lines if found in json.dumps(line) or "break" in json.dumps(line)]
