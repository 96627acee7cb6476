"""A stack whose database is restored, and a restore that dies before its n-th step."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psycopg2

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_restore import PostgresRestore
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_restore_arguments import postgres_restore_arguments
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from tests.support.backups import BackedUpStack
from tests.support.dying import Quiet, dies_at
from tests.support.postgres import PASSWORD

APPLICATION = """
services:
  app:
    image: runbook-base:local
    command: [sleep, "1000"]
    init: true
    depends_on: {postgres: {condition: service_healthy}}
"""


class RestoredStack(BackedUpStack):
    """With an application that depends on the server."""

    def up(self, *services: str) -> None:
        (self.directory / "compose.override.yaml").write_text(APPLICATION)
        super().up(*services)

    def furnish(self) -> None:
        """Orders, and a database with everything that no dump holds."""
        self.sql("CREATE ROLE reader", "CREATE ROLE clerk LOGIN PASSWORD 'clerk''s %word'", "GRANT reader TO clerk")
        self.sql("CREATE TABLE orders (id serial PRIMARY KEY, note text)", "INSERT INTO orders (note) SELECT 'n' || i FROM generate_series(1, 300) i")
        self.sql("GRANT SELECT ON orders TO reader", "ALTER TABLE orders OWNER TO clerk")
        self.sql("ALTER DATABASE shop SET work_mem TO '7MB'", 'ALTER DATABASE shop SET search_path TO "$user", public, \'o"dd\'')
        self.sql("ALTER ROLE clerk IN DATABASE shop SET statement_timeout TO '9s'", "COMMENT ON DATABASE shop IS 'the 100% shop'")
        self.sql(
            "REVOKE CONNECT ON DATABASE shop FROM PUBLIC",
            "GRANT CONNECT ON DATABASE shop TO clerk WITH GRANT OPTION",
            "ALTER DATABASE shop CONNECTION LIMIT 77",
        )

    def restore(self, check: bool = False, **options: Any) -> dict:
        return self.module("postgres_restore", check=check, **{**self.defaults, **options})

    @property
    def defaults(self) -> dict:
        return {"backup_dir": str(self.backup_dir), "database": "shop", "confirm": "shop", "safety_backup": False}

    def forget_restores(self) -> None:
        """What restores kept is dropped, and nothing of them is left."""
        done = self.attempt(state="expired", undo_ttl=0, database="")
        assert not done["failed"], done["msg"]
        assert [name for name in self.databases() if "__" in name] == []

    def databases(self) -> dict[str, bool]:
        return dict(self.sql("SELECT datname, datallowconn FROM pg_database WHERE NOT datistemplate", database="postgres"))

    def orders(self) -> int:
        return self.sql("SELECT count(*) FROM orders")[0][0]

    def properties(self) -> list:
        """What no dump holds."""
        return self.sql("""SELECT pg_get_userbyid(d.datdba), d.datconnlimit, shobj_description(d.oid, 'pg_database'), d.encoding, d.datcollate,
                 (SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(d.datacl) a),
                 (SELECT array_agg(concat(setrole::regrole, ' ', one) ORDER BY setrole, one) FROM pg_db_role_setting, unnest(setconfig) one
                  WHERE setdatabase = d.oid)
               FROM pg_database d WHERE datname = 'shop'""")

    def params(self, **options: Any) -> dict:
        """Everything that the module would be told."""
        defaults = {name: option.get("default") for name, option in postgres_restore_arguments().options.items()}
        return {**defaults, **self.options, **self.defaults, **options}

    def operation(self, **options: Any) -> PostgresRestore:
        """What the module calls, in this process, which saves a test the start of another."""
        return PostgresRestore.from_params(self.params(**options), Quiet())

    def attempt(self, check: bool = False, **options: Any) -> dict:
        """``restore`` in this process."""
        try:
            operation = self.operation(**options)
            plan = operation.plan()
            outcome = {} if check else operation.apply(plan)
        except OperationError as error:
            return {"failed": True, **error.to_result()}
        return {"failed": False, **plan.to_result(), **outcome}

    def dies_at(self, step: int | str, **options: Any) -> str:
        """Its name; empty when it never came, and the operation ended well."""
        return dies_at(step, "postgres_restore", self.params(**options))

    def dump(self, path: Path, *options: str, database: str = "shop") -> Path:
        """A file as the old runbooks made it, with the server's own pg_dump."""
        server = self.containers("postgres")[0]["Id"]
        with path.open("wb") as file:
            subprocess.run(["docker", "exec", server, "pg_dump", "-U", "shop", *options, database], stdout=file, check=True)
        return path

    def leftovers(self) -> list[str]:
        return [str(path) for path in (*self.backup_dir.rglob(".tmp-*"), *Path(self.state_dir).rglob(".tmp-*"))]


class Client(threading.Thread):
    """Connects again and again. ``answers`` are (began, ended, number of the database that answered or None)."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._login = {"host": address, "user": "shop", "password": PASSWORD, "dbname": "shop", "connect_timeout": 5}
        self.answers: list[tuple[float, float, int | None]] = []
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            began = time.monotonic()
            oid = self._oid()
            self.answers.append((began, time.monotonic(), oid))

    def await_database_other_than(self, oid: int | None) -> None:
        """Until the newest answer came from a database, and from another one."""
        until = time.monotonic() + 60
        while not self.answers or self.answers[-1][2] in (None, oid):
            assert time.monotonic() < until, "no other database answers"
            time.sleep(0.01)

    def _oid(self) -> int | None:
        try:
            connection = psycopg2.connect(**self._login)
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
                    return cursor.fetchone()[0]
            finally:
                connection.close()
        except psycopg2.OperationalError:
            return None
