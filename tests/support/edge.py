"""A small stack behind its edge: the miniature's api without its stores, and nginx."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import threading
import time
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Iterator

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.runbook.compose.plugins.module_utils._ansible.edge_traffic_arguments import edge_traffic_arguments

from tests.support.modules import call
from tests.support.operated import OperatedStack
from tests.support.stacks import MINIATURE, docker

SECRET = "bypass-of-the-tests-0123456789"
BYPASS = {"X-Maintenance-Bypass": SECRET}
REST = {"pools": {"api": {}}, "maintenance": {"state": "off"}, "attack": {"state": "off"}}


@dataclass(frozen=True)
class Answer:
    """What the edge answered."""

    status: int
    headers: dict
    body: str

    @property
    def served_by(self) -> str:
        """The first letters of the id of the container that answered, empty when nginx did it itself."""
        return self.headers.get("x-served-by", "")

    def json(self) -> dict:
        return json.loads(self.body)


class EdgeStack(OperatedStack):
    """Started by compose alone: no ledger, no stores. Modules are called with ``options``, playbooks with ``play``."""

    def __init__(self, directory: Path, name: str, version: str = "v1", **overrides: object) -> None:
        edge = {
            "service": "edge",
            "pools": {"api": {"port": 3000}},
            "health_paths": ["/health", "/health/ready"],
            "operators": {"secret": SECRET},
            "attack": {"rate": 1, "burst": 2},
        }
        services = {"app": "api", "edge": "edge"}
        described = {**edge, "url": "http://127.0.0.1:{{ stack_edge_port }}"}
        super().__init__(directory, name, **{"stack_edge": described, "stack_services": services, "stack_secrets": {}, **overrides})
        self.edge = {**edge, "url": f"http://127.0.0.1:{self.port}"}
        self._write_files(version)

    def _write_files(self, version: str) -> None:
        shutil.copytree(MINIATURE, self.project.directory, dirs_exist_ok=True)
        model = yaml.safe_load((MINIATURE / "compose.yaml").read_text())
        api, edge = model["services"]["api"], model["services"]["edge"]
        del api["depends_on"], edge["depends_on"]
        kept = {name: value for name, value in api["environment"].items() if not name.startswith(("DATABASE", "REDIS", "MIGRATION"))}
        api["environment"] = kept
        edge["stop_grace_period"] = "2s"
        (self.project.directory / "compose.yaml").write_text(yaml.safe_dump({"services": {"api": api, "edge": edge}}))
        self.project.write_env({"APP_VERSION": version, "EDGE_PORT": str(self.port), "HEALTH_INTERVAL": "1s", "HEALTH_START_PERIOD": "60s"})

    @property
    def options(self) -> dict:
        return {**self.project.options, "edge": self.edge}

    def up(self, replicas: int = 1) -> "EdgeStack":
        self.project.compose("up", "--detach", "--wait", "--scale", f"api={replicas}")
        return self

    def traffic(self, check: bool = False, **options: object) -> dict:
        """One call of the module."""
        return call("edge_traffic", {**self.options, **options}, check=check)

    def params(self, **options: object) -> dict:
        """The same as the module gets them."""
        spec = edge_traffic_arguments().to_kwargs()
        result = ArgumentSpecValidator(**spec).validate({**self.options, **options})
        assert not result.error_messages, result.error_messages
        return result.validated_parameters

    def ask(self, path: str = "/health", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode())
        finally:
            connection.close()

    def until(self, status: int, seconds: float = 60) -> int:
        """The status of the health page, once it is this one; the last one when it never was."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answered = self.ask().status
                if answered == status or time.monotonic() > end:
                    return answered
            assert time.monotonic() < end, "nobody answers"
            time.sleep(0.05)

    def await_at_work(self, container: str) -> None:
        """Until a container of the api is at a request."""
        deadline = time.monotonic() + 60
        while at_work(self.api()[container], 3000) == 0:
            assert time.monotonic() < deadline, "the request did not come"
            time.sleep(0.01)

    @contextlib.contextmanager
    def asked_by(self, users: int, path: str, count: int = 0) -> Iterator[Counter]:
        """Users who ask until the block ends, or ``count`` times each: how often each status came, and each way to be cut off."""
        answers: Counter = Counter()
        stop = threading.Event()

        def ask() -> None:
            asked = 0
            while not stop.is_set() and (not count or asked < count):
                asked += 1
                try:
                    answers[self.ask(path).status] += 1
                except (OSError, http.client.HTTPException) as error:
                    answers[repr(error)] += 1

        threads = [threading.Thread(target=ask) for unused in range(users)]
        for thread in threads:
            thread.start()
        try:
            yield answers
        finally:
            if not count:
                stop.set()
            for thread in threads:
                thread.join()

    def address_seen(self) -> str:
        """What nginx takes for the address of this test: that of the host on the network of the stack."""
        path = f"/who-{uuid.uuid4().hex}"
        self.ask(path)
        deadline = time.monotonic() + 60
        while True:
            lines = [line for line in self.project.compose("logs", "--no-log-prefix", "edge").stdout.splitlines() if f'"{path}"' in line]
            if lines:
                return json.loads(lines[0])["client"]
            assert time.monotonic() < deadline, "the request is not in the log"
            time.sleep(0.1)

    def api(self) -> dict[str, str]:
        """Id of each running container of the api to its address, the oldest first."""
        found = [one for one in self.project.containers("api") if one["State"]["Running"]]
        found.sort(key=lambda one: int(one["Config"]["Labels"]["com.docker.compose.container-number"]))
        return {one["Id"]: next(iter(one["NetworkSettings"]["Networks"].values()))["IPAddress"] for one in found}

    def nginx(self, *words: str) -> str:
        return docker("exec", self.project.containers("edge")[0]["Id"], "nginx", *words)

    def included(self, name: str = "traffic.conf") -> Path:
        return self.project.directory / "edge" / name


def at_work(address: str, port: int) -> int:
    """How many requests an api is at, without the one that asks."""
    with urllib.request.urlopen(f"http://{address}:{port}/metrics", timeout=60) as answer:
        (line,) = [line for line in answer.read().decode().splitlines() if line.startswith("http_requests_in_flight")]
    return int(line.split()[-1]) - 1


def in_minutes(minutes: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def actions(result: dict) -> list[str]:
    assert not result["failed"], result
    return [f"{step['action']} {step['target']}" for step in result["actions"]]


def refused(result: dict, reason: str) -> str:
    assert result["failed"] and result["reason"] == reason, result
    assert SECRET not in json.dumps(result)
    return result["msg"]
