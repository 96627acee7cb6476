"""postgres_query against a real server: what it answers, what it refuses, and what it does not let through."""

from __future__ import annotations

import json
import threading
import time

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.sql_statement import one_statement
from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.postgres_starting import starting_at_first
from tests.support.samples import documented_sample, undocumented
from tests.support.stacks import unique_name

APP_PASSWORD = "app-password-of-the-test"
SECRET = "correct-horse-battery"
# Parts of statements in which a semicolon may or may not stand within quotes; the table tells whether it did.
PARTS = ("'", "'", '"', "E'", "U&'", "\\", "\\'", "''", "$a$", "$$", "--", "/*", "*/", "\n", " ", "a", "é", "1", "1_0", "||", "AS ", "x$a$")
BOOM = "; CREATE TABLE boom() --"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = PostgresStack(tmp_path_factory.mktemp("query"), unique_name("pg-query"))
    try:
        made.up()
        made.sql(
            f"CREATE ROLE app LOGIN PASSWORD '{APP_PASSWORD}'",
            'CREATE TABLE "Order" (id int PRIMARY KEY, password text, data jsonb, total numeric(10, 2), at timestamptz, raw bytea)',
            f"""INSERT INTO "Order" SELECT g, '{SECRET}', '{{"token": "{SECRET}", "n": 1}}', g + 0.5, '2026-11-21 03:10+00', 'ab'
                FROM generate_series(1, 2500) g""",
            'GRANT SELECT ON "Order" TO app',
        )
        yield made
    finally:
        made.down()


def ask(server: PostgresStack, query: str, check: bool = False, **options) -> dict:
    result = server.module("postgres_query", check=check, query=query, **options)
    assert PASSWORD not in json.dumps(result)
    return result


def orders(server: PostgresStack) -> int:
    return server.sql('SELECT count(*) FROM "Order"')[0][0]


def test_rows_come_typed_and_masked(server):
    query = 'SELECT id, password AS remark, data, total, at, raw, array[1, NULL] AS some, count(*) OVER () FROM "Order" WHERE id = ANY(%s) ORDER BY id'
    for check in (True, False):
        result = ask(server, query, check=check, parameters=[[1, 2]])
        assert (result["failed"], result["changed"], result["row_count"], result["truncated"]) == (False, False, 2, False)
        assert result["rows"][0] == {
            "id": 1,
            "remark": "********",
            "data": {"token": "********", "n": 1},
            "total": "1.50",
            "at": "2026-11-21T03:10:00Z",
            "raw": "6162",
            "some": [1, None],
            "count": 2,
        }
        assert SECRET not in json.dumps(result)
        assert (result["masked_columns"], result["columns"][3], result["database"]) == (["remark"], {"name": "total", "type": "numeric"}, "shop")
    assert ask(server, query, parameters=[[1]], mask=[])["rows"][0]["remark"] == SECRET


def test_no_more_rows_are_read_than_are_asked_for(server):
    endless = "WITH RECURSIVE rising(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rising) SELECT n FROM rising"
    result = ask(server, endless, max_rows=250)
    assert (result["row_count"], result["truncated"], result["rows"][-1]) == (250, True, {"n": 250})
    assert ask(server, "SELECT 1 FROM generate_series(1, 250)", max_rows=250)["truncated"] is False
    wide = ask(server, "SELECT repeat('x', 3000000) FROM generate_series(1, 20)")
    assert (wide["row_count"], wide["truncated"]) == (2, True)


def test_a_login_is_proven_with_its_own_password(server):
    proven = ask(server, "SELECT 1", username="app", password=APP_PASSWORD)
    assert (proven["username"], proven["rows"], proven["encrypted"]) == ("app", [{"?column?": 1}], False)
    assert ask(server, "SELECT 1", username="app", password="wrong-password")["reason"] == "postgres_login_refused"
    assert ask(server, 'DELETE FROM "Order"', username="app", password=APP_PASSWORD, write=True, confirm="shop")["reason"] == "postgres_permission_denied"


def test_a_server_that_became_ready_in_between_did_not_refuse_the_login(server):
    """It says that it is starting up, which psycopg2 does not pass on, and is ready when it is asked why."""
    with starting_at_first(server.address) as port:
        asked = ask(server, "SELECT 1 AS one", host="127.0.0.1", port=port, username="app", password=APP_PASSWORD)
    assert (asked["failed"], asked.get("rows")) == (False, [{"one": 1}]), asked


def test_time_is_limited_over_all_of_the_reading(server):
    began = time.monotonic()
    slow = ask(server, "SELECT pg_sleep(0.02) FROM generate_series(1, 100000)", statement_timeout=1)
    assert (slow["reason"], time.monotonic() - began < 300) == ("postgres_statement_timeout", True)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ('SELECT 1; COMMIT; DROP TABLE "Order"', "several_statements"),
        ("COPY (SELECT 1) TO PROGRAM 'cat'", "statement_not_read_only"),
        ('WITH gone AS (DELETE FROM "Order" RETURNING 1) SELECT * FROM gone', "postgres_failed"),
        ('EXPLAIN ANALYZE DELETE FROM "Order"', "postgres_read_only"),
        ("SELECT setval('s', 1) FROM (SELECT set_config('transaction_read_only', 'off', false)) x", "postgres_failed"),
        ("SELECT %s::int", "postgres_failed"),
        ("SELECT '%s'", "bad_input"),
    ],
)
def test_a_query_writes_nothing(server, query, reason):
    before = orders(server)
    result = ask(server, query, parameters=[SECRET] if "%s" in query else None)
    assert (result["failed"], result["reason"], orders(server)) == (True, reason, before)
    assert SECRET not in json.dumps(result)


def test_writing_is_confirmed_explained_done_and_written_down(server):
    update = {"query": 'UPDATE "Order" SET total = %(total)s WHERE id = %(id)s AND total <> %(total)s RETURNING id', "parameters": {"total": 9, "id": 7}}
    assert ask(server, **update, write=True, confirm="other", check=True)["reason"] == "confirmation_missing"
    seen = []
    for check in (True, False, True, False):
        result = ask(server, **update, write=True, confirm="shop", check=check)
        seen.append((result["failed"], result["changed"], result["rows"], result["rows_touched"], bool(result["actions"])))
        assert any("Update on" in line for line in result["plan"])
        told = {name for name in undocumented(result, documented_sample("postgres_query")) if not name.startswith(".rows")}
        assert told <= {".failed", ".changed", ".diff", ".invocation"}
    # The server's plan cannot tell whether a row will be found; so check mode says yes, and the second run finds none.
    assert seen == [(False, True, [], 0, True), (False, True, [{"id": 7}], 1, True), (False, True, [], 0, True), (False, False, [], 0, False)]
    assert server.sql('SELECT total FROM "Order" WHERE id = 7') == [(9,)]
    journal = [json.loads(line) for line in (server.state_dir / server.name / "journal.ndjson").read_text().splitlines()]
    assert [(entry["event"], entry.get("rows")) for entry in journal] == [
        ("postgres_write_begun", None), ("postgres_write_committed", 1), ("postgres_write_begun", None), ("postgres_write_committed", 0),
    ]  # fmt: skip
    assert journal[0]["statement"].startswith('UPDATE "Order" SET total = %(total)s')


def test_what_fails_half_way_leaves_nothing(server):
    result = ask(server, 'INSERT INTO "Order" (id, password) VALUES (9001, %s), (1, %s)', parameters=[SECRET, SECRET], write=True, confirm="shop")
    assert (result["reason"], result["details"]["sqlstate"]) == ("postgres_failed", "23505")
    assert server.sql('SELECT count(*) FROM "Order" WHERE id = 9001') == [(0,)]
    assert ask(server, "VACUUM", write=True, confirm="shop")["details"]["sqlstate"] == "25001"


def test_nothing_is_written_that_cannot_be_written_down(server):
    journal = server.state_dir / server.name / "journal.ndjson"
    kept = journal.read_bytes() if journal.exists() else b""
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.unlink(missing_ok=True)
    journal.mkdir()
    try:
        result = ask(server, 'DELETE FROM "Order"', write=True, confirm="shop")
        assert (result["reason"], orders(server)) == ("state_unwritable", 2500)
    finally:
        journal.rmdir()
        journal.write_bytes(kept)


def test_a_commit_without_an_answer_is_not_called_done(server):
    server.sql(
        "CREATE TABLE late (id int)",
        "CREATE FUNCTION wait_long() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(300); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_long()",
    )
    ended = threading.Event()

    def cut() -> None:
        while not ended.is_set():
            server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'runbook.compose postgres_query' AND query = 'COMMIT'")
            time.sleep(0.2)

    other = threading.Thread(target=cut)
    other.start()
    try:
        result = ask(server, "INSERT INTO late VALUES (1)", write=True, confirm="shop")
    finally:
        ended.set()
        other.join()
    assert (result["reason"], server.sql("SELECT count(*) FROM late")) == ("write_outcome_unknown", [(0,)])


@pytest.fixture(scope="module")
def bare(server):
    """A session that runs whatever it is given, as several statements if they are several."""
    connection = psycopg2.connect(host=server.address, user="shop", password=PASSWORD, dbname="shop")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET client_min_messages = error")
        yield cursor
    connection.close()


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PARTS), max_size=7), st.lists(st.sampled_from(PARTS), max_size=5), st.sampled_from(["", "'", "E'", "$a$"]))
def test_what_we_take_for_one_statement_the_server_takes_for_one(bare, before, after, start):
    text = f"SELECT {start}{''.join(before)}{BOOM}{''.join(after)}"
    try:
        one_statement(text)
    except BadInput:
        return
    try:
        bare.execute(text)
    except psycopg2.Error:
        return
    bare.execute("SELECT to_regclass('boom')")
    assert bare.fetchone() == (None,), text
