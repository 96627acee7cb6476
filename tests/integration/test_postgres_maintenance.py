"""postgres_maintenance against a server on a small disk, whose autovacuum leaves the tables of the tests alone."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import threading
import time

import psycopg2
import pytest

from tests.support.modules import start
from tests.support.postgres import PostgresStack
from tests.support.stacks import unique_name

SMALL_DISK = 'volumes: {data: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=300m"}}}'
SETTINGS = ("autovacuum=off", "max_wal_size=64MB", "min_wal_size=32MB")
INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1"
ODD = 'Odd "na.me'
GATE = 7


class Server(PostgresStack):
    def __init__(self, directory, name):
        super().__init__(directory, name, settings=SETTINGS)
        compose = self.directory / "compose.yaml"
        compose.write_text(compose.read_text().replace("volumes: {data: {}}", SMALL_DISK))

    def maintain(self, task: str, *tables: str, check: bool = False, **options) -> dict:
        return self.module("postgres_maintenance", check=check, task=task, tables=list(tables), **options)

    def make(self, name: str, rows: int = 20000, keep: int = 2) -> None:
        """A table with a primary key, of which only each ``keep``-th row is left."""
        self.sql(
            f"CREATE TABLE {name} (id int PRIMARY KEY, label text)",
            f"INSERT INTO {name} SELECT n, repeat('x', 80) FROM generate_series(1, {rows}) n",
        )
        # Sessions of their own, because one tells the statistics what it did when it ends.
        self.sql(f"ANALYZE {name}")
        self.sql(f"DELETE FROM {name} WHERE id % {keep} <> 0")
        self.await_rows(f"SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = '{name}'::regclass", [(rows - rows // keep,)])

    def dead_rows(self, name: str) -> int:
        return self.sql(f"SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = '{name}'::regclass")[0][0]

    def make_gated(self, name: str) -> None:
        """A table whose index ``slow`` is built only while nobody holds the gate."""
        function = "CREATE OR REPLACE FUNCTION slow(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN {} RETURN n; END $$"
        self.sql(
            f"CREATE TABLE {name} AS SELECT n FROM generate_series(1, 40) AS n",
            function.format(""),
            f"CREATE INDEX slow ON {name} (slow(n))",
            function.format(f"PERFORM pg_catalog.pg_advisory_xact_lock_shared({GATE});"),
        )

    def invalid(self) -> list[str]:
        return [name for (name,) in self.sql(INVALID)]

    @contextlib.contextmanager
    def gate_closed(self):
        """What builds the index waits; gives a cursor of a session of its own, which is quick to ask."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_lock({GATE})")
                yield cursor
        finally:
            connection.close()

    def interrupt(self, statement: str, leaves: str) -> None:
        """Cancels it as soon as the invalid index is there."""
        connection = self.connect()
        try:
            with concurrent.futures.ThreadPoolExecutor(1) as thread, self.gate_closed() as cursor, connection.cursor() as working:
                running = thread.submit(working.execute, statement)
                await_invalid(cursor, leaves)
                connection.cancel()
                with pytest.raises(psycopg2.errors.QueryCanceled):
                    running.result(60)
        finally:
            connection.close()

    @contextlib.contextmanager
    def holding(self, *statements: str):
        """A transaction that stays open meanwhile."""
        connection = self.connect()
        connection.autocommit = False
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            yield connection.info.backend_pid
        finally:
            connection.close()

    def progress(self, task: str) -> dict:
        return json.loads((self.state_dir / self.name / "progress" / f"maintenance-{task}.json").read_text())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("maintenance"), unique_name("pg-care"))
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def clean(server):
    yield
    server.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "ALTER DATABASE shop RESET ALL")


def await_invalid(cursor, name: str) -> None:
    until = time.monotonic() + 60
    while True:
        cursor.execute(INVALID)
        if (name,) in cursor.fetchall():
            return
        assert time.monotonic() < until, f"{name} was never begun"
        time.sleep(0.02)


def done(result: dict) -> list[tuple[str, str]]:
    return [(action["action"], action["target"]) for action in result["actions"]]


def test_vacuum_takes_the_tables_that_need_it(server):
    server.make("orders")
    server.make("small", rows=200)
    quoted = '"' + ODD.replace('"', '""') + '"'
    server.make(quoted, rows=4000)
    wanted = [("vacuum", "public.orders"), ("vacuum", f"public.{ODD}")]
    checked = server.maintain("vacuum", check=True)
    assert done(checked) == wanted
    assert (checked["maintained"], server.dead_rows("orders")) == ([], 10000)
    changed = server.maintain("vacuum")
    assert changed["changed"]
    assert done(changed) == wanted
    orders, odd = changed["maintained"]
    assert (orders["dead_rows_before"], orders["dead_rows_after"], odd["dead_rows_after"]) == (10000, 0, 0)
    assert changed["below_threshold"] == 1
    assert server.dead_rows("small") == 100
    assert not server.maintain("vacuum", check=True)["changed"]
    assert not server.maintain("vacuum")["changed"]
    assert server.maintain("vacuum", "public.small", min_dead_rows=1)["changed"]
    assert server.progress("vacuum")["state"] == "finished"
    journal = (server.state_dir / server.name / "journal.ndjson").read_text()
    assert '"event": "postgres_maintenance_ended"' in journal


def test_analyze_takes_what_changed(server):
    server.make("orders")
    server.sql("CREATE TABLE fresh AS SELECT generate_series(1, 10) AS n")
    options = {"min_dead_ratio": 0.4}
    assert done(server.maintain("analyze", check=True, **options)) == [("analyze", "public.orders"), ("analyze", "public.fresh")]
    assert server.maintain("analyze", **options)["changed"]
    assert server.sql("SELECT reltuples FROM pg_class WHERE relname = 'orders'") == [(10000.0,)]
    assert not server.maintain("analyze", **options)["changed"]


def test_a_table_is_written_anew_only_when_confirmed_and_bloated(server):
    server.make("orders", keep=20)
    assert server.maintain("vacuum_full", "public.orders")["reason"] == "confirmation_missing"
    assert server.maintain("vacuum_full", "pg_catalog.pg_class", confirm="shop")["reason"] == "system_catalog"
    assert server.maintain("vacuum_full", "public.orders", "public.absent", confirm="shop")["details"]["missing"] == ["public.absent"]
    options = {"confirm": "shop"}
    assert server.maintain("vacuum_full", "public.orders", check=True, **options)["changed"]
    changed = server.maintain("vacuum_full", "public.orders", **options)
    (orders,) = changed["maintained"]
    assert orders["reclaimed_bytes"] > 2_000_000
    assert orders["size_after_bytes"] == server.sql("SELECT pg_total_relation_size('orders')")[0][0]
    again = server.maintain("vacuum_full", "public.orders", **options)
    assert not again["changed"]
    assert again["left_out"] == [{"name": "public.orders", "why": "below_threshold"}]
    assert server.sql("SELECT count(*) FROM orders") == [(1000,)]


def test_what_does_not_fit_on_the_disk_is_not_begun(server):
    server.sql("CREATE UNLOGGED TABLE large AS SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 90000) n")
    refused = server.maintain("vacuum_full", "public.large", confirm="shop", min_bloat_ratio=0)
    assert refused["reason"] == "not_enough_space"
    assert refused["details"]["free_bytes"] < refused["details"]["needed_bytes"] < 300_000_000
    assert server.maintain("vacuum", "public.large", min_dead_rows=0, min_dead_ratio=0)["changed"]


def test_bloated_indexes_are_built_anew(server):
    server.make("orders", rows=60000, keep=20)
    server.make("dense", rows=3000, keep=1)
    server.sql("VACUUM orders")
    options = {"min_size_bytes": 0}
    assert done(server.maintain("reindex", check=True, **options)) == [("reindex", "public.orders_pkey")]
    changed = server.maintain("reindex", parallel=0, **options)
    (index,) = changed["maintained"]
    assert (index["name"], index["action"]) == ("public.orders_pkey", "reindex")
    assert index["reclaimed_bytes"] > 1_000_000
    assert server.sql("SELECT pg_relation_size('orders_pkey')") == [(index["size_after_bytes"],)]
    assert not server.maintain("reindex", check=True, **options)["changed"]
    assert not server.maintain("reindex", **options)["changed"]
    assert server.maintain("reindex", indexes=["public.dense_pkey"], min_bloat_ratio=0, **options)["changed"]


def test_leftovers_of_an_interrupted_run_are_dropped_and_other_invalid_indexes_mended(server):
    server.make_gated("orders")
    server.sql("CREATE INDEX mine_ccnew ON orders (n)")
    server.interrupt("REINDEX INDEX CONCURRENTLY slow", leaves="slow_ccnew")
    server.interrupt("CREATE INDEX CONCURRENTLY labels ON orders (n, slow(n))", leaves="labels")
    server.sql("CREATE OR REPLACE FUNCTION slow(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT n'")
    assert server.invalid() == ["labels", "slow_ccnew"]
    changed = server.maintain("reindex")
    assert done(changed) == [("drop_leftover", "public.slow_ccnew"), ("reindex", "public.labels")]
    assert server.invalid() == []
    assert server.sql("SELECT count(*) FROM pg_class WHERE relname IN ('mine_ccnew', 'slow', 'labels')") == [(3,)]
    assert not server.maintain("reindex")["changed"]


def test_an_index_that_stays_invalid_is_a_failure(server):
    server.sql("CREATE TABLE twins AS SELECT 1 AS n FROM generate_series(1, 2)")
    with pytest.raises(psycopg2.Error):
        server.sql("CREATE UNIQUE INDEX CONCURRENTLY one ON twins (n)")
    failed = server.maintain("reindex")
    assert failed["reason"] == "index_invalid"
    assert failed["details"]["indexes"] == ["public.one"]
    assert server.invalid() == ["one"], "what the attempt left behind is gone"


def test_a_lock_is_not_waited_for_and_the_others_are_done(server):
    server.make("orders")
    server.make("held")
    with server.holding("LOCK TABLE held IN SHARE UPDATE EXCLUSIVE MODE"):
        failed = server.maintain("vacuum", lock_timeout=1)
        assert (failed["reason"], failed["details"]["locked"]) == ("postgres_locked", ["public.held"])
        assert [table["name"] for table in failed["details"]["maintained"]] == ["public.orders"]
    with server.holding("LOCK TABLE held IN ACCESS EXCLUSIVE MODE"):
        began = time.monotonic()
        assert server.maintain("vacuum", lock_timeout=400)["reason"] == "postgres_locked"
        assert time.monotonic() - began < 300
    with server.holding("SELECT count(*) FROM orders"):
        failed = server.maintain("reindex", indexes=["public.orders_pkey"], lock_timeout=1, min_bloat_ratio=0, min_size_bytes=0)
    assert failed["reason"] == "postgres_locked"
    assert server.invalid() == []


def test_a_slow_vacuum_shows_its_progress_and_ends_in_time(server):
    server.make("orders", rows=60000)
    server.make("small", rows=4000)
    server.sql("ALTER DATABASE shop SET vacuum_cost_delay = '50ms'", "ALTER DATABASE shop SET vacuum_cost_limit = 40")
    results: list[dict] = []
    thread = threading.Thread(target=lambda: results.append(server.maintain("vacuum", max_duration=8)))
    thread.start()
    seen, busy = [], None
    while thread.is_alive():
        with contextlib.suppress(OSError):
            seen.append(server.progress("vacuum"))
        if busy is None and seen and seen[-1]["state"] == "running" and seen[-1]["phase"]:
            busy = server.maintain("vacuum", "public.orders")
        time.sleep(0.2)
    thread.join()
    assert {"table": "public.orders", "phase": "scanning heap"}.items() <= next(look for look in seen if look["phase"]).items()
    assert any(look["percent"] for look in seen)
    assert (busy["changed"], busy["left_out"]) == (False, [{"name": "public.orders", "why": "busy"}])
    assert results[0]["reason"] == "timed_out"
    left = [(relation["name"], relation["why"]) for relation in results[0]["details"]["remaining"]]
    assert left == [("public.orders", "interrupted"), ("public.small", "not_begun")]
    server.sql("ALTER DATABASE shop RESET ALL")
    assert server.maintain("vacuum")["changed"]


def test_a_rebuild_that_is_interrupted_or_killed_leaves_nothing_for_long(server):
    server.make_gated("orders")
    options = {"indexes": ["public.slow"], "min_bloat_ratio": 0, "min_size_bytes": 0}
    with server.gate_closed() as cursor:
        failed = server.maintain("reindex", max_duration=2, **options)
        assert (failed["reason"], server.invalid()) == ("timed_out", [])
        process = start("postgres_maintenance", {**server.options, "task": "reindex", "max_duration": 6, **options})
        await_invalid(cursor, "slow_ccnew")
        process.kill()
        process.wait()
        server.await_rows("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'REINDEX%'", [(0,)])
    assert server.invalid() == ["slow_ccnew"]
    changed = server.maintain("reindex", **options)
    assert done(changed) == [("drop_leftover", "public.slow_ccnew"), ("reindex", "public.slow")]
    assert server.invalid() == []


def test_success_that_is_none_is_a_failure(server):
    server.make("orders")
    server.sql("CREATE ROLE app LOGIN PASSWORD 'app-password'", "GRANT USAGE ON SCHEMA public TO app")
    try:
        failed = server.maintain("vacuum", username="app", password="app-password")
    finally:
        server.sql("DROP OWNED BY app", "DROP ROLE app")
    assert failed["reason"] == "not_maintained"
    assert "skipping" in failed["details"]["notices"][0]
