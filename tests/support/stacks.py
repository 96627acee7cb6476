"""Compose projects for tests: real ones, on the real engine, below a directory of the test's own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.modules import ROOT

MINIATURE = ROOT / "tests" / "systems" / "miniature" / "stack"


def compose_program() -> list[str]:
    """The compose command of this machine, for what a test does beside the modules."""
    beside_python = Path(sys.executable).parent / "docker-compose"
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    return [shutil.which("docker-compose") or str(beside_python)]


def free_port() -> int:
    """Below the ports that the kernel gives to outgoing connections, one of which could have it when the container starts."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


class ComposeProject:
    """One compose project: its files, its options for our modules, and plain compose to look at it from outside."""

    def __init__(self, directory: Path, name: str, compose: str | None = None, env: dict[str, str] | None = None) -> None:
        self.name = name
        self.directory = directory / "project"
        self.state_dir = directory / "state"
        self.directory.mkdir(parents=True, exist_ok=True)
        if compose is not None:
            (self.directory / "compose.yaml").write_text(compose)
        self.write_env(env or {})

    @property
    def options(self) -> dict:
        """The shared stack options of every module."""
        return {"stack_name": self.name, "project_dir": str(self.directory), "state_dir": str(self.state_dir)}

    @property
    def env_path(self) -> Path:
        return self.directory / ".env"

    def write_env(self, env: dict[str, str]) -> None:
        self.env_path.write_text("".join(f"{key}={value}\n" for key, value in env.items()))
        self.env_path.chmod(0o600)

    def set_env(self, **changes: str) -> None:
        env = dict(line.split("=", 1) for line in self.env_path.read_text().splitlines() if "=" in line)
        self.write_env({**env, **changes})

    def compose(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        command = [*compose_program(), "--project-name", self.name, "--project-directory", str(self.directory), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.directory)
        assert done.returncode == 0 or not check, f"compose {' '.join(words)}: {done.stderr}"
        return done

    def up(self, *services: str) -> None:
        self.compose("up", "--detach", "--wait", *services)

    def down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "1", check=False)

    def await_healthy(self, service: str, seconds: float = 120) -> None:
        """``compose up --wait`` gives up at once on a container that is unhealthy now, though it may recover."""
        until = time.monotonic() + seconds
        while self.containers(service)[0]["State"]["Health"]["Status"] != "healthy":
            assert time.monotonic() < until, f"{service} did not become healthy within {seconds:g} s"
            time.sleep(0.2)

    def containers(self, service: str) -> list[dict]:
        """Inspect answers of a service's containers, in any state; one that was removed since they were listed is none."""
        listed = self.compose("ps", "--all", "--quiet", service, check=False).stdout.split()
        if not listed:
            return []
        done = subprocess.run(["docker", "inspect", *listed], capture_output=True, text=True, check=False)
        assert all("No such object" in line for line in done.stderr.splitlines()), done.stderr
        return json.loads(done.stdout)


def docker(*words: str, stdin: str | None = None) -> str:
    """What the command printed; a failure shows what it said."""
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


def prune(kind: str, *filters: str) -> None:
    """One at a time: the engine refuses a second one, of whatever test, while one is under way."""
    with open(os.path.join(tempfile.gettempdir(), "runbook-tests-prune.lock"), "a", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        docker(kind, "prune", "--force", *filters)


def miniature(directory: Path, name: str, version: str = "v1", **env: str) -> ComposeProject:
    """A copy of the miniature system (API, Postgres, Redis, nginx), not started."""
    project = ComposeProject(directory, name)
    shutil.copytree(MINIATURE, project.directory, dirs_exist_ok=True)
    defaults = {
        "APP_VERSION": version,
        "EDGE_PORT": str(free_port()),
        "POSTGRES_PASSWORD": "postgres-password-of-tests",
        "REDIS_PASSWORD": "redis-password-of-tests",
    }
    project.write_env({**defaults, **env})
    return project


def remove_holders(stack: str) -> None:
    """The containers that hold the images of a stack's releases: compose does not know them."""
    found = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.holds={stack}").split()
    if found:
        docker("rm", *found)


def unique_name(prefix: str) -> str:
    return f"runbook-{prefix}-{os.getpid()}"
