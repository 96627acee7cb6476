"""A stack that is only a Postgres server, for tests of the modules that talk to one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg2

from tests.support.modules import call
from tests.support.stacks import ComposeProject

COMPOSE = """
services:
  postgres:
    image: runbook-postgres:{version}
    environment:
      POSTGRES_USER: shop
      POSTGRES_PASSWORD: ${{POSTGRES_PASSWORD}}
      POSTGRES_DB: shop
    command: {command}
    volumes: ["data:{volume}"]
    stop_grace_period: 20s
    healthcheck:
      test: [CMD-SHELL, "pg_isready -q -h 127.0.0.1 -U shop -d shop"]
      interval: 1s
      timeout: 2s
      retries: 40
volumes: {{data: {{}}}}
"""
# Every printable character that a password may have in an env file without quotes of its own.
PASSWORD = "p%ss:w@rd/with?odd&chars=+;,!~^*()[]{}<>|"
# Where the official images of a version keep their data.
VOLUMES = {"15": "/var/lib/postgresql/data", "17": "/var/lib/postgresql/data", "18": "/var/lib/postgresql"}


class PostgresStack(ComposeProject):
    """One server with the database and the superuser ``shop``."""

    def __init__(self, directory: Path, name: str, version: str = "15", settings: tuple[str, ...] = ()) -> None:
        command = ["postgres", *(word for setting in ("fsync=off", *settings) for word in ("-c", setting))]
        compose = COMPOSE.format(version=version, command=command, volume=VOLUMES[version])
        super().__init__(directory, name, compose, {"POSTGRES_PASSWORD": PASSWORD})

    def module(self, name: str, check: bool = False, **options: Any) -> dict:
        return call(name, {**self.options, **options}, check=check)

    @property
    def address(self) -> str:
        networks = self.containers("postgres")[0]["NetworkSettings"]["Networks"]
        return next(network["IPAddress"] for network in networks.values())

    def connect(self, database: str = "shop", user: str = "shop", password: str = PASSWORD) -> Any:
        """A session of the test's own, which commits each statement."""
        connection = psycopg2.connect(host=self.address, user=user, password=password, dbname=database, application_name="test")
        connection.autocommit = True
        return connection

    def sql(self, *statements: str, database: str = "shop") -> list[tuple]:
        """Runs statements one by one; the rows of the last one that has any."""
        connection = self.connect(database)
        rows: list[tuple] = []
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                    rows = cursor.fetchall() if cursor.description else rows
        finally:
            connection.close()
        return rows

    def await_rows(self, question: str, rows: list[tuple], database: str = "shop", seconds: float = 60) -> None:
        """Until the server gives these rows: a session ends some time after its client has left, and statistics come later still."""
        until = time.monotonic() + seconds
        while (found := self.sql(question, database=database)) != rows:
            assert time.monotonic() < until, f"{question}: {found}, expected {rows}"
            time.sleep(0.1)


def await_clients(watcher: Any, count: int, waiting: int) -> None:
    """Until the server has just so many sessions of clients beside the watcher's: those that were left end a moment later."""
    asked = """SELECT count(*) FILTER (WHERE backend_type = 'client backend'), count(*) FILTER (WHERE wait_event_type = 'Lock')
               FROM pg_stat_activity WHERE pid <> pg_backend_pid()"""
    until = time.monotonic() + 60
    with watcher.cursor() as cursor:
        while True:
            cursor.execute(asked)
            if (found := cursor.fetchone()) == (count, waiting):
                return
            assert time.monotonic() < until, f"sessions, and those that wait: {found}"
            time.sleep(0.05)
