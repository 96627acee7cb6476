"""redis_keys where the server refuses, is busy, goes away, or others work on it at the same time."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from tests.support.redis import PASSWORD, RedisStack
from tests.support.stacks import docker, unique_name

MANY = 200_000


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    settings = ["--enable-debug-command", "yes", "--busy-reply-threshold", "100"]
    made = RedisStack(tmp_path_factory.mktemp("keys-faults"), unique_name("redis-keys-faults"), settings=settings)
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def server(started):
    started.redis("FLUSHDB")
    return started


def absent(server: RedisStack, **options) -> dict:
    return server.module("redis_keys", state="absent", **options)


@contextlib.contextmanager
def beside(action):
    """``action`` again and again in a thread, until the block ends; its errors end it."""
    ended, errors = threading.Event(), []

    def run() -> None:
        try:
            while not ended.is_set():
                action()
        except OperationError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        ended.set()
        thread.join(60)


def test_many_keys_go_while_others_work(server):
    server.redis("DEBUG", "POPULATE", MANY, "cache")
    server.redis("DEBUG", "POPULATE", 1000, "token")
    reads = []
    with server.session() as session, beside(lambda: reads.append(session.command("GET", "token:7"))) as errors:
        refused = absent(server, prefix="cache:")
        assert (refused["reason"], server.redis("DBSIZE")) == ("too_many_keys", MANY + 1000)
        done = absent(server, prefix="cache:", max_keys=MANY)
    assert (done["deleted"], done["came_anew"], done["keys_after"]) == (MANY, 0, 1000)
    assert MANY <= done["matched"] < MANY * 1.01  # a server may show a key twice while its table grows or shrinks
    assert not errors and set(reads) == {b"value:7"}
    assert done["longest_stall_ms"] > 0 and done["batches"] > MANY / 5000


def test_protected_keys_that_somebody_deletes_during_a_flush_are_missed(server):
    server.redis("DEBUG", "POPULATE", MANY, "cache")
    server.redis("DEBUG", "POPULATE", 100, "token")
    flush = {"state": "flushed", "database": 0, "confirm": server.name, "protected_prefixes": ["token:"]}
    with at_the_first_deletion(server, [["DEL", *(f"token:{number}" for number in range(40))]]):
        failed = server.module("redis_keys", **flush)
    assert (failed.get("reason"), failed.get("details", {}).get("deleted")) == ("protected_lost", MANY), failed
    assert failed["details"]["protected"] == [{"prefix": "token:", "before": 100, "after": 60}]
    assert "token: 100 -> 60; 0 keys expired" in failed["msg"] and server.redis("DBSIZE") == 60


@contextlib.contextmanager
def at_the_first_deletion(server: RedisStack, commands: list, then=lambda: None):
    """The server itself holds the first deletion back and does ``commands`` before any other, so all comes in its turn however busy this machine is."""
    done: list = []

    def wait(session) -> None:
        deadline = time.monotonic() + 60
        while b"cmd=unlink" not in session.command("CLIENT", "LIST"):
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)
        # One message: what is held back goes on when the server is through with it, or waits itself.
        done.extend(session.pipeline([["CLIENT", "UNPAUSE"], *commands]))
        then()

    with server.session() as session:
        session.command("CLIENT", "PAUSE", 120_000, "WRITE")
        thread = threading.Thread(target=wait, args=(session,))
        thread.start()
        try:
            yield
        finally:
            thread.join(90)
            if not done:
                session.command("CLIENT", "UNPAUSE")
    assert len(done) == 1 + len(commands), "nothing was deleted"


def paused(milliseconds: int) -> list:
    """Writes wait again, from a moment on when some keys are gone: nobody answers WAIT here, so it takes its time."""
    return [["WAIT", 1, 10], ["CLIENT", "PAUSE", milliseconds, "WRITE"]]


# Takes three milliseconds and then writes, and is followed by four kilobytes that it does not use.
SLOW_WRITE = """local function now() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end
local ends = now() + 3000 repeat until now() >= ends return redis.call('SET', KEYS[1], 'v')"""
UNUSED = "x" * 4096


@contextlib.contextmanager
def written_without_pause(server: RedisStack, key: str):
    """Half a second of writes of ``key`` wait at the server at any time. It takes 16 KB of them in turn with what others ask, so one comes between any two."""
    container = server.containers("redis")[0]["Id"]
    load = ["redis-benchmark", "-a", PASSWORD, "-l", "-q", "-c", "2", "-P", "150", "EVAL", SLOW_WRITE, "1", key, UNUSED]
    docker("exec", "--detach", container, "timeout", "120", *load)
    try:
        deadline = time.monotonic() + 60
        while not server.redis("EXISTS", key):
            assert time.monotonic() < deadline, "nothing is written"
        yield
    finally:
        server.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # it ends when its server sends it away


def test_what_comes_anew_is_told_and_is_no_failure(server):
    server.redis("DEBUG", "POPULATE", 5000, "cache")
    with written_without_pause(server, "cache:hot"):
        done = absent(server, prefix="cache:")
    assert (done["failed"], done["came_anew"]) == (False, 1)
    assert "made meanwhile" in str(done["warnings"])


def test_a_user_is_refused_what_it_may_not_touch(server):
    server.redis("ACL", "SETUSER", "cleaner", "on", ">p%ss-of-cleaner", "~cache:*", "+@all")
    server.redis("MSET", "cache:1", "v", "token:1", "v")
    login = {"username": "cleaner", "password": "p%ss-of-cleaner"}
    assert absent(server, prefix="token:", **login)["reason"] == "redis_permission_denied"
    seen = server.module("redis_keys", prefix="", **login)
    assert {one["name"]: one["bytes"] is None for one in seen["sample"]} == {"cache:1": False, "token:1": True}
    assert "NOPERM" in str(seen["warnings"])
    assert absent(server, prefix="cache:", **login)["deleted"] == 1
    assert server.redis("EXISTS", "token:1") == 1
    wrong = absent(server, prefix="cache:", password="wrong-p%ss")
    assert wrong["reason"] == "redis_login_refused" and "wrong-p%ss" not in wrong["msg"]


def test_a_replica_refuses(server):
    server.redis("SET", "cache:1", "v")
    server.redis("CONFIG", "SET", "replica-read-only", "no")
    server.redis("REPLICAOF", "127.0.0.1", "1")
    try:
        assert absent(server, prefix="cache:")["reason"] == "redis_read_only"
        assert server.module("redis_keys", prefix="cache:")["matched"] == 1
    finally:
        server.redis("REPLICAOF", "NO", "ONE")


def test_a_busy_and_a_loading_server_are_told_apart(server):
    with server.session() as session:
        endless = threading.Thread(target=lambda: pytest.raises(OperationError, session.command, "EVAL", "while true do end", 0))
        endless.start()
        until_refused(server, "redis_busy")
        assert absent(server, prefix="cache:")["reason"] == "redis_busy"
        server_session_kills(server)
        endless.join(60)
    server.redis("DEBUG", "POPULATE", 20_000, "cache")
    server.redis("CONFIG", "SET", "key-load-delay", 1000, "loading-process-events-interval-bytes", 1024)
    with server.session() as session:
        reloading = threading.Thread(target=session.command, args=("DEBUG", "RELOAD"))
        reloading.start()
        until_refused(server, "redis_loading")
        assert absent(server, prefix="cache:")["reason"] == "redis_loading"
        server.redis("CONFIG", "SET", "key-load-delay", 0)  # else it would take twenty seconds
        reloading.join(60)
    assert server.redis("DBSIZE") == 20_000


def test_the_time_is_up_and_the_next_run_goes_on(server):
    server.redis("DEBUG", "POPULATE", MANY, "cache")
    with at_the_first_deletion(server, paused(6000)):
        late = absent(server, prefix="cache:", max_keys=MANY, timeout=5)
    assert late["reason"] == "timed_out"
    left = server.redis("DBSIZE")
    assert 0 < left == MANY - late["details"]["deleted"]
    assert absent(server, prefix="cache:", max_keys=MANY)["deleted"] == left


def test_a_server_that_is_restarted_meanwhile_fails_the_task_and_the_next_run_goes_on(server):
    server.redis("DEBUG", "POPULATE", MANY, "cache")
    with at_the_first_deletion(server, paused(60_000), then=lambda: server.compose("restart", "--timeout", "20", "redis")):
        broken = absent(server, prefix="cache:", max_keys=MANY)
    assert broken["reason"] == "redis_restarted"
    server.await_healthy("redis")
    left = server.redis("DBSIZE")
    assert 0 < left <= MANY - broken["details"]["deleted"]
    assert str(broken["details"]["deleted"]) in broken["msg"]
    assert absent(server, prefix="cache:", max_keys=MANY)["deleted"] == left


def until_refused(server: RedisStack, reason: str) -> None:
    """A busy server lets nobody in, one that loads answers INFO only."""
    deadline = time.monotonic() + 60
    while True:
        try:
            server.redis("DBSIZE")
        except OperationError as error:
            if error.reason == reason:
                return
        assert time.monotonic() < deadline, f"never {reason}"
        time.sleep(0.02)


def server_session_kills(server: RedisStack) -> None:
    """A session of its own cannot be opened while the server is busy: it asks INFO first."""
    server.compose("exec", "-T", "redis", "sh", "-c", 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli SCRIPT KILL')
