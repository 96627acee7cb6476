"""Numbered SQL files, applied once and in order; the table schema_migrations remembers."""

import json
import os
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import database

FOLDER = Path("/srv/migrations")
LOCK_KEY = 7_240_001  # any number; the same one in every version of this service
HISTORY = """CREATE TABLE IF NOT EXISTS schema_migrations (
    version text PRIMARY KEY, name text NOT NULL, kind text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"""


class MigrationFailed(Exception):
    def __init__(self, migration, cause):
        super().__init__(f"migration {migration.version}_{migration.name} failed and was undone: {cause}")
        self.migration = migration


@dataclass(frozen=True)
class Migration:
    version: str
    name: str
    kind: str


def shipped(folder=FOLDER):
    """The migrations this image carries, each with its SQL."""
    found = []
    for file in sorted(folder.glob("*.sql")):
        sql = file.read_text(encoding="utf-8")
        kind = re.match(r"-- kind: (additive|breaking)\n", sql)
        if not kind:
            raise SystemExit(f"{file.name}: the first line must be '-- kind: additive' or '-- kind: breaking'")
        version, name = file.stem.split("_", 1)
        found.append((Migration(version, name, kind.group(1)), sql))
    return found


def applied(cursor):
    cursor.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return []
    cursor.execute("SELECT version, name, kind FROM schema_migrations ORDER BY version")
    return [Migration(*row) for row in cursor.fetchall()]


def pending(done):
    versions = {migration.version for migration in done}
    return [(migration, sql) for migration, sql in shipped() if migration.version not in versions]


def verdict(done):
    """ok, outdated (mine are missing) or incompatible (a newer version broke what I need)."""
    mine = {migration.version for migration, unused_sql in shipped()}
    if mine - {migration.version for migration in done}:
        return "outdated"
    if any(migration.kind == "breaking" and migration.version not in mine for migration in done):
        return "incompatible"
    return "ok"


def apply_one(connection, migration, sql, fail):
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            # Slept here and not in the server: a killed run must not leave its transaction behind.
            time.sleep(float(os.environ.get("MIGRATION_DELAY_SECONDS", "0")))
            if fail:
                cursor.execute("SELECT 1 / 0")
            cursor.execute(
                "INSERT INTO schema_migrations (version, name, kind) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.kind),
            )
    except database.psycopg2.Error as error:
        raise MigrationFailed(migration, str(error).strip()) from error


def deploy(connection):
    """Applies what is pending. A second run waits for the first one and then finds nothing to do."""
    wait_ms = int(float(os.environ.get("MIGRATION_LOCK_SECONDS", "60")) * 1000)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = %s", (wait_ms,))
        cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
    with connection, connection.cursor() as cursor:
        cursor.execute(HISTORY)
        waiting = pending(applied(cursor))
    must_fail = os.environ.get("MIGRATION_FAIL", "") == "1"
    for number, (migration, sql) in enumerate(waiting, start=1):
        apply_one(connection, migration, sql, fail=must_fail and number == len(waiting))
    return [migration for migration, unused_sql in waiting]


def report(connection):
    with connection, connection.cursor() as cursor:
        done = applied(cursor)
    return {
        "applied": [asdict(migration) for migration in done],
        "pending": [asdict(migration) for migration, unused_sql in pending(done)],
    }


def main(command, server):
    """`migrate status` and `migrate deploy`: one JSON object on stdout, exit code 0 only when all went well."""
    result, code = {}, 0
    try:
        connection = database.connect(server, application="miniature-migrate")
        try:
            if command == "deploy":
                result["applied_now"] = [asdict(migration) for migration in deploy(connection)]
            result.update(report(connection))
        except MigrationFailed as error:
            code, result = 1, {"error": str(error), "migration": error.migration.version, **report(connection)}
        finally:
            connection.close()
    except database.psycopg2.Error as error:
        code, result = 1, {"error": str(error).strip()}
    sys.stdout.write(json.dumps(result) + "\n")
    return code
