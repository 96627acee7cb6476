"""postgres_info against a real server that is well, and then not."""

from __future__ import annotations

import contextlib
import json
import threading
import time

import psycopg2
import pytest

from tests.support.postgres import PASSWORD, PostgresStack, await_clients
from tests.support.samples import documented_sample, undocumented
from tests.support.stacks import unique_name

APP_PASSWORD = "app-password-of-the-test"
SECRET = "correct-horse-battery"
SETTINGS = ("shared_preload_libraries=pg_stat_statements", "max_connections=20", "max_prepared_transactions=2", "autovacuum=off")
NOT_IN_EVERY_ANSWER = ("failed", "changed", "actions", "diff", "invocation", "warnings", "bloat", "change")
SCHEMA = (
    f"CREATE ROLE app LOGIN PASSWORD '{APP_PASSWORD}'",
    "CREATE EXTENSION pgstattuple",
    "CREATE SCHEMA app",
    'CREATE TABLE app."Transaction" (id int PRIMARY KEY, email text UNIQUE, note text, at timestamptz, during int4range, EXCLUDE USING gist (during WITH &&))',
    'CREATE INDEX never ON app."Transaction" (note)',
    'CREATE INDEX by_expression ON app."Transaction" (lower(note))',
    'CREATE INDEX looked_up ON app."Transaction" (at)',
    'CREATE TABLE app.child (id int NOT NULL, parent int REFERENCES app."Transaction", big text)',
    "CREATE INDEX of_foreign_key ON app.child (parent, id)",
    "CREATE UNIQUE INDEX identity ON app.child (id)",
    "ALTER TABLE app.child REPLICA IDENTITY USING INDEX identity",
    "CREATE TABLE app.parted (id int, day int) PARTITION BY RANGE (day)",
    "CREATE TABLE app.parted_1 PARTITION OF app.parted FOR VALUES FROM (0) TO (10)",
    "CREATE TABLE app.parted_2 PARTITION OF app.parted FOR VALUES FROM (10) TO (20)",
    "CREATE INDEX of_parts ON app.parted (id)",
    """INSERT INTO app."Transaction" SELECT g, g || '@x', repeat('x', 100), '2026-11-21 03:10+00', int4range(g, g + 1) FROM generate_series(1, 3000) g""",
    "INSERT INTO app.child SELECT 1, 1, string_agg(md5(g::text), '') FROM generate_series(1, 2000) g",
    "INSERT INTO app.parted SELECT g, g % 20 FROM generate_series(1, 4000) g",
    "CREATE SCHEMA many",
    "DO $$ BEGIN FOR i IN 1..2000 LOOP EXECUTE 'CREATE TABLE many.t' || i || ' (id int)'; END LOOP; END $$",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = PostgresStack(tmp_path_factory.mktemp("info"), unique_name("pg-info"), settings=SETTINGS)
    try:
        made.up()
        made.sql(*SCHEMA)
        yield made
    finally:
        made.down()


@pytest.fixture
def client(server):
    """Opens sessions that are closed after the test."""
    with contextlib.ExitStack() as opened:

        def connect(*statements: str, user: str = "shop") -> psycopg2.extensions.connection:
            connection = server.connect(user=user, password=PASSWORD if user == "shop" else APP_PASSWORD)
            opened.callback(connection.close)
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            return connection

        yield connect


def look(server: PostgresStack, *sections: str, check: bool = False, **options) -> dict:
    if sections:
        options["sections"] = list(sections)
    result = server.module("postgres_info", check=check, **options)
    assert not any(secret in json.dumps(result) for secret in (PASSWORD, SECRET, APP_PASSWORD))
    return result


def words(result: dict) -> set[tuple[str, str]]:
    return {(problem["problem"], problem["subject"]) for problem in result["problems"]}


def by_name(rows: list[dict]) -> dict[str, dict]:
    return {row["name"]: row for row in rows}


def test_all_sections_of_a_server_in_check_mode_and_not(server):
    first, second = look(server, check=True), look(server)
    assert (second["failed"], second["changed"], second["complete"], second["actions"]) == (False, False, True, [])
    assert first.keys() == second.keys() >= {"server", "connections", "tables", "unused_indexes", "integrity", "table"}
    assert "bloat" not in second
    # Tests switch fsync off, which is just what the report is to say.
    assert ("dangerous_setting", "fsync") in words(second) and second["healthy"] is False
    assert second["table"].startswith("CRITICAL: fsync is off.")
    assert second["server"]["version"].startswith("15.") and second["server"]["sees_everything"] is True
    sample = documented_sample("postgres_info")
    assert [name for name in undocumented({**second, "actions": []}, sample) if name.count(".") > 1 or name[1:] not in NOT_IN_EVERY_ANSWER] == []
    refused = look(server, "settings", on_problem="fail")
    assert (refused["failed"], refused["reason"], refused["details"]["problems"][0]["subject"]) == (True, "postgres_unhealthy", "fsync")


def test_connections_and_locks_are_those_of_clients(server, client):
    holder = client("BEGIN", f"""UPDATE app."Transaction" SET note = '{SECRET}' WHERE id = 1""")
    client("SELECT 1", user="app")
    watcher = client()
    waits = [client(), client()]
    threads = [
        threading.Thread(target=lambda one=one: one.cursor().execute(f"""UPDATE app."Transaction" SET note = '{SECRET}' WHERE id = 1""")) for one in waits
    ]
    for thread in threads:
        thread.start()
    try:
        await_clients(watcher, 4, waiting=2)
        result = look(server, "connections", "activity", "locks", thresholds={"blocked_seconds": 0, "idle_in_transaction_seconds": 0})
        connections, locks = result["connections"], result["locks"]
        states = {row["state"]: row["sessions"] for row in connections["by_state"]}
        assert (connections["used"], states) == (5, {"active": 2, "idle": 2, "idle in transaction": 1})
        assert (connections["max_connections"], connections["reserved"], connections["free"], connections["used_percent"]) == (20, 3, 12, 29.4)
        assert {(row["username"], row["sessions"]) for row in connections["by_client"]} == {("shop", 4), ("app", 1)}
        pid = holder.info.backend_pid
        assert [(one["pid"], one["waiters"], one["state"]) for one in locks["blocking"]] == [(pid, 2, "idle in transaction")]
        assert {one["pid"] for one in locks["waiting"]} == {one.info.backend_pid for one in waits}
        assert {(tuple(one["roots"]), one["statement"]) for one in locks["waiting"]} == {((pid,), 'UPDATE app."Transaction" SET note = ? WHERE id = ?')}
        assert {one["pid"]: bool(one["blocked_by"]) for one in result["activity"]["sessions"]} == {pid: False, **{one.info.backend_pid: True for one in waits}}
        assert {("blocked", str(pid)), ("idle_in_transaction", "")} <= words(result)
        assert f"{pid} shop test idle in transaction holds up 2" in result["table"]
        await_clients(watcher, 4, waiting=2)
        mine = look(server, "connections", username="app", password=APP_PASSWORD)
        assert (mine["connections"]["hidden"], ("sessions_hidden", "") in words(mine)) == (4, True)
    finally:
        holder.close()
        for thread in threads:
            thread.join()


def test_a_prepared_transaction_holds_locks_without_a_session(server, client):
    client("BEGIN", "LOCK TABLE app.child IN ACCESS EXCLUSIVE MODE", "PREPARE TRANSACTION 'left behind'").close()
    waiter, watcher = client(), client()
    thread = threading.Thread(target=lambda: waiter.cursor().execute("SELECT count(*) FROM app.child"))
    thread.start()
    try:
        await_clients(watcher, 1, waiting=1)
        result = look(server, "locks", "tables", "integrity", thresholds={"prepared_seconds": 0}, limit=2100, counts=[{"table": "app.child"}])
        assert [(one["pid"], one["waiters"]) for one in result["locks"]["blocking"]] == [(0, 1)]
        assert (result["locks"]["waiting"][0]["relation"], result["locks"]["waiting"][0]["mode"]) == ("app.child", "AccessShareLock")
        # What is locked is left out, and what cannot be done without it is said; the rest is told without waiting.
        child = by_name(result["tables"]["tables"])["child"]
        assert (child["locked"], child["total_bytes"], result["tables"]["locked"], result["tables"]["total"]) == (True, None, 1, 2003)
        assert (result["complete"], result["healthy"], result["integrity"]) == (False, False, None)
        assert {("prepared_transaction", "left behind"), ("section_failed", "postgres_locked")} <= words(result)
    finally:
        server.sql("ROLLBACK PREPARED 'left behind'")
        thread.join()


def test_sizes_are_those_of_the_server_with_partitions_summed(server):
    server.sql('SELECT count(*) FROM app."Transaction" WHERE at > now()', "SELECT pg_stat_force_next_flush()")
    result = look(server, "tables", "indexes", "databases", limit=5)
    tables, indexes = by_name(result["tables"]["tables"]), by_name(result["indexes"]["indexes"])
    assert (result["tables"]["total"], len(tables), len(indexes)) == (2003, 5, 5)
    sizes = server.sql("SELECT pg_total_relation_size('app.\"Transaction\"'), pg_total_relation_size('app.parted_1') + pg_total_relation_size('app.parted_2'), "
                       "pg_total_relation_size('app.child'), sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' "
                       "AND relnamespace IN ('app'::regnamespace, 'many'::regnamespace)")  # fmt: skip
    assert (tables["Transaction"]["total_bytes"], tables["parted"]["total_bytes"], tables["child"]["total_bytes"], result["tables"]["total_bytes"]) == sizes[0]
    for table in tables.values():
        assert table["heap_bytes"] + table["index_bytes"] + table["toast_bytes"] == table["total_bytes"]
    assert (tables["parted"]["kind"], tables["parted"]["partitions"], tables["parted"]["estimated_rows"]) == ("partitioned", 2, 4000)
    assert tables["child"]["toast_bytes"] > tables["child"]["heap_bytes"]
    assert indexes["Transaction_email_key"]["kind"] == "unique"
    assert (by_name(result["databases"]["databases"])["shop"]["size_bytes"] > result["tables"]["total_bytes"]) is True


def test_unused_indexes_are_those_that_could_go(server):
    server.sql("SET enable_seqscan = off", "SELECT count(*) FROM app.\"Transaction\" WHERE at = '2026-01-01'", "SELECT pg_stat_force_next_flush()")
    young = look(server, "unused_indexes", thresholds={"unused_index_bytes": 0})["unused_indexes"]
    assert (young["certainty"], len(young["doubts"]), {one["certainty"] for one in young["indexes"]}) == ("low", 1, {"low"})
    sure = look(server, "unused_indexes", thresholds={"unused_index_bytes": 0, "statistics_days": 0})["unused_indexes"]
    found = by_name(sure["indexes"])
    assert sure["certainty"] == "high"
    assert {name: index["certainty"] for name, index in found.items()} == {
        "never": "high", "by_expression": "medium", "of_foreign_key": "medium", "of_parts": "medium",
    }  # fmt: skip
    assert (found["of_parts"]["partitions"], found["never"]["drop_statement"]) == (2, 'DROP INDEX CONCURRENTLY "app"."never";')
    for index in found.values():
        server.sql(index["drop_statement"])
        server.sql(index["definition"].replace(" ON ONLY ", " ON "))
    server.sql("SELECT pg_create_physical_replication_slot('standby', true)")
    try:
        result = look(server, "unused_indexes", "replication", thresholds={"statistics_days": 0, "slot_retained_bytes": 0})
        assert (result["unused_indexes"]["certainty"], "Replicas: 1" in result["unused_indexes"]["doubts"][0]) == ("low", True)
        assert (result["replication"]["role"], result["replication"]["slots"][0]["name"]) == ("primary", "standby")
        assert ("slot_keeps_log", "standby") in words(result)
    finally:
        server.sql("SELECT pg_drop_replication_slot('standby')")


def test_bloat_is_estimated_and_measured(server):
    server.sql(
        "CREATE TABLE app.bloated AS SELECT g AS id, repeat('x', 60) AS note FROM generate_series(1, 20000) g",
        "SELECT pg_stat_force_next_flush()",  # else the rows are counted twice: by ANALYZE, and when this session hands in its counts
        "ANALYZE app.bloated",
        "DELETE FROM app.bloated WHERE id % 4 > 0",
        "SELECT pg_stat_force_next_flush()",
    )
    thresholds = {"dead_rows": 1000, "bloat_bytes": 1000}
    result = look(server, "bloat", bloat_method="measure", thresholds=thresholds)
    table = by_name(result["bloat"]["tables"])["bloated"]
    assert (table["live_rows"], table["dead_rows"], table["dead_percent"], result["bloat"]["method"]) == (5000, 15000, 75.0, "pgstattuple_approx")
    wasted = table["measured"]["dead_bytes"] + table["measured"]["free_bytes"]
    assert abs(table["wasted_bytes"] - wasted) < 0.15 * table["heap_bytes"]
    assert {("dead_rows", "app.bloated"), ("bloat", "app.bloated")} <= words(result)
    server.sql("DROP EXTENSION pgstattuple", "VACUUM FULL app.bloated", "ANALYZE app.bloated")
    result = look(server, "bloat", bloat_method="measure", thresholds=thresholds)
    assert (result["bloat"]["pgstattuple"], result["bloat"]["method"], ("bloat", "app.bloated") in words(result)) == (False, "estimate", False)


def test_statements_are_told_without_what_they_hold(server):
    before = look(server, "statements")["statements"]
    assert (before["available"], before["statements"], "CREATE EXTENSION" in before["hint"]) == (False, [], True)
    server.sql('CREATE SCHEMA "Odd one"', 'CREATE EXTENSION pg_stat_statements SCHEMA "Odd one"')
    server.sql(*[f"""SELECT count(*) AS counted_for_test FROM app."Transaction" WHERE note = '{SECRET}'"""] * 3)
    server.sql(f"CREATE ROLE helper PASSWORD '{SECRET}'", "DROP ROLE helper")
    after = look(server, "statements", statements_by="calls", limit=1000)["statements"]
    mine = [row for row in after["statements"] if "counted_for_test" in row["statement"]]
    assert [(row["calls"], row["rows"], row["username"]) for row in mine] == [(3, 3, "shop")]
    assert (after["available"], after["order"], after["since"] is not None) == (True, "calls", True)
    assert any(row["statement"] == "CREATE ROLE helper PASSWORD ?" for row in after["statements"])
    assert not any("pg_stat_replication" in row["statement"] for row in after["statements"])


def test_settings_that_wait_and_files_that_are_broken(server):
    server.sql("ALTER SYSTEM SET max_connections = 25", "ALTER SYSTEM SET archive_command = 'curl -u me:correct-horse-battery x'")
    server.sql("ALTER SYSTEM SET max_locks_per_transaction = 128", "SELECT pg_reload_conf()")
    server.sql("COPY (SELECT 'work_mem = ''much''') TO PROGRAM 'cat >> $PGDATA/postgresql.auto.conf'")
    try:
        result = look(server, "settings")
        waiting = by_name(result["settings"]["pending_restart"])
        # The command line rules over the file for max_connections: it is neither waiting nor broken.
        assert (waiting.keys(), waiting["max_locks_per_transaction"]["new_value"]) == ({"max_locks_per_transaction"}, "128")
        assert [(row["name"], row["file"].endswith("postgresql.auto.conf")) for row in result["settings"]["file_errors"]] == [("work_mem", True)]
        assert by_name(result["settings"]["changed"])["archive_command"]["value"] == "********"
        assert {("pending_restart", "max_locks_per_transaction"), ("settings_file_error", "work_mem")} <= words(result)
    finally:
        server.sql("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")


def test_what_does_not_hold_is_found_and_rows_are_counted(server):
    server.sql(
        "CREATE TABLE app.broken (id int, parent int)",
        "INSERT INTO app.broken VALUES (1, 1), (1, 1)",
        "ALTER TABLE app.broken ADD CONSTRAINT later CHECK (id > 0) NOT VALID",
        "ALTER TABLE app.child DISABLE TRIGGER ALL",
    )
    with contextlib.suppress(psycopg2.errors.UniqueViolation):
        server.sql("CREATE UNIQUE INDEX CONCURRENTLY twice ON app.broken (id)")
    counts = [{"table": "app.Transaction", "time_column": "at", "min_rows": 3001, "max_age_seconds": 10**9}, {"table": "app.parted", "min_rows": 4000}]
    result = look(server, "integrity", counts=counts)
    found = result["integrity"]
    assert [(row["table"], row["rows"], row["newest"]) for row in found["counts"]] == [
        ("app.Transaction", 3000, "2026-11-21T03:10:00Z"), ("app.parted", 4000, None),
    ]  # fmt: skip
    assert (found["invalid_indexes"][0]["name"], found["unvalidated_constraints"][0]["name"], found["disabled_triggers_total"]) == ("twice", "later", 2)
    told = {problem for problem, subject in words(result)}
    assert told == {"invalid_index", "unvalidated_constraint", "disabled_trigger", "too_few_rows"}
    assert look(server, "integrity", counts=[{"table": "app.transaction"}])["reason"] == "bad_input"


def test_what_happens_within_an_interval(server, client):
    """What others do without a pause, in a session that is open already."""
    ended, session = threading.Event(), client()

    def work() -> None:
        with session.cursor() as cursor:
            while not ended.is_set():
                cursor.execute("INSERT INTO app.parted SELECT g, 5 FROM generate_series(1, 50) g")
                cursor.execute("SELECT pg_stat_force_next_flush()")

    other = threading.Thread(target=work)
    other.start()
    began = time.monotonic()
    try:
        change = look(server, "server", interval=2)["change"]
    finally:
        ended.set()
        other.join()
    assert (change["valid"], 2 <= change["seconds"] < time.monotonic() - began) == (True, True)
    assert change["rates"]["rows_inserted_per_second"] > 0 and change["rates"]["log_bytes_per_second"] > 0
    assert by_name(change["tables"])["parted_1"]["inserts"] >= 50


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"thresholds": {"connections": 5}}, "bad_input"), ({"counts": [{"table": "a"}], "sections": ["server"]}, "bad_input"),
     ({"database": "nobody's"}, "postgres_login_refused")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(server, options, reason):
    assert look(server, **options)["reason"] == reason
