"""A small stack behind its edge whose service is rolled out while users ask it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from ansible_collections.runbook.compose.plugins.module_utils._adapters.rollout_probe import RolloutProbe
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout_probe import figures, parse_aim
from tests.support.edge import EdgeStack
from tests.support.modules import call
from tests.support.stacks import docker

PROBE = {"path": "/health", "rate": 40, "timeout": 30}
# Settings that make a new version fail where its health check does not look.
ENVIRONMENT = {"REDIS_HOST": "${REDIS_HOST:-}", "READY_PATH": "${READY_PATH-/health/ready}", "LOGIN_PASSWORD": "of-the-tests"}


class RolloutStack(EdgeStack):
    """``probed``: with the module's own probe."""

    def __init__(self, directory: Path, name: str, probed: bool = True, **overrides: object) -> None:
        super().__init__(directory, name, **overrides)
        self.edit(lambda services: services["api"]["environment"].update(ENVIRONMENT))
        if not probed:
            self.edge["url"] = ""

    def edit(self, change) -> None:
        """Changes the services of the compose file."""
        file = self.project.directory / "compose.yaml"
        model = yaml.safe_load(file.read_text())
        change(model["services"])
        file.write_text(yaml.safe_dump(model))

    def rollout(self, check: bool = False, **options: object) -> dict:
        return call("service_rollout", {**self.options, **self.quick(), **options}, check=check)

    def quick(self) -> dict:
        return {"probe": PROBE, "watch": 0.3, "stop_timeout": 12}

    def wants(self, version: str, **settings: str) -> None:
        self.project.set_env(APP_VERSION=version, **settings)

    @contextlib.contextmanager
    def under_load(self, **probe: object) -> Iterator[dict]:
        """Users beside the module's own probe; their figures are in the yielded dict when the block has ended."""
        found: dict = {}
        aim = parse_aim(f"http://127.0.0.1:{self.port}", {**PROBE, "rate": 50, **probe}, {})
        with RolloutProbe(aim) as users:
            time.sleep(0.2)
            yield found
        found.update(figures([users.samples]))
        assert found["requests"], "nobody asked"

    @property
    def open(self) -> dict:
        """What ``rollout.json`` says is not at its end."""
        file = self.project.state_dir / self.name / "rollout.json"
        return json.loads(file.read_text())["services"] if file.exists() else {}

    @property
    def pinned(self) -> dict:
        """Service to the weights of the containers that the edge names."""
        file = self.project.state_dir / self.name / "edge" / "traffic.json"
        pools = json.loads(file.read_text())["traffic"]["pools"] if file.exists() else {}
        return {name: [one["weight"] for one in pool["backends"]] for name, pool in pools.items()}

    def shifts(self) -> list[list[int]]:
        """The weights that the edge was told of one after the other, as the journal keeps them."""
        path = self.project.state_dir / self.name / "journal.ndjson"
        events = [json.loads(line) for line in path.read_text().splitlines()]
        pools = [event["traffic"]["pools"] for event in events if event["event"] == "edge_changed"]
        return [[one["weight"] for one in pool["api"]["backends"]] for pool in pools if "api" in pool]

    def restart_with_other_addresses(self) -> None:
        """As an engine that was restarted leaves them: it gives the lowest free address to whoever comes first, here to who had the highest."""
        had = {address: known for known, address in self.api().items()}
        docker("stop", "--time", "1", *had.values())
        for address in sorted(had, key=lambda one: int(one.rpartition(".")[2]), reverse=True):
            docker("start", had[address])
        self.wait_for(lambda: all(one["State"]["Health"]["Status"] == "healthy" for one in self.project.containers("api")))

    def names(self) -> list[str]:
        return sorted(one["Name"].lstrip("/") for one in self.project.containers("api"))

    def versions(self) -> list[str]:
        """Of all containers of the service, in any state."""
        return sorted(one["Config"]["Image"].partition(":")[2] for one in self.project.containers("api"))

    def require_settled(self, version: str, replicas: int, after: str = "") -> None:
        """One colour, the edge at rest, no record."""
        found = (self.version(), self.versions(), self.pinned, self.open)
        assert found == (version, [version] * replicas, {}, {}), f"{after}: {found}"

    def wait_for(self, seen, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not seen():
            assert time.monotonic() < deadline, f"{self.pinned} {self.open}"
            time.sleep(0.05)
