"""A swarm of the two hosts: the first is its manager, the second a worker. Images come from a registry on this machine, by their digests."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from pathlib import Path
from typing import Iterator

import yaml

from tests.support.image_registry import ImageRegistry
from tests.support.modules import call, start
from tests.support.remote import HOSTS, Remote, ssh
from tests.support.stacks import docker

STACK, PORT = "shop", 18090
VERSIONS = {"shop/api:v1": "runbook-api:v1", "shop/api:v2": "runbook-api:v2", "shop/api:v3": "runbook-api:v3", "shop/odd:v3": "runbook-api:bad"}
ASK = f"import json, urllib.request as r; print(json.load(r.urlopen('http://127.0.0.1:{PORT}/health', timeout=30))['version'])"
_SERVICE = {
    "environment": {"DRAIN_SECONDS": "0", "API_KEY": "a-key-that-nobody-may-see"},
    "healthcheck": {"test": ["CMD", "app", "healthcheck"], "interval": "500ms", "timeout": "3s", "retries": 8, "start_period": "1s"},
    "stop_grace_period": "1s",
}
_RULES = {
    "endpoint_mode": "dnsrr",  # the machine of the tests may have no way to balance by address
    "restart_policy": {"delay": "500ms"},
    "update_config": {"monitor": "1s", "parallelism": 0, "failure_action": "pause"},
    "rollback_config": {"monitor": "1s", "parallelism": 0},
}


# What "it works" means to the playbooks: v1 never does.
PROBES = [{"name": "health", "role": "liveness", "url": f"http://127.0.0.1:{PORT}/health", "status": ["200"], "absent": ["v1"]}]
DESCRIBED = {
    "runbook_environment": "staging",
    "stack_engine": "swarm",
    "stack_swarm": {"timeout": 120},
    "stack_name": STACK,
    "stack_project_dir": "/opt/shop",
    "stack_services": {"app": "api"},
    "stack_release": {"services": ["api"], "probe_successes": 1, "probe_deadline": 5},
    "stack_probes": PROBES,
}


class SwarmHosts:
    """``sockets`` are the engines of the two hosts as seen from here, for modules that are called here."""

    def __init__(self, directory: Path, registry: ImageRegistry) -> None:
        self.directory = directory
        self.registry = registry
        self.remote = Remote.of_first(directory, **DESCRIBED)
        self.sockets = [directory / f"engine-{number}.sock" for number in (1, 2)]

    def inside(self, number: int, *words: str) -> str:
        return docker("exec", HOSTS[number], *words)

    @contextlib.contextmanager
    def formed(self) -> Iterator[SwarmHosts]:
        """Both hosts trust the registry and are one swarm with the stack in it."""
        ways = [subprocess.Popen([*ssh(number), "-N", "-L", f"{self.sockets[number]}:/var/run/docker.sock"]) for number in (0, 1)]
        try:
            for number in (0, 1):
                self._trust(number)
                self._await_way(number)
            address = self.inside(0, "hostname", "-i").split()[0]
            self.inside(0, "docker", "swarm", "init", "--advertise-addr", address)
            self.inside(
                1, "docker", "swarm", "join", "--token", self.inside(0, "docker", "swarm", "join-token", "--quiet", "worker").strip(), f"{address}:2377"
            )
            self._deploy()
            yield self
        finally:
            for way in ways:
                way.terminate()
            for number in (1, 0):
                subprocess.run(["docker", "exec", HOSTS[number], "docker", "swarm", "leave", "--force"], check=False, capture_output=True)

    def _await_way(self, number: int) -> None:
        until = time.monotonic() + 60
        while not self.sockets[number].exists():
            assert time.monotonic() < until, f"ssh does not lead to the engine of {HOSTS[number]}"
            time.sleep(0.1)

    def _trust(self, number: int) -> None:
        trusted = json.dumps({"insecure-registries": [self.registry.address, self.registry.private]})
        self.inside(number, "sh", "-c", f"echo '{trusted}' > /etc/docker/daemon.json")
        self.inside(number, "systemctl", "reload", "docker")

    def _deploy(self) -> None:
        """An API on two nodes, and an agent that runs once on each."""
        image = f"{self.registry.address}/shop/api:v1"
        api = {**_SERVICE, "image": image, "ports": [{"target": 3000, "published": PORT, "mode": "host"}], "deploy": {**_RULES, "replicas": 2}}
        agent = {**_SERVICE, "image": image, "deploy": {**_RULES, "mode": "global"}}
        text = yaml.safe_dump({"version": "3.8", "services": {"api": api, "agent": agent}})
        docker("exec", "--interactive", HOSTS[0], "docker", "stack", "deploy", "--compose-file", "-", STACK, stdin=text)
        until = time.monotonic() + 180
        while not self.look()["healthy"]:
            assert time.monotonic() < until, self.inside(0, "docker", "service", "ps", "--no-trunc", f"{STACK}_api", f"{STACK}_agent")
            time.sleep(0.3)

    def options(self, number: int = 0) -> dict:
        own = {"stack_name": STACK, "project_dir": "/opt/shop", "state_dir": str(self.directory / "state")}
        return {**own, "docker_host": f"unix://{self.sockets[number]}", "timeout": 120}

    def call(self, state: str, check: bool = False, **options: object) -> dict:
        return call("swarm_service", {**self.options(), "state": state, **options}, check=check)

    def must(self, state: str, check: bool = False, **options: object) -> dict:
        result = self.call(state, check, **options)
        assert not result["failed"], result
        return result

    def start(self, state: str, **options: object) -> subprocess.Popen:
        return start("swarm_service", {**self.options(), "state": state, **options})

    def look(self) -> dict:
        return self.must("looked")

    def verdict(self, state: str, release: str, **options: object) -> dict:
        own = {name: value for name, value in self.options().items() if name != "timeout"}
        result = call("release", {**own, "state": state, "release": release, **options})
        assert not result["failed"], result
        return result

    def versions(self) -> list[str]:
        """What answers on each node, asked there."""
        return [self.inside(number, "python3", "-c", ASK).strip() for number in (0, 1)]

    def images(self) -> dict[str, str]:
        return {service["name"]: service["after"]["image"] for service in self.look()["services"]}

    def pinned(self, reference: str) -> str:
        return f"{self.registry.address}/{reference}@{self.registry.digests[reference]}"

    def play(self, playbook: str, **variables: object) -> tuple[int, str, dict]:
        """A playbook against the manager over SSH: its exit code, its output and its record."""
        code, output = self.remote.play(playbook, **variables)
        return code, output, self.remote.record()

    def journal(self) -> list[dict]:
        path = self.directory / "state" / STACK / "journal.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
