"""A stack whose database is restored, and a restore that dies before its n-th step."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable

import psycopg2

from ansible_collections.runbook.compose.plugins.module_utils._adapters.database_swap import DatabaseSwap
from ansible_collections.runbook.compose.plugins.module_utils._adapters.dependents import Dependents
from ansible_collections.runbook.compose.plugins.module_utils._adapters.helper_container import HelperContainer
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_restore import PostgresRestore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.restore_records import RestoreRecords
from ansible_collections.runbook.compose.plugins.module_utils._adapters.shadow_database import ShadowDatabase
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_restore_arguments import postgres_restore_arguments
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from tests.support.backups import BackedUpStack
from tests.support.postgres import PASSWORD

APPLICATION = """
services:
  app:
    image: runbook-base:local
    command: [sleep, "1000"]
    init: true
    depends_on: {postgres: {condition: service_healthy}}
"""
# Every step that changes something, and the moment in which the helper works.
STEPS = [
    *((RestoreRecords, name) for name in ("write", "remove")),
    *((DatabaseSwap, name) for name in ("fence", "rename", "allow", "prove", "drop")),
    *((Dependents, name) for name in ("stop", "start")),
    *((ShadowDatabase, name) for name in ("make", "fill")),
    (HelperContainer, "wait"),
]


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

    def operation(self, **options: Any) -> PostgresRestore:
        """What the module calls, in this process, which saves a test the start of another."""
        defaults = {name: option.get("default") for name, option in postgres_restore_arguments().options.items()}
        return PostgresRestore.from_params({**defaults, **self.options, **self.defaults, **options}, Quiet())

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
        """Runs the operation in a child that kills itself before its n-th step, or before the first one of that name.

        The step's name; empty when it never came, and the operation ended well.
        """
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _live_until(step, writing, self.operation(**options))
        os.close(writing)
        with os.fdopen(reading) as told:
            name = told.read()
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status) == bool(name), f"the child ended by itself with {status}"
        return name

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


class Quiet:
    """A host that keeps warnings to itself."""

    def warn(self, message: str) -> None:
        """Nothing to be told to."""


def _live_until(step: int | str, told: int, operation: PostgresRestore) -> None:
    """Never returns. What is patched is patched in this child only."""
    passed: list[str] = []

    def fatal(name: str, original: Callable) -> Callable:
        def before(*arguments: Any, **options: Any) -> Any:
            passed.append(name)
            if step in (len(passed), name):
                os.write(told, name.encode())
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return before

    code = 1
    try:
        plan = operation.plan()
        for kind, name in STEPS:
            setattr(kind, name, fatal(f"{kind.__name__}.{name}", getattr(kind, name)))
        operation.apply(plan)
        code = 0
    finally:
        os._exit(code)
