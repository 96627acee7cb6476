"""A small stack behind its edge that maintenance windows are held on, with a cron that reads a directory of the test's own."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from tests.support.edge import SECRET, EdgeStack


class WindowStack(EdgeStack):
    """Installed by ``deploy/install``: it has a ledger, and no stores."""

    def __init__(self, directory: Path, name: str, **window: object) -> None:
        self.root = directory / "host"
        (self.root / "cron.d").mkdir(parents=True)
        self.feed = directory / "feed.ndjson"
        told = {"kind": "file", "name": "feed", "path": str(self.feed)}
        settings = {"minutes": 30, "watch_minutes": 0.03, "baseline_seconds": 1, "backups": "none", "scheduler": "cron", "disk_free_min_mb": 64}
        settings["limits"] = {"p95_floor_ms": 20000}  # how fast the machine of the tests is at the moment is not the matter
        settings["return"] = {"steps": [100], "hold": 1}
        places = {f"maintenance_window_job_{kind}_dir": str(self.root / place) for kind, place in (("lib", "lib"), ("unit", "units"), ("cron", "cron.d"))}
        edge = {
            "service": "edge",
            "pools": {"api": {"port": 3000}},
            "operators": {"secret": SECRET},
            "url": "http://127.0.0.1:{{ stack_edge_port }}",
        }
        super().__init__(
            directory,
            name,
            stack_edge=edge,
            stack_window={**settings, **window},
            stack_notify={"targets": [told], "alarms": [told]},
            stack_files={"directory": str(directory / "project")},
            stack_environment={"EDGE_PORT": "{{ stack_edge_port }}", "HEALTH_INTERVAL": "1s", "HEALTH_START_PERIOD": "60s"},
            stack_required_keys=[],
            stack_dependency_probes=[],
            stack_probes=[{"name": "alive", "url": "http://127.0.0.1:{{ stack_edge_port }}/health", "json": {"status": "ok"}}],
            stack_release={
                "services": ["api"],
                "acquire": "never",
                "backup": "none",
                "health_timeout": 120,
                "disk_free_min_mb": 64,
                "probe_deadline": 8,
                "probe_successes": 1,
            },
            stack_postgres={},
            **places,
        )

    def window(self, tags: str, change: str, *tasks: dict, **variables: object) -> dict:
        """The variables of a run of maintenance/window.yml."""
        return {"environment": {"ANSIBLE_RUN_TAGS": tags}, "change": change, "window_tasks": list(tasks), "confirm": "local", **variables}

    def kept(self) -> dict:
        return json.loads((self.project.state_dir / self.name / "window.json").read_text())["window"]

    def told(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.feed.read_text().splitlines()] if self.feed.exists() else []

    def time_passes(self) -> None:
        """Both leases are over, as they would be some minutes later."""
        for name in ("window.json", "leases/operation.json"):
            path = self.project.state_dir / self.name / name
            record = json.loads(path.read_text()) if path.exists() else {}
            lease = (record.get("window") or {}).get("lease") or record.get("holder")
            if lease:
                lease.update(boottime_until=0.0, until="2020-01-01T00:00:00Z")
                path.write_text(json.dumps(record))

    def tick(self) -> subprocess.CompletedProcess:
        """What cron does every minute: the line of the job in a shell, with cron's own environment."""
        lines = (self.root / "cron.d" / f"runbook-{self.name}-maintenance_window").read_text().splitlines()
        path = next(line.removeprefix("PATH=") for line in lines if line.startswith("PATH="))
        command = lines[-1].split(" ", 6)[6].removesuffix(" >/dev/null 2>&1")
        return subprocess.run(["/bin/sh", "-c", command], cwd="/", env={"PATH": path}, capture_output=True, text=True, check=False, timeout=600)

    def forget_how_slow_it_was(self) -> None:
        """Nothing is as fast as what was measured before."""
        path = self.project.state_dir / self.name / "window.json"
        record = json.loads(path.read_text())
        record["window"]["baseline"]["p95_ms"] = 0.001
        path.write_text(json.dumps(record))

    def has_job(self) -> bool:
        return any((self.root / "cron.d").iterdir())


def wait_until_gone(run: str, seconds: float = 300) -> None:
    """Until nothing is at work any more that was started with this word in its environment: a killed run's module goes on, as on a remote host."""
    deadline = time.monotonic() + seconds
    while any(run.encode() in _environment(path) for path in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < deadline, "the module of a killed run did not end"
        time.sleep(0.1)


def _environment(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""
