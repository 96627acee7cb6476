"""A Postgres whose past can be recovered, for tests of postgres_pitr."""

from __future__ import annotations

import json
import re
import subprocess
import time
from datetime import timezone
from pathlib import Path

from tests.support.modules import start
from tests.support.postgres import PostgresStack
from tests.support.stacks import docker


class PitrStack(PostgresStack):
    """Its backups lie beside its project, its dumps in ``out``."""

    def pitr(self, state: str = "status", check: bool = False, **options) -> dict:
        shared = {"backup_dir": str(self.backup), "_ansible_inject_invocation": True}
        return self.module("postgres_pitr", check=check, state=state, **{**shared, **options})

    def begin(self, state: str) -> subprocess.Popen:
        return start("postgres_pitr", {**self.options, "backup_dir": str(self.backup), "state": state})

    def must(self, state: str = "status", check: bool = False, **options) -> dict:
        result = self.pitr(state, check, **options)
        assert not result["failed"], (result["msg"], result.get("details"))
        return result

    def recovered(self, moment: str, check: bool = False, **options) -> dict:
        return self.pitr("recovered", check, target_time=moment, destination=str(self.directory.parent / "out"), **options)

    @property
    def now(self) -> str:
        """The server's clock, with commits before and after it apart from it."""
        time.sleep(0.05)
        moment = self.sql("SELECT clock_timestamp()")[0][0].astimezone(timezone.utc).isoformat()
        time.sleep(0.05)
        return moment

    def rows_of(self, dump: dict, running: bool = True) -> int:
        """Orders in a dump, counted by restoring it into a database of its own, or from its text."""
        content = Path(dump["path"]).read_bytes()
        if running:
            self.sql("DROP DATABASE IF EXISTS proof", "CREATE DATABASE proof", database="postgres")
            command = ["docker", "exec", "-i", self.containers("postgres")[0]["Id"], "pg_restore", "-U", "shop", "-d", "proof", "--exit-on-error"]
            subprocess.run(command, input=content, check=True)
            return self.sql("SELECT count(*) FROM orders", database="proof")[0][0]
        command = [
            "docker",
            "run",
            "--rm",
            "-i",
            "--network",
            "none",
            "--entrypoint",
            "pg_restore",
            "runbook-postgres:17",
            "--data-only",
            "-t",
            "orders",
            "-f",
            "-",
        ]
        text = subprocess.run(command, input=content, check=True, capture_output=True).stdout.decode()
        return len(re.findall(r"^\d+$", text, re.MULTILINE))

    @property
    def backup(self) -> Path:
        return self.directory.parent / "backup"

    @property
    def wal(self) -> Path:
        return Path(self.must()["wal"]["directory"])

    def await_segment(self) -> None:
        """Until the receiver has caught up."""
        until = time.monotonic() + 60
        while self.must()["slot"]["lag_bytes"] != 0:
            assert time.monotonic() < until, "the receiver does not catch up"
            time.sleep(0.2)

    @property
    def receiver(self) -> dict:
        return json.loads(docker("inspect", f"runbook-wal-{self.name}.postgres"))[0]


def names(result: dict) -> list[str]:
    return [problem["problem"] for problem in result["problems"]]
