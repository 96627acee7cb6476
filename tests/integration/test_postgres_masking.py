"""A backup of another stack becomes the live database of this one, masked; and none that is not."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import psycopg2
import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from tests.support.backups import brought_from, forged
from tests.support.restores import RestoredStack
from tests.support.stacks import docker, unique_name

PRODUCTION = "shop-production"
EMAILS = "UPDATE customers SET email = 'customer' || id || '@example.test'"
MASKED = "SELECT count(*) = 0 FROM customers WHERE email NOT LIKE '%@example.test'"
REAL = "real.person@example.com"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = RestoredStack(tmp_path_factory.mktemp("masking"), unique_name("masking"))
    try:
        made.up("postgres")
        made.sql("CREATE ROLE clerk LOGIN PASSWORD 'clerk''s'", "CREATE ROLE visitor LOGIN PASSWORD 'visitor''s'")
        made.sql("CREATE TABLE customers (id serial PRIMARY KEY, email text UNIQUE)", "CREATE TABLE sessions (email text)")
        made.sql(f"INSERT INTO customers (email) SELECT i || '{REAL}' FROM generate_series(1, 50) i")
        made.sql(f"INSERT INTO sessions SELECT '{REAL}' FROM generate_series(1, 50)", "ALTER TABLE sessions OWNER TO clerk")
        made.sql("GRANT SELECT ON customers TO visitor")
        made.production = brought_from(PRODUCTION, made.back_up("shop", verify="restore"), made.backup_dir)
        made.sql("DROP TABLE sessions", "TRUNCATE customers", "INSERT INTO customers VALUES (7, 'staging@example.test')", "DROP ROLE clerk")
        yield made
    finally:
        made.down()


def refresh(stack, **options) -> dict:
    return {"backup_stack": PRODUCTION, "masking": [EMAILS, "TRUNCATE sessions"], "masking_checks": [MASKED], **options}


def emails(stack) -> list[str]:
    return [row[0] for row in stack.sql("SELECT email FROM customers ORDER BY id")]


def untouched(stack) -> bool:
    return (emails(stack), stack.databases()) == (["staging@example.test"], {"postgres": True, "shop": True})


def test_the_backup_of_another_server_is_taken_only_where_it_was_named(stack):
    foreign = stack.attempt(backup=stack.production.id)
    assert foreign["reason"] == "backup_missing"
    own = stack.published("shop")[0].manifest.source
    of_this_server = forged(BackupStore(str(stack.backup_dir), PRODUCTION, "postgres"), stack.production, stack.production, source=own)
    same = stack.attempt(**refresh(stack, backup=of_this_server.id, allow_unverified=True, allow_foreign=True))
    assert (same["reason"], [one["code"] for one in same["details"]["problems"]]) == ("restore_refused", ["same_server"])
    file = Path(stack.production.directory) / stack.production.manifest.files[0].path
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?")
    refused = stack.attempt(**refresh(stack))
    file.write_bytes(content)
    assert "backup_damaged" in [one["code"] for one in refused["details"]["problems"]]
    assert untouched(stack)


@pytest.mark.parametrize(
    ("masking", "place", "sqlstate"),
    [
        ([EMAILS, f"SELECT '{REAL}'::int"], 2, "22P02"),
        (["DO $$ BEGIN UPDATE customers SET email = 'x' || id; COMMIT; END $$"], 1, "2D000"),
        ([EMAILS, "ALTER TABLE customers ADD FOREIGN KEY (id) REFERENCES customers DEFERRABLE INITIALLY DEFERRED", "DELETE FROM nowhere"], 3, "42P01"),
    ],
)
def test_a_statement_that_fails_ends_it_and_tells_nothing_of_the_data(stack, masking, place, sqlstate):
    failed = stack.attempt(**refresh(stack, masking=masking))
    details = failed["details"]
    assert (failed["reason"], details["statement"], details["sqlstate"], details["safe_state"]) == ("masking_failed", place, sqlstate, "untouched")
    assert "customers" not in failed["msg"] and REAL not in str(failed)
    assert untouched(stack)


def test_a_check_that_does_not_hold_keeps_the_copy_from_becoming_live(stack):
    checks = [MASKED, f"SELECT count(*) = 0 FROM sessions WHERE email <> '{REAL}'", "SELECT email FROM sessions", "SELECT nothing"]
    failed = stack.attempt(**refresh(stack, masking=[EMAILS], masking_checks=checks))
    assert (failed["reason"], failed["details"]["checks"]) == ("masking_incomplete", [3, 4])
    assert REAL not in str(failed) and untouched(stack)
    hostile = stack.attempt(**refresh(stack, masking=[EMAILS, "COMMIT"]))
    assert (hostile["reason"], hostile["failed"], untouched(stack)) == ("bad_input", True, True)


def test_a_run_that_dies_before_it_masked_leaves_a_closed_copy_that_recovery_drops(stack):
    assert stack.dies_at("ShadowDatabase.mask", **refresh(stack)) == "ShadowDatabase.mask"
    left = next(name for name in stack.databases() if "__new_" in name)
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(host=stack.address, user="visitor", password="visitor's", dbname=left)
    assert stack.attempt(**refresh(stack))["reason"] == "restore_unfinished"
    assert [one["outcome"] for one in stack.attempt(state="recovered")["recovered"]] == ["undone"]
    assert untouched(stack)


class Visitor(threading.Thread):
    """Tries to get into every copy while it is made, and stays and reads when it is let in."""

    def __init__(self, stack) -> None:
        super().__init__()
        self._address, self._watching = stack.address, stack.connect("postgres")
        self.ended = threading.Event()
        self.knocked: set[str] = set()
        self.read: set[str] = set()

    def run(self) -> None:
        with contextlib.closing(self._watching), self._watching.cursor() as cursor:
            while not self.ended.wait(0.01):
                cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE '%\\_\\_new\\_%'")
                for (name,) in cursor.fetchall():
                    self.knocked.add(name)
                    with contextlib.suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                        self._stay(psycopg2.connect(host=self._address, user="visitor", password="visitor's", dbname=name))

    def _stay(self, connection) -> None:
        """Until the server ends it."""
        with contextlib.closing(connection), connection.cursor() as cursor:
            while not self.ended.wait(0.01):
                with contextlib.suppress(psycopg2.ProgrammingError):
                    cursor.execute("SELECT email FROM customers")
                    self.read |= {email for (email,) in cursor.fetchall()}


def test_check_do_and_what_is_live_then(stack):
    stack.sql("DROP ROLE IF EXISTS clerk", database="postgres")  # failed restores leave the roles they made
    looked = stack.restore(check=True, **refresh(stack))
    assert looked["changed"] and untouched(stack)
    assert [step["action"] for step in looked["actions"]] == ["create_role", "restore", "compare", "mask", "swap"]

    visitor = Visitor(stack)
    visitor.start()
    try:
        done = stack.restore(**refresh(stack, masking=["ANALYZE sessions", EMAILS, "TRUNCATE sessions", "SELECT pg_sleep(0.5)"]))
    finally:
        visitor.ended.set()
        visitor.join()
    assert (done["failed"], done["compared"], done["rows"]) == (False, True, 100), done["msg"]
    assert (done["masked"], done["masking_checks"], done["roles_created"]) == (4, 1, ["clerk"])
    assert done["source"] == f"backup {stack.production.id} of stack {PRODUCTION}"
    assert emails(stack) == [f"customer{number}@example.test" for number in range(1, 51)]
    assert (len(visitor.knocked), [email for email in visitor.read if REAL in email]) == (1, [])

    psycopg2.connect(host=stack.address, user="visitor", password="visitor's", dbname="shop").close()  # as everybody may in a new database
    assert stack.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'clerk'", database="postgres") == [(None,)]
    assert stack.sql("SELECT count(*) FROM pg_stats WHERE most_common_vals::text LIKE '%real.person%'") == [(0,)]
    assert files_with(stack, REAL) == []

    assert stack.attempt(state="undone")["changed"] and emails(stack) == ["staging@example.test"]
    assert stack.attempt(state="expired", undo_ttl=0, database="")["changed"]


def files_with(stack, text: str) -> list[str]:
    """Files of the live database on the server's disk that hold it."""
    stack.sql("CHECKPOINT", database="postgres")
    oid = stack.sql("SELECT oid FROM pg_database WHERE datname = 'shop'", database="postgres")[0][0]
    server, directory = stack.containers("postgres")[0]["Id"], f"/var/lib/postgresql/data/base/{oid}"
    return docker("exec", server, "find", directory, "-type", "f", "-exec", "grep", "-l", text, "{}", ";").split()


def test_a_login_that_is_no_superuser_masks_and_gives_exactly_the_privileges_of_the_backup(stack):
    stack.sql("DROP ROLE IF EXISTS owner, keeper", "CREATE ROLE owner", "CREATE ROLE keeper LOGIN CREATEDB PASSWORD 'keeper''s' IN ROLE owner")
    stack.sql("CREATE DATABASE small OWNER owner", "REVOKE ALL ON DATABASE small FROM PUBLIC", "GRANT CONNECT ON DATABASE small TO visitor, keeper")
    stack.sql("SET ROLE owner", "CREATE TABLE people (email text)", f"INSERT INTO people VALUES ('{REAL}')", database="small")
    privileges = "SELECT array_agg(a::text ORDER BY a::text) FROM pg_database, aclexplode(datacl) a WHERE datname = 'small'"
    was = stack.sql(privileges)
    proven = stack.back_up("small", verify="restore")
    login = {"username": "keeper", "password": "keeper's", "maintenance_database": "postgres", "database": "small", "confirm": "small"}
    done = stack.attempt(**login, backup=proven.id, masking=["UPDATE people SET email = 'x@example.test'"])
    assert (done["failed"], done.get("masked")) == (False, 1), done["msg"]
    assert (stack.sql("SELECT email FROM people", database="small"), stack.sql(privileges)) == ([("x@example.test",)], was)
