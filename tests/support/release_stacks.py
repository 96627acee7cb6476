"""A small stack with images of its own, for tests of the release ledger."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.modules import call
from tests.support.stacks import ComposeProject, docker, remove_holders

COMPOSE = """
services:
  web:
    image: {name}-web:${{APP_VERSION}}
    command: ["sleep", "1000"]
    init: true
    stop_grace_period: 1s
    environment:
      COLOUR: ${{COLOUR:-red}}
      API_KEY: ${{API_KEY:-}}
  store:
    image: {name}-store:1
    command: ["sleep", "1000"]
    init: true
    stop_grace_period: 1s
"""
SECRET = "correct-horse-battery"


def build_image(reference: str, content: str) -> str:
    """A tiny image that differs from others by its content; its id.

    Without the build cache: the engine looks through all images for a hit, and fails when a test beside this one removes one meanwhile.
    """
    dockerfile = f"FROM runbook-base:local\nLABEL runbook.test={json.dumps(content)}\n"
    docker("build", "--quiet", "--no-cache", "--tag", reference, "-", stdin=dockerfile)
    return image_id(reference)


def image_id(reference: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", reference).strip()


def image_exists(reference: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", reference], capture_output=True, check=False).returncode == 0


class ReleaseStack(ComposeProject):
    """The stack, and the module ``release`` for it."""

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__(directory, name, COMPOSE.format(name=name), {"APP_VERSION": "v1", "API_KEY": SECRET})
        self.ids = {version: build_image(f"{name}-web:{version}", f"{name}-{version}") for version in ("v1", "v2", "v3")}
        self.ids["store"] = build_image(f"{name}-store:1", f"{name}-store")

    @property
    def releases_dir(self) -> Path:
        return self.state_dir / self.name / "releases"

    @property
    def ledger_path(self) -> Path:
        return self.releases_dir / "ledger.json"

    def ledger(self) -> dict:
        return json.loads(self.ledger_path.read_text())

    def release(self, state: str, check: bool = False, **options: object) -> dict:
        arguments = {**self.options, "disk_free_min_mb": 1, "created_by": "ada@test", "state": state, **options}
        return call("release", arguments, check=check)

    def register(self, version: str, check: bool = False, **options: object) -> dict:
        return self.release("registered", check, **{"version": version, "variables": {"APP_VERSION": version}, **options})

    def go_live(self, version: str, how: str = "deploy", **options: object) -> dict:
        """Registers, stages, starts and verifies; the verified release's answer."""
        registered = succeeded(self.register(version, **options))
        succeeded(self.release("staged", release=registered["release"]["id"]))
        self.compose("up", "--detach")
        return succeeded(self.release("verified", release=registered["release"]["id"], how=how))

    def running_image(self, service: str) -> str:
        return self.containers(service)[0]["Image"]

    def remove(self) -> None:
        self.down()
        remove_holders(self.name)
        references = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        own = [name for name in references if name.startswith((f"{self.name}-", f"runbook.local/{self.name}/"))]
        if own:
            docker("rmi", "--force", *own)


def succeeded(result: dict) -> dict:
    assert not result["failed"], result.get("msg")
    return result


def actions(result: dict) -> list[str]:
    return [action["action"] for action in result["actions"]]
