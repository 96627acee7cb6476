"""postgres_restore on a real server: what it brings back, how it is undone, what it leaves running."""

from __future__ import annotations

import threading
import time

import psycopg2
import pytest

from tests.support.backups import forged
from tests.support.postgres import PASSWORD
from tests.support.restores import RestoredStack
from tests.support.stacks import unique_name

ODD_NAME = "-h o\"dd 'n%me=$(x)ü"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = RestoredStack(tmp_path_factory.mktemp("restore"), unique_name("restore"))
    try:
        made.up()
        made.sql("CREATE ROLE reader", "CREATE ROLE clerk LOGIN PASSWORD 'clerk''s %word'", "GRANT reader TO clerk")
        made.sql("CREATE TABLE orders (id serial PRIMARY KEY, note text)", "INSERT INTO orders (note) SELECT 'n' || i FROM generate_series(1, 300) i")
        made.sql("GRANT SELECT ON orders TO reader", "ALTER TABLE orders OWNER TO clerk")
        made.sql("ALTER DATABASE shop SET work_mem TO '7MB'", "ALTER DATABASE shop SET search_path TO \"$user\", public, 'o\"dd'")
        made.sql("ALTER ROLE clerk IN DATABASE shop SET statement_timeout TO '9s'", "COMMENT ON DATABASE shop IS 'the 100% shop'")
        made.sql("REVOKE CONNECT ON DATABASE shop FROM PUBLIC", "GRANT CONNECT ON DATABASE shop TO clerk WITH GRANT OPTION", "ALTER DATABASE shop CONNECTION LIMIT 77")
        made.proven = made.back_up("shop", verify="restore")
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def clean(stack):
    """Every test begins with what was backed up, and nothing else."""
    yield
    done = stack.restore(state="expired", undo_ttl=0, database="")
    assert not done["failed"], done["msg"]
    assert [name for name in stack.databases() if "__" in name] == []
    stack.sql("DELETE FROM orders", "INSERT INTO orders SELECT i, 'n' || i FROM generate_series(1, 300) i")


def properties(stack) -> list:
    return stack.sql(
        """SELECT pg_get_userbyid(d.datdba), d.datconnlimit, shobj_description(d.oid, 'pg_database'), d.encoding, d.datcollate,
             (SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(d.datacl) a),
             (SELECT array_agg(concat(setrole::regrole, ' ', one) ORDER BY setrole, one) FROM pg_db_role_setting, unnest(setconfig) one
              WHERE setdatabase = d.oid)
           FROM pg_database d WHERE datname = 'shop'"""
    )


def test_check_do_undo_redo_expire(stack):
    was = properties(stack)
    stack.sql("DELETE FROM orders WHERE id > 7")
    assert "7MB" in str(was) and "9s" in str(was)

    looked = stack.restore(check=True)
    assert (looked["changed"], stack.orders(), list(stack.databases())) == (True, 7, ["postgres", "shop"])
    assert [step["action"] for step in looked["actions"]] == ["restore", "compare", "swap"]

    done = stack.restore()
    undo = done["undo_database"]
    assert (done["failed"], done["compared"], done["rows"], done["source"]) == (False, True, 300, f"backup {stack.proven.id}")
    assert (stack.orders(), properties(stack)) == (300, was)
    assert stack.databases() == {"postgres": True, "shop": True, undo: False}
    assert 0 < done["unavailable_ms"] < 20000
    stack.sql("INSERT INTO orders (note) VALUES ('after the restore')")

    assert stack.restore(check=True, state="undone")["changed"]
    undone = stack.restore(state="undone")
    assert (undone["restore_id"], stack.orders(), properties(stack)) == (done["restore_id"], 7, was)
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


def test_sessions_are_ended_and_the_application_comes_back_by_itself(stack):
    """A client that connects again and again, and one that sits in a transaction."""
    sitting = psycopg2.connect(host=stack.address, user="shop", password=PASSWORD, dbname="shop")
    sitting.cursor().execute("LOCK TABLE orders")
    answers: list[tuple[float, bool]] = []
    ended = threading.Event()

    def knock() -> None:
        while not ended.is_set():
            try:
                psycopg2.connect(host=stack.address, user="shop", password=PASSWORD, dbname="shop", connect_timeout=5).close()
                answers.append((time.monotonic(), True))
            except psycopg2.OperationalError:
                answers.append((time.monotonic(), False))

    client = threading.Thread(target=knock)
    client.start()
    try:
        done = stack.restore()
    finally:
        ended.set()
        client.join()
    assert not done["failed"], done["msg"]
    refused = [at for at, good in answers if not good]
    assert refused, "the client was never shut out, so the test proves nothing"
    assert (refused[-1] - refused[0]) * 1000 <= done["unavailable_ms"] + 500
    assert answers[-1][1]
    with pytest.raises(psycopg2.Error):
        sitting.cursor().execute("SELECT 1")


def test_dependents_are_stopped_and_started(stack):
    before = stack.containers("app")[0]["State"]
    done = stack.restore(dependents=None)
    after = stack.containers("app")[0]["State"]
    assert (done["services_restarted"], after["Running"]) == (["app"], True)
    assert after["StartedAt"] != before["StartedAt"]
    assert [step["action"] for step in done["actions"]][-3:] == ["stop", "swap", "start"]


def test_a_restored_copy_that_differs_never_becomes_live(stack):
    content = {**stack.proven.manifest.content}
    content["tables"] = {"public.orders": {"rows": 301, "checksum": ""}, "public.users": {"rows": 1, "checksum": ""}}
    wrong = forged(stack.store, stack.proven, stack.proven, content=content)
    failed = stack.restore(backup=wrong.id, allow_unverified=True, dependents=None)
    assert (failed["reason"], failed["details"]["safe_state"], failed["details"]["stage"]) == ("restore_differs", "untouched", "restoring")
    assert failed["details"]["differences"] == ["table public.users is missing", "table public.orders: 301 rows expected, 300 found"]
    assert (stack.orders(), stack.databases()) == (300, {"postgres": True, "shop": True})
    assert stack.containers("app")[0]["State"]["Running"]


def test_an_error_at_the_end_of_the_archive_leaves_the_live_database_alone(stack):
    """T28: an index that the source could build, and no restore can, comes last."""
    stack.sql("CREATE DATABASE late", database="postgres")
    stack.sql("CREATE TABLE t (id int)", "INSERT INTO t SELECT generate_series(1, 9)", database="late")
    stack.sql("CREATE FUNCTION f(int) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT count(*) FROM t'", "CREATE INDEX z ON t (f(id))", database="late")
    backup = stack.back_up("late")
    failed = stack.restore(database="late", confirm="late", backup=backup.id, allow_unverified=True)
    assert (failed["reason"], failed["details"]["safe_state"]) == ("archive_rejected", "untouched")
    assert "relation" in failed["msg"] and "is as it was" in failed["msg"]
    assert stack.databases() == {"postgres": True, "shop": True, "late": True}
    assert stack.sql("SELECT count(*) FROM t", database="late") == [(9,)]
    stack.sql("DROP DATABASE late", database="postgres")


def test_a_name_that_is_taken_undoes_the_exchange(stack):
    """T25: of two renames in one transaction one fails."""
    done = stack.restore()
    taken = done["undo_database"].replace("__undo_", "__redo_")
    stack.sql(f'CREATE DATABASE "{taken}"', database="postgres")
    failed = stack.restore(state="undone")
    assert (failed["reason"], failed["details"]["safe_state"]) == ("swap_failed", "rolled_back")
    assert stack.databases() == {"postgres": True, "shop": True, done["undo_database"]: False, taken: True}
    assert stack.orders() == 300
    stack.sql(f'DROP DATABASE "{taken}"', database="postgres")
    assert stack.restore(state="undone")["changed"]


def test_missing_roles_come_back_with_their_passwords_and_memberships(stack):
    stack.sql("DROP OWNED BY clerk CASCADE", "REVOKE ALL ON DATABASE shop FROM clerk", "DROP OWNED BY reader", "DROP ROLE clerk", "DROP ROLE reader")
    stack.sql("CREATE TABLE IF NOT EXISTS orders (id int, note text)")
    done = stack.restore()
    assert (done["failed"], done["roles_created"]) == (False, ["clerk", "reader"])
    session = stack.connect(user="clerk", password="clerk's %word")
    session.close()
    assert stack.sql("SELECT pg_has_role('clerk', 'reader', 'MEMBER')") == [(True,)]


def test_a_safety_backup_is_made_once(stack):
    first = stack.restore(safety_backup=True)
    again = stack.restore(safety_backup=True)
    assert first["safety_backup"] == again["safety_backup"] is not None
    made = next(backup for backup in stack.published("shop") if backup.id == first["safety_backup"])
    assert (made.manifest.purpose, made.state) == ("safety", "dumped")


def test_a_database_that_is_not_there_with_a_name_of_all_characters(stack):
    name = ODD_NAME.replace('"', '""')
    stack.sql(f'CREATE DATABASE "{name}"', database="postgres")
    stack.sql("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)", database=ODD_NAME)
    stack.back_up(ODD_NAME, verify="restore")
    options = {"database": ODD_NAME, "confirm": ODD_NAME}
    assert stack.restore(**options)["changed"]
    assert stack.restore(state="undone", **options)["changed"]
    stack.sql(f'DROP DATABASE "{name}"', database="postgres")
    fresh = stack.restore(**options)
    assert (fresh["failed"], fresh["undo_database"], fresh["unavailable_ms"]) == (False, None, 0)
    assert stack.sql("SELECT id FROM t", database=ODD_NAME) == [(1,)]
    assert stack.restore(state="undone", **options)["reason"] == "nothing_to_undo"
    stack.sql(f'DROP DATABASE "{name}"', database="postgres")
