"""A server with a database of a chosen size, and the ways to dump and restore it that are measured against each other."""

from __future__ import annotations

import json
import os
from pathlib import Path

from _measure import ROOT, peak_mib, playbook, quiet
from _peers import peers_environment

from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.stacks import compose_program, unique_name

# Smaller only to try whether all still runs: a ratio of a small database is mostly that of starting programs.
MEGABYTES = int(os.environ.get("RUNBOOK_BENCHMARK_MB", "1024"))
# The peer needs pg_dump and psql on the target; those of the server's own version lie where its image was made from.
_PROGRAMS = ROOT / ".runbook" / "postgres-17" / "postgresql" / "bin"
_ROWS_OF_A_MEGABYTE = 4_700
_FILL = """
INSERT INTO events SELECT i, i % 9973, 'kind ' || i % 17, timestamptz '2026-01-01 00:00Z' + i * interval '1 second',
  format('{{"order": %s, "note": "%s", "path": "/api/v1/orders/%s"}}', i, md5(i::text), i) FROM generate_series({first}, {last}) i
"""


class BigServer(PostgresStack):
    """Version 17, with everything that is measured below one directory."""

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__(directory, unique_name(name), version="17", settings=("max_wal_size=4GB",))
        self.backups = directory / "backups"
        self.file = directory / "dump.sql.gz"
        self.result = directory / "result.json"

    def fill(self, megabytes: int) -> int:
        """Brings the database to about this size; its size."""
        there = self.sql("SELECT to_regclass('events')")[0][0]
        if there is None:
            self.sql(
                "CREATE TABLE events (id bigint PRIMARY KEY, customer int NOT NULL, kind text NOT NULL, at timestamptz NOT NULL, payload text NOT NULL)",
                "CREATE INDEX ON events (customer)",
                "CREATE INDEX ON events (kind, at)",
            )
        first = self.sql("SELECT coalesce(max(id), 0) + 1 FROM events")[0][0]
        self.sql(_FILL.format(first=first, last=megabytes * _ROWS_OF_A_MEGABYTE), "VACUUM ANALYZE events", "CHECKPOINT")
        return self.sql("SELECT pg_database_size('shop')")[0][0]

    def inside(self, *words: str) -> list[str]:
        """A command in the server's container, as the runbooks give it."""
        compose = [*compose_program(), "-p", self.name, "--project-directory", str(self.directory)]
        return [*compose, "exec", "-T", "postgres", *words]

    def ours(self, name: str, **options: object) -> str:
        """The path of a playbook with one task of ours, which keeps the result."""
        task = {f"runbook.compose.{name}": {**self.options, "backup_dir": str(self.backups), **options}, "register": "done"}
        keep = {"ansible.builtin.copy": {"content": "{{ done | to_json }}", "dest": str(self.result), "mode": "0600"}}
        return playbook(self.directory, f"ours-{name}-{options.get('state', 'present')}", task, keep)

    @property
    def kept(self) -> dict:
        """The result of the last run of ours."""
        return json.loads(self.result.read_text())

    def peer(self, *states: str) -> str:
        """The path of a playbook with community.postgresql.postgresql_db, one task for each state."""
        login = {"login_host": self.address, "login_user": "shop", "login_password": PASSWORD, "name": "shop"}
        own = {"dump": {"target": str(self.file)}, "restore": {"target": str(self.file)}, "absent": {"force": True}, "present": {}}
        tasks = [{"community.postgresql.postgresql_db": {**login, "state": state, **own[state]}} for state in states]
        return playbook(self.directory, f"peer-{states[-1]}", *tasks)

    def peak_mib(self, name: str, **options: object) -> float:
        return peak_mib(name, {**self.options, "backup_dir": str(self.backups), **options})


def peer_programs() -> dict[str, str]:
    """The environment of the peer's playbook."""
    peers = peers_environment()
    return {**peers, "PATH": f"{_PROGRAMS}{os.pathsep}{peers['PATH']}"}


def piped(*commands: list[str], into: Path | None = None) -> None:
    """Commands joined by pipes, as in a shell whose pipefail is set."""
    quoted = " | ".join(" ".join(f"'{word}'" for word in command) for command in commands)
    quiet("bash", "-o", "pipefail", "-c", quoted + (f" > '{into}'" if into else ""))
