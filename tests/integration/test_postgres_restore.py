"""postgres_restore on a real server: what it brings back, how it is undone, what it leaves running."""

from __future__ import annotations

import time

import psycopg2
import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.restore_records import RestoreRecords
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_errors import SwapFailed
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack
from tests.support.backups import forged
from tests.support.postgres import PASSWORD
from tests.support.restores import Client, RestoredStack
from tests.support.stacks import unique_name

ODD_NAME = "-h o\"dd 'n%me=$(x)ü"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    settings = ("wal_level=logical", "max_prepared_transactions=2")
    made = RestoredStack(tmp_path_factory.mktemp("restore"), unique_name("restore"), settings=settings)
    try:
        made.up()
        made.furnish()
        made.proven = made.back_up("shop", verify="restore")
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def clean(stack):
    """Every test begins with what was backed up, and nothing else."""
    yield
    stack.forget_restores()
    stack.sql("DELETE FROM orders", "INSERT INTO orders SELECT i, 'n' || i FROM generate_series(1, 300) i")


def test_check_do_undo_redo_expire(stack):
    was = stack.properties()
    stack.sql("DELETE FROM orders WHERE id > 7")
    assert "7MB" in str(was) and "9s" in str(was)

    looked = stack.restore(check=True)
    assert (looked["changed"], stack.orders(), list(stack.databases())) == (True, 7, ["postgres", "shop"])
    assert [step["action"] for step in looked["actions"]] == ["restore", "compare", "swap"]

    began = time.monotonic()
    done = stack.restore()
    took_ms = (time.monotonic() - began) * 1000
    undo = done["undo_database"]
    assert (done["failed"], done["compared"], done["rows"], done["source"]) == (False, True, 300, f"backup {stack.proven.id}")
    assert (stack.orders(), stack.properties()) == (300, was)
    assert stack.databases() == {"postgres": True, "shop": True, undo: False}
    assert 0 < done["unavailable_ms"] < took_ms
    stack.sql("INSERT INTO orders (note) VALUES ('after the restore')")

    assert stack.restore(check=True, state="undone")["changed"]
    undone = stack.restore(state="undone")
    assert (undone["restore_id"], stack.orders(), stack.properties()) == (done["restore_id"], 7, was)
    assert stack.databases() == {"postgres": True, "shop": True, undone["kept_database"]: False}
    assert not stack.restore(check=True, state="undone")["changed"]
    assert not stack.restore(state="undone")["changed"]

    redone = stack.restore(state="redone")
    assert (redone["changed"], stack.orders()) == (True, 301)
    assert not stack.restore(state="redone")["changed"]

    assert not stack.restore(state="expired")["changed"]  # it is not three days old
    assert stack.restore(check=True, state="expired", undo_ttl=0)["changed"]
    assert stack.restore(state="expired", undo_ttl=0)["dropped"] == [undo]
    assert not stack.restore(state="expired", undo_ttl=0)["changed"]
    gone = stack.restore(state="undone")
    assert (gone["reason"], stack.orders()) == ("nothing_to_undo", 301)


def test_sessions_are_ended_and_nobody_waits_longer_than_is_said(stack):
    """A client that connects again and again, and one that sits in a transaction."""
    sitting = psycopg2.connect(host=stack.address, user="shop", password=PASSWORD, dbname="shop")
    sitting.cursor().execute("LOCK TABLE orders")
    client = Client(stack.address)
    client.start()
    try:
        client.await_database_other_than(None)
        old = client.answers[-1][2]
        done = stack.restore()
        client.await_database_other_than(old)
    finally:
        client.ended.set()
        client.join()
    assert not done["failed"], done["msg"]
    with pytest.raises(psycopg2.Error):
        sitting.cursor().execute("SELECT 1")
    good = [answer for answer in client.answers if answer[2] is not None]
    new = good[-1][2]
    assert old != new and {oid for _began, _ended, oid in good} == {old, new}
    last, first = max(answer for answer in good if answer[2] == old), min(answer for answer in good if answer[2] == new)
    assert last[1] < first[1], "never both"
    gap_ms = (first[1] - last[1]) * 1000
    ends = [(ended, (began, ended) == first[:2]) for began, ended, _oid in client.answers]
    polling_ms = max(later[0] - earlier[0] for earlier, later in zip(ends, ends[1:]) if not later[1]) * 1000
    slack_ms = 2 * polling_ms + 500  # and either of the two may wait a moment for the processor before it looks at its clock
    assert gap_ms <= done["unavailable_ms"] + slack_ms
    assert 0 < done["unavailable_ms"] <= gap_ms + slack_ms


def test_named_dependents_are_stopped_and_started(stack):
    before = stack.containers("app")[0]["State"]
    done = stack.attempt(dependents=["app"])
    after = stack.containers("app")[0]["State"]
    assert (done["services_restarted"], after["Running"]) == (["app"], True)
    assert after["StartedAt"] != before["StartedAt"]
    assert [step["action"] for step in done["actions"]][-3:] == ["stop", "swap", "start"]
    unknown = stack.attempt(state="undone", dependents=["nobody"])
    assert (unknown["reason"], stack.orders()) == ("unknown_service", 300)


def other_content(stack, **tables) -> dict:
    """Of a manifest that claims more than is there."""
    return {**stack.proven.manifest.content, "tables": {f"public.{name}": {"rows": rows, "checksum": ""} for name, rows in tables.items()}}


def test_a_restored_copy_that_differs_never_becomes_live(stack):
    wrong = forged(stack.store, stack.proven, stack.proven, content=other_content(stack, orders=301, users=1))
    failed = stack.attempt(backup=wrong.id, allow_unverified=True, dependents=["app"])
    assert (failed["reason"], failed["details"]["safe_state"], failed["details"]["stage"]) == ("restore_differs", "untouched", "restoring")
    assert failed["details"]["differences"] == ["table public.users is missing", "table public.orders: 301 rows expected, 300 found"]
    assert (stack.orders(), stack.databases()) == (300, {"postgres": True, "shop": True})
    assert stack.containers("app")[0]["State"]["Running"]
    untrue = stack.attempt(assertions=["SELECT count(*) = 300 FROM orders", "SELECT count(*) > 300 FROM orders"])
    assert (untrue["reason"], len(untrue["details"]["differences"])) == ("restore_differs", 1)


def test_nothing_is_done_without_the_name(stack):
    """T34."""
    for wrong in ({"confirm": ""}, {"confirm": "true"}, {"confirm": "postgres"}, {"mode": "replace", "safety_backup": True}):
        refused = stack.attempt(**wrong)
        assert (refused["reason"], "swap" in refused["details"]["would"] or "drop" in refused["details"]["would"]) == ("confirmation_missing", True)
    assert stack.attempt(check=True, confirm=stack.name)["changed"]
    done = stack.attempt(confirm=stack.name)
    assert stack.attempt(state="undone", confirm="")["reason"] == "confirmation_missing"
    assert stack.databases() == {"postgres": True, "shop": True, done["undo_database"]: False}


def test_everything_that_speaks_against_it_is_said_at_once(stack):
    """T27, T29, T34: each alone would be enough."""
    content = {**stack.proven.manifest.content, "extensions": {"plpgsql": "1.0", "postgis": "3.4"}, "roles": ["clerk", "nobody"], "database_bytes": 10**16}
    source = {**stack.proven.manifest.source, "system_identifier": "1"}
    wrong = forged(stack.store, stack.proven, stack.proven, content=content, source=source, partial=True)
    other = stack.attempt(backup=wrong.id, database="postgres", confirm="postgres")
    codes = [problem["code"] for problem in other["details"]["problems"]]
    assert (other["reason"], codes[:4]) == ("restore_refused", ["backup_unverified", "backup_partial", "foreign_database", "foreign_server"])
    stack.sql("SELECT pg_create_logical_replication_slot('follower', 'pgoutput')")
    stack.sql("CREATE SUBSCRIPTION leader CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)")
    stack.sql("BEGIN", "INSERT INTO orders (note) VALUES ('prepared')", "PREPARE TRANSACTION 'half'")
    try:
        refused = stack.attempt(backup=wrong.id, allow_unverified=True)
        assert [problem["code"] for problem in refused["details"]["problems"]] == [
            *("backup_partial", "foreign_server", "extensions_missing", "roles_missing", "not_enough_space"),
            *("prepared_transactions", "logical_slots", "subscriptions"),
        ]
        for named in ("postgis", "nobody", "half", "follower", "leader", " MiB are free"):
            assert named in refused["msg"]
        alone = stack.attempt()
        assert [problem["code"] for problem in alone["details"]["problems"]] == ["prepared_transactions", "logical_slots", "subscriptions"]
    finally:
        stack.sql("ROLLBACK PREPARED 'half'", "ALTER SUBSCRIPTION leader SET (slot_name = NONE)", "DROP SUBSCRIPTION leader")
        stack.sql("SELECT pg_drop_replication_slot('follower')")
    assert (stack.orders(), stack.databases()) == (300, {"postgres": True, "shop": True})


def test_a_backup_whose_file_changed_is_not_restored(stack):
    spoilt = forged(stack.store, stack.proven, stack.proven)
    with open(f"{spoilt.directory}/{spoilt.manifest.files[0].path}", "r+b") as archive:
        archive.seek(-9, 2)
        archive.write(bytes([archive.read(1)[0] ^ 1]))
    for check in (True, False):
        refused = stack.attempt(check=check, backup=spoilt.id, allow_unverified=True)
        assert [problem["code"] for problem in refused["details"]["problems"]] == ["backup_damaged"]
    assert stack.attempt(backup="20260101T000000Z-000001-aaaa")["reason"] == "backup_missing"


def test_a_safety_backup_is_made_once(stack):
    first = stack.attempt(safety_backup=True, safety_max_age=0)
    again = stack.attempt(safety_backup=True)
    assert first["safety_backup"] and first["safety_backup"] == again["safety_backup"]
    made = next(backup for backup in stack.published("shop") if backup.id == first["safety_backup"])
    assert (made.manifest.purpose, made.state) == ("safety", "dumped")


def test_a_replacement_gives_the_room_of_the_live_database(stack):
    stack.sql("DELETE FROM orders WHERE id > 7")
    options = {"mode": "replace", "confirm_replace": "shop", "safety_backup": True}
    looked = stack.attempt(check=True, **options)
    assert [step["action"] for step in looked["actions"]] == ["stop", "back_up", "drop", "restore", "compare", "rename", "start"]
    wrong = forged(stack.store, stack.proven, stack.proven, content=other_content(stack, orders=301))
    failed = stack.attempt(backup=wrong.id, allow_unverified=True, **options)
    assert (failed["reason"], failed["details"]["safe_state"]) == ("restore_differs", "rolled_back")
    assert (stack.orders(), stack.databases(), stack.containers("app")[0]["State"]["Running"]) == (7, {"postgres": True, "shop": True}, True)
    done = stack.attempt(**options)
    assert (done["failed"], done["undo_database"], done["services_restarted"]) == (False, None, ["app"])
    assert (stack.orders(), stack.databases()) == (300, {"postgres": True, "shop": True})
    assert next(backup for backup in stack.published("shop") if backup.id == done["safety_backup"]).state == "verified"
    assert stack.attempt(state="undone")["reason"] == "nothing_to_undo"


def test_an_error_at_the_end_of_the_archive_leaves_the_live_database_alone(stack):
    """T28: a view that the source could fill, and no restore can, comes last."""
    stack.sql("CREATE DATABASE late", database="postgres")
    stack.sql("CREATE TABLE t (id int)", "INSERT INTO t SELECT generate_series(1, 9)", database="late")
    stack.sql("CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t'", "CREATE MATERIALIZED VIEW v AS SELECT f()", database="late")
    backup = stack.back_up("late")
    failed = stack.attempt(database="late", confirm="late", backup=backup.id, allow_unverified=True)
    assert (failed["reason"], failed["details"]["safe_state"]) == ("archive_rejected", "untouched")
    assert "relation" in failed["msg"] and "is as it was" in failed["msg"]
    assert stack.databases() == {"postgres": True, "shop": True, "late": True}
    assert stack.sql("SELECT count(*) FROM t", database="late") == [(9,)]
    stack.sql("DROP DATABASE late", database="postgres")


def test_a_name_that_is_taken_undoes_the_exchange(stack):
    """T25: of two renames in one transaction one fails."""
    done = stack.attempt()
    taken = done["undo_database"].replace("__undo_", "__redo_")
    stack.sql(f'CREATE DATABASE "{taken}"', database="postgres")
    failed = stack.attempt(state="undone")
    assert (failed["reason"], failed["details"]["safe_state"]) == ("swap_failed", "rolled_back")
    assert stack.databases() == {"postgres": True, "shop": True, done["undo_database"]: False, taken: True}
    assert stack.orders() == 300
    stack.sql(f'DROP DATABASE "{taken}"', database="postgres")
    assert stack.attempt(state="undone")["changed"]


def test_only_one_restore_at_a_time(stack):
    """One that runs, and one that ended between the plan and the run."""
    with RestoreRecords(Stack.from_params(stack.options), "postgres").working_on("shop"):
        assert stack.attempt()["reason"] == "backup_busy"
    late = stack.operation()
    plan = late.plan()
    done = stack.attempt()
    with pytest.raises(SwapFailed) as failed:
        late.apply(plan)
    assert failed.value.details["safe_state"] == "untouched"
    assert (stack.orders(), stack.databases()) == (300, {"postgres": True, "shop": True, done["undo_database"]: False})
    assert not stack.attempt(state="recovered")["changed"]


def test_missing_roles_come_back_with_their_passwords_and_memberships(stack):
    stack.sql("DROP OWNED BY clerk CASCADE", "REVOKE ALL ON DATABASE shop FROM clerk", "DROP OWNED BY reader", "DROP ROLE clerk", "DROP ROLE reader")
    stack.sql("CREATE TABLE IF NOT EXISTS orders (id int, note text)")
    done = stack.attempt()
    assert (done["failed"], done["roles_created"]) == (False, ["clerk", "reader"])
    session = stack.connect(user="clerk", password="clerk's %word")
    session.close()
    assert stack.sql("SELECT pg_has_role('clerk', 'reader', 'MEMBER')") == [(True,)]


def test_a_database_that_is_not_there_with_a_name_of_all_characters(stack):
    name = ODD_NAME.replace('"', '""')
    stack.sql(f'CREATE DATABASE "{name}"', database="postgres")
    stack.sql("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)", database=ODD_NAME)
    stack.back_up(ODD_NAME)
    options = {"database": ODD_NAME, "confirm": ODD_NAME, "allow_unverified": True}
    assert stack.attempt(**options)["changed"]
    assert stack.attempt(state="undone", **options)["changed"]
    stack.sql(f'DROP DATABASE "{name}"', database="postgres")
    fresh = stack.attempt(**options)
    assert (fresh["failed"], fresh["undo_database"], fresh["unavailable_ms"]) == (False, None, 0)
    assert stack.sql("SELECT id FROM t", database=ODD_NAME) == [(1,)]
    assert stack.attempt(state="undone", **options)["reason"] == "nothing_to_undo"
    stack.sql(f'DROP DATABASE "{name}"', database="postgres")
