"""The shape of a schema on a real server: what a program that knew it can live with, and what it cannot."""

from __future__ import annotations

import pytest
from tests.support.postgres import PostgresStack
from tests.support.stacks import remove_holders, unique_name

from ansible_collections.runbook.compose.plugins.module_utils._adapters.engine import Engine
from ansible_collections.runbook.compose.plugins.module_utils._adapters.live_schema import live_shape
from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_service import PostgresAccess, PostgresService
from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_target import PostgresTarget
from ansible_collections.runbook.compose.plugins.module_utils._core.schema_shape import LiveShape, ShapeChange, compare
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack

START = (
    "CREATE TYPE status AS ENUM ('new', 'paid')",
    "CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0)",
    """CREATE TABLE orders (id bigserial PRIMARY KEY, total cents, state status NOT NULL, note varchar(40), "Odd.Name" text NOT NULL DEFAULT '-')""",
    "CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY, order_id bigint REFERENCES orders)",
    "CREATE INDEX orders_note ON orders (note)",
    "CREATE VIEW recent AS SELECT id, total FROM orders",
    "CREATE FUNCTION doubled(n bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 2 * n'",
    "CREATE TABLE log (at date NOT NULL) PARTITION BY RANGE (at)",
    "CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
)
ADDITIVE = [
    "ALTER TABLE orders ADD COLUMN channel text",
    "ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web'",
    "ALTER TABLE orders ADD COLUMN token uuid UNIQUE",
    "ALTER TABLE orders ADD COLUMN number bigserial UNIQUE",
    "ALTER TABLE lines ADD COLUMN parent bigint CHECK (parent > 0) REFERENCES orders",
    "CREATE TABLE events (id int PRIMARY KEY CHECK (id > 0), order_id bigint NOT NULL REFERENCES orders)",
    "CREATE INDEX orders_state ON orders (state)",
    "DROP INDEX orders_note",
    "CREATE OR REPLACE VIEW recent AS SELECT id, total, state FROM orders WHERE id > 3",
    "ALTER TYPE status ADD VALUE 'sent'",
    "ALTER TABLE orders ALTER state SET DEFAULT 'new'",
    "CREATE EXTENSION pgcrypto",
]
SAME = [
    "DROP TABLE log_2025",
    "GRANT SELECT ON orders TO PUBLIC",
    "COMMENT ON TABLE orders IS 'they pay'",
    "INSERT INTO orders (state) VALUES ('new')",
    "REINDEX TABLE orders",
    "CREATE OR REPLACE FUNCTION doubled(n bigint) RETURNS bigint LANGUAGE sql AS 'SELECT n + n'",
]
DIVERGED = {
    "ALTER TABLE orders DROP COLUMN note": "column public.orders.note is gone",
    "ALTER TABLE orders RENAME COLUMN note TO remark": "column public.orders.note is gone",
    'ALTER TABLE orders DROP COLUMN "Odd.Name"': 'column public.orders."Odd.Name" is gone',
    'ALTER TABLE orders ALTER "Odd.Name" DROP DEFAULT': 'column public.orders."Odd.Name" is not what it was',
    "ALTER TABLE orders ALTER note TYPE varchar(20)": "column public.orders.note is not what it was",
    "ALTER TABLE orders ALTER note SET NOT NULL": "column public.orders.note is not what it was",
    "ALTER TABLE orders ADD COLUMN code text NOT NULL": "column public.orders.code is new and binding",
    "ALTER TABLE orders ADD CHECK (length(note) < 9)": "constraint public.orders.orders_note_check is new and binding",
    "CREATE UNIQUE INDEX ON orders (note)": "unique index public.orders_note_idx is new and binding",
    "ALTER TABLE orders ADD COLUMN region text DEFAULT 'eu' UNIQUE": "unique index public.orders_region_key is new and binding",
    "ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey": "constraint public.lines.lines_order_id_fkey is gone",
    "ALTER TABLE orders RENAME TO purchases": "table public.orders is gone",
    "DROP TABLE lines": "table public.lines is gone",
    "DROP VIEW recent": "view public.recent is gone",
    "DROP FUNCTION doubled": "function public.doubled(bigint) is gone",
    "ALTER TYPE status RENAME VALUE 'paid' TO 'settled'": "value public.status.'paid' is gone",
    "ALTER DOMAIN cents ADD CHECK (VALUE < 99)": "constraint public.cents.cents_check1 is new and binding",
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY": "table public.orders is not what it was",
    "CREATE RULE quiet AS ON DELETE TO orders DO INSTEAD NOTHING": "rule public.orders.quiet is new and binding",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = PostgresStack(tmp_path_factory.mktemp("schema"), unique_name("schema"))
    try:
        made.up()
        made.sql("CREATE DATABASE model", database="postgres")
        made.sql(*START, database="model")
        yield made
    finally:
        made.down()
        remove_holders(made.name)


@pytest.fixture(scope="module")
def target(server):
    stack = Stack(server.name, str(server.directory), state_dir=str(server.state_dir))
    return PostgresTarget(stack, PostgresService.find(stack, Engine.connect(stack), PostgresAccess()))


@pytest.fixture
def shapes(server, target):
    """The shapes of a copy of the model before and after a statement."""

    def around(statement: str) -> tuple[LiveShape, LiveShape]:
        server.sql("DROP DATABASE IF EXISTS tried", "CREATE DATABASE tried TEMPLATE model", database="postgres")
        before = live_shape(target, "tried")
        server.sql(statement, database="tried")
        return before, live_shape(target, "tried")

    return around


def change(shapes: tuple[LiveShape, LiveShape]) -> ShapeChange:
    return compare(shapes[0].keep(), shapes[1])


@pytest.mark.parametrize("statement", ADDITIVE)
def test_what_is_added_does_no_harm(shapes, statement):
    found = change(shapes(statement))
    assert (found.name, found.breaking()) == ("additive", []) and found.harmless, found


@pytest.mark.parametrize("statement", SAME)
def test_what_is_no_part_of_the_shape_changes_nothing(shapes, statement):
    before, after = shapes(statement)
    assert change((before, after)).name == "same" and before.keep() == after.keep()


@pytest.mark.parametrize("statement", DIVERGED)
def test_what_breaks_a_program_is_named(shapes, statement):
    found = change(shapes(statement))
    assert found.name == "diverged" and DIVERGED[statement] in found.breaking(), found


def test_the_module_changes_nothing_and_says_what_was_done_by_hand(server):
    first = server.module("postgres_schema_info", check=True)
    again = server.module("postgres_schema_info", database="shop", compare_with=first["shape"])
    assert (first["change"], again["change"], again["changed"]) == ("unknown", "same", False), again
    assert (first["database"], first["fingerprint"], first["shape"]) == ("shop", again["fingerprint"], again["shape"])
    server.sql("CREATE TABLE notes (id int)")
    added = server.module("postgres_schema_info", compare_with=first["shape"])
    assert (added["change"], added["differences"]["harmless"]) == ("additive", ["column public.notes.id", "table public.notes"])
    server.sql("DROP TABLE notes")
    gone = server.module("postgres_schema_info", compare_with=added["shape"])
    assert (gone["change"], gone["fingerprint"]) == ("diverged", first["fingerprint"])
    assert gone["differences"]["breaking"] == ["column public.notes.id is gone", "table public.notes is gone"]


def test_another_database_is_not_compared(server):
    model = server.module("postgres_schema_info", database="model")
    assert server.module("postgres_schema_info", database="shop", compare_with=model["shape"])["change"] == "unknown"


def test_what_is_no_shape_and_a_database_that_is_not_there_are_refused(server):
    assert server.module("postgres_schema_info", compare_with={"objects": "all"})["reason"] == "bad_input"
    assert server.module("postgres_schema_info", database="-h evil")["reason"] == "postgres_login_refused"


def test_a_release_keeps_its_schema_and_is_staged_only_on_one_it_can_work_with(server):
    def release(state: str, check: bool = False, **options: object) -> dict:
        return server.module("release", check=check, **{"state": state, "release": "current", "database": "shop", **options})

    assert server.module("release", state="registered", version="v1", disk_free_min_mb=0)["already_current"]
    would, did, again = release("verified", check=True), release("verified"), release("verified")
    assert [one["changed"] for one in (would, did, again)] == [True, True, False], did
    assert [step["action"] for step in would["actions"]] == ["record_schema"]
    assert did["release"]["schema_fingerprint"] == server.module("postgres_schema_info")["fingerprint"]
    assert release("staged")["schema_change"] == "same"
    server.sql("CREATE TABLE kept (id int)")
    assert release("staged")["schema_change"] == "additive"
    assert release("verified")["changed"]  # from now on it knows that table

    server.sql("DROP TABLE kept")
    refused = release("staged", check=True)
    assert (refused["reason"], refused["details"]["objects"]["gone"]) == ("schema_incompatible", ["column public.kept.id", "table public.kept"])
    accepted = release("staged", on_incompatible_schema="accept")
    assert (accepted["failed"], accepted["schema_change"]) == (False, "diverged")
    assert release("staged", database="")["schema_change"] == "unknown"
    unreached = release("staged", host="127.0.0.1", port=1)
    assert (unreached["schema_change"], len(unreached["warnings"])) == ("unknown", 1), unreached

    (kept,) = (server.state_dir / server.name / "releases").glob("*/schema.json")
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    kept.write_text("{}")
    damaged = release("staged")
    assert (damaged["schema_change"], len(damaged["warnings"])) == ("unknown", 1), damaged
