"""A connection to a real Redis: its answers as they are, its refusals by their codes."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_session import RedisSession
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from tests.support.redis import RedisStack
from tests.support.stacks import unique_name


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = RedisStack(tmp_path_factory.mktemp("redis"), unique_name("redis-session"), settings=["--rename-command", "KEYS", ""])
    try:
        made.up()
        yield made
    finally:
        made.down()


def reason(call) -> str:
    with pytest.raises(OperationError) as failed:
        call()
    assert "p%ss" not in str(failed.value.to_result())
    return failed.value.reason


def test_replies_are_those_of_the_server(stack):
    odd = b"\x00odd \r\n key*?\xff"
    with stack.session(3) as session:
        assert session.command("SET", odd, "1") == b"OK"
        assert session.pipeline([("INCR", odd), ("LPUSH", odd, "x"), ("GET", odd), ("GET", "nowhere")])[::2] == [2, b"2"]
        refused = session.pipeline([("LPUSH", odd, "x")])[0]
        assert refused.reason == "redis_wrong_type"
        assert reason(lambda: session.all_of([("SET", "late", "1"), ("LPUSH", odd, "x"), ("APPEND", "late", "2")])) == "redis_wrong_type"
        assert session.command("GETDEL", "late") == b"12", "the others are done all the same"
        assert [key for part in session.scan("COUNT", 100) for key in part] == [odd]
        session.pipeline([("SADD", "many", *range(3000)), ("SADD", "many", *range(3000, 5000))])
        assert {int(one) for part in session.scan("COUNT", 100, of=("SSCAN", "many")) for one in part} == {*range(5000)}
        session.command("UNLINK", "many")
        assert session.info("keyspace")["db3"].startswith("keys=1")
        assert session.settings("maxmemory", "save")["save"] == "900 1 300 10 60 10000"
        assert session.command("UNLINK", odd) == 1


def test_refusals_are_told_apart(stack):
    right = stack.address
    assert reason(lambda: RedisSession.open(dataclasses.replace(right, password="wrong"))) == "redis_login_refused"
    assert reason(lambda: RedisSession.open(dataclasses.replace(right, password=""))) == "redis_login_refused"
    assert reason(lambda: RedisSession.open(dataclasses.replace(right, port=6380))) == "redis_unreachable"
    stack.redis("ACL", "SETUSER", "reader", "on", ">p%ss-of-reader", "~cache:*", "+@read", "+info")
    with RedisSession.open(dataclasses.replace(right, username="reader", password="p%ss-of-reader")) as reader:
        assert reader.command("GET", "cache:a") is None
        assert reason(lambda: reader.command("GET", "token:a")) == "redis_permission_denied"
        assert reason(lambda: reader.command("FLUSHALL")) == "redis_permission_denied"
        assert reader.command("GET", "cache:a") is None, "the connection is as good as before"
    with stack.session() as session:
        assert reason(lambda: session.command("KEYS", "*")) == "redis_failed"
        session.command("CONFIG", "SET", "maxmemory", "1")
        assert reason(lambda: session.command("SET", "a", "b")) == "redis_out_of_memory"
        session.command("CONFIG", "SET", "maxmemory", "0")


def test_a_replica_and_a_server_that_goes(stack):
    with stack.session() as session:
        session.command("REPLICAOF", "127.0.0.1", "1")
        assert reason(lambda: session.command("SET", "a", "b")) == "redis_read_only"
        session.command("REPLICAOF", "NO", "ONE")
        stack.compose("restart", "--timeout", "5", "redis")
        assert reason(lambda: session.command("PING")) == "redis_unreachable"
    stack.await_healthy("redis")


def test_a_node_of_a_cluster_is_refused(tmp_path):
    made = RedisStack(tmp_path, unique_name("redis-cluster"), settings=["--cluster-enabled", "yes"])
    try:
        made.up()
        assert reason(made.session) == "redis_cluster"
    finally:
        made.down()
