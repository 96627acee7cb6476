"""What can be wrong with a Redis that runs: each made on a real server, told by the playbook, and mended without a key or an order lost."""

from __future__ import annotations

import contextlib
import time

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from tests.support.modules import call
from tests.support.redis_store import RedisStore
from tests.support.stacks import docker, unique_name

MOST_CLIENTS = 12
# Each key takes a millisecond to load, and others are answered meanwhile, as with a big file.
SLOW_LOADING = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]
ORDERS = 400
OTHERS = 200_000  # minutes of loading, unless it is made quicker


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    settings = ["--maxclients", str(MOST_CLIENTS), "--maxmemory-policy", "noeviction", *SLOW_LOADING]
    made = RedisStore(tmp_path_factory.mktemp("redis-incident"), unique_name("redis-incident"), settings)
    try:
        made.stack.up()
        with made.stack.session() as session:
            session.pipeline([("SET", f"order:{number}", "x" * 100) for number in range(ORDERS)])
            session.pipeline([("SET", f"token:{number}", "revoked", "EX", 5000) for number in range(10)])
        yield made
    finally:
        made.remove()


@pytest.fixture(autouse=True)
def nothing_lost(store):
    yield
    kept = store.stack.redis("EVAL", "return {#redis.call('KEYS', 'order:*'), #redis.call('KEYS', 'token:*')}", 0)
    assert kept == [ORDERS, 10]


def started(store: RedisStore) -> tuple[str, str]:
    """Differs once the server was started again."""
    return store.container["Id"], store.container["State"]["StartedAt"]


def refusal(store: RedisStore) -> str:
    """Why the application could not write; empty when it could."""
    try:
        store.redis("SET", "written", "1")
        store.redis("DEL", "written")
    except OperationError as error:
        return error.reason
    return ""


def hold_all(store: RedisStore, held: contextlib.ExitStack) -> None:
    """Every connection that the server has: its health check has one for a moment, now and then."""
    until, count = time.monotonic() + 60, 0
    while count < MOST_CLIENTS:
        try:
            held.enter_context(store.stack.session())
            count += 1
        except OperationError:
            assert time.monotonic() < until, f"only {count} connections are free"
            time.sleep(0.02)


def told_and_left_alone(store: RedisStore, finding: str) -> str:
    """What people read after a run that was allowed to mend, and could not: nothing was changed, started again or removed."""
    before = started(store)
    played = store.play("incident/redis", fix=True, redis_probe_deadline=1)
    result = played.told["result"]
    assert (played.code != 0, played.changed, result["finding"], result["now"], result["cleared"]) == (True, 0, finding, finding, []), played.output[-3000:]
    assert started(store) == before and store.lease_is_free()
    assert finding in played.message and not result["stack_answers"] or finding == "read_only"
    return " ".join(played.message.split())


def test_a_server_without_a_free_connection_is_not_restarted(store):
    with contextlib.ExitStack() as held:
        with pytest.raises(OperationError) as refused:
            hold_all(store, held)
            store.stack.session()
        assert refused.value.reason == "redis_connections_exhausted"
        assert call("redis_info", {**store.stack.options, "sections": ["memory"]})["reason"] == "redis_connections_exhausted"
        said = told_and_left_alone(store, "clients_exhausted")
    assert "playbooks/service/restart.yml" in said and "maxclients" in said
    assert store.found_in_time("healthy") == "healthy"


def test_a_full_server_that_refuses_writes_is_relieved_only_of_what_is_disposable(store):
    written = 0
    with store.stack.session() as session:
        session.command("CONFIG SET", "maxmemory", int(session.info("memory")["used_memory"]) + 2**20)
        while all(reply == b"OK" for reply in session.pipeline([("SET", f"cache:{written}-{number}", "x" * 1000) for number in range(10)])):
            written += 10
        written = int(session.command("DBSIZE")) - ORDERS - 10
        # Buffers of those that were connected meanwhile count, and go with them: that leaves no room.
        session.command("CONFIG SET", "maxmemory", int(session.info("memory")["used_memory"]) - 2**16)
    assert refusal(store) == "redis_out_of_memory"
    mended = store.must("incident/redis", fix=True).told["result"]
    assert (mended["finding"], mended["now"], mended["cleared"]) == ("memory_full", "healthy", [{"prefix": "cache:", "deleted": written}])
    assert (refusal(store), store.redis("DBSIZE")) == ("", ORDERS + 10)
    store.redis("CONFIG", "SET", "maxmemory", 0)


def test_a_replica_is_told_and_not_promoted(store):
    store.redis("REPLICAOF", "127.0.0.1", "1")
    try:
        assert refusal(store) == "redis_read_only"
        assert "Lead the application to the primary" in told_and_left_alone(store, "read_only")
        assert store.stack.redis("ROLE")[0] == b"slave"
    finally:
        store.redis("REPLICAOF", "NO", "ONE")


def test_a_server_that_cannot_save_is_told_and_not_restarted(store):
    # A restart would lose what is in memory alone.
    server = store.container["Id"]
    docker("exec", server, "chmod", "000", "/data")
    docker("exec", server, "chown", "root", "/data")
    try:
        store.redis("BGSAVE")
        assert store.found_in_time("cannot_save") == "cannot_save"
        assert refusal(store) == "redis_read_only"
        said = told_and_left_alone(store, "cannot_save")
        assert "the server takes writes again after the next save that succeeds" in said
    finally:
        docker("exec", server, "chown", "redis", "/data")
        docker("exec", server, "chmod", "755", "/data")
    store.redis("BGSAVE")
    assert store.found_in_time("healthy") == "healthy" and refusal(store) == ""


def test_a_server_that_loads_is_waited_for(store, tmp_path):
    with store.stack.session() as session:
        session.pipeline([("SET", f"other:{number}", "x") for number in range(OTHERS)])
    docker("restart", store.container["Id"])
    before = started(store)
    assert (store.access()["finding"], refusal(store)) == ("loading", "redis_loading")
    with (tmp_path / "said").open("w") as said:
        playing = store.start("incident/redis", stdout=said.fileno(), fix=True)
    until = time.monotonic() + 240
    while "Do the smallest thing that helps" not in (tmp_path / "said").read_text():
        assert time.monotonic() < until and playing.poll() is None, (tmp_path / "said").read_text()
        time.sleep(0.1)
    store.redis("CONFIG", "SET", "key-load-delay", 0)  # it has been seen loading, and need not take long
    playing.communicate(timeout=900)
    result = store.record()["custom_stats"]["_run"]["runbook"]["localhost"]["result"]
    assert (playing.returncode, result["finding"], result["now"], result["stack_answers"]) == (0, "loading", "healthy", True)
    assert started(store) == before, "a restart would begin anew"
    assert store.redis("DBSIZE") == ORDERS + 10 + OTHERS
