"""A stack that is only files, and maintenance windows of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.modules import call
from tests.support.stacks import ComposeProject, unique_name

COMPOSE = """
services:
  api:
    image: runbook-api:v1
    scale: 0
    environment: {LOG_LEVEL: "${LOG_LEVEL:-info}"}
"""
TASKS = [{"release": "v2"}, {"reindex": True}]


class Site:
    """A stack that is only files, with everything that a target has for a window."""

    def __init__(self, directory: Path) -> None:
        self.root = directory
        (directory / "cron.d").mkdir()
        self.project = ComposeProject(directory, unique_name("window"), COMPOSE, {"LOG_LEVEL": "info"})
        self.state = self.project.state_dir / self.project.name
        self.feed = directory / "feed.ndjson"
        self.token = ""

    def window(self, state: str, check: bool = False, **options) -> dict:
        shared = {**self.project.options, "lease_token": self.token, "change": "CHG-1", "owner": "alice", "tasks": TASKS, "release_leaves": "swap"}
        return call("maintenance_window", {**shared, "state": state, **options}, check=check)

    def must(self, state: str, **options) -> dict:
        done = self.window(state, **options)
        assert not done["failed"], done
        return done

    def hold(self, seconds: int = 600) -> str:
        lease = call("operation_lease", {**self.project.options, "state": "held", "owner": "alice", "operation": "window", "expires_after": seconds})
        assert not lease["failed"], lease
        self.token = lease["lease"]["token"]
        return self.token

    def free(self) -> None:
        assert not call("operation_lease", {**self.project.options, "state": "free", "lease_token": self.token})["failed"]
        self.token = ""

    def expired(self, **options) -> dict:
        return call("maintenance_window", {**self.project.options, "state": "expired", **options})

    def time_passes(self) -> None:
        """Both leases are over, as they would be some minutes later."""
        for path in (self.state / "window.json", self.state / "leases" / "operation.json"):
            record = json.loads(path.read_text()) if path.exists() else {}
            lease = (record.get("window") or {}).get("lease") or record.get("holder")
            if lease:
                lease.update(boottime_until=0.0, until="2020-01-01T00:00:00Z")
                path.write_text(json.dumps(record))

    def events(self) -> list[str]:
        lines = [json.loads(line) for line in (self.state / "journal.ndjson").read_text().splitlines()]
        return [line["action"] for line in lines if line["event"] == "maintenance_window"]

    def record(self) -> dict:
        return json.loads((self.state / "window.json").read_text())["window"]

    def schedule(self, check: bool = False) -> dict:
        places = {"lib_dir": str(self.root / "lib"), "unit_dir": str(self.root / "units"), "cron_dir": str(self.root / "cron.d"), "scheduler": "cron"}
        job = {"name": "maintenance_window", "module": "maintenance_window", "calendar": "* * * * *", "timeout": 300, "options": {"state": "expired"}}
        return call("scheduled_job", {**self.project.options, **places, **job}, check=check)

    def tick(self) -> subprocess.CompletedProcess:
        """What cron does every minute."""
        line = (self.root / "cron.d" / f"runbook-{self.project.name}-maintenance_window").read_text().splitlines()[-1]
        command = line.split(" ", 6)[6].removesuffix(" >/dev/null 2>&1")
        return subprocess.run(["/bin/sh", "-c", command], cwd="/", env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=600)
