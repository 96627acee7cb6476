"""A release behind a health check of 10 s, and a run that has nothing to do."""

from __future__ import annotations

from pathlib import Path

from _measure import PLAYBOOK, Ratio, interleaved, playbook, quiet
from _peers import peers_environment

from tests.support.stacks import ComposeProject, compose_program, unique_name

SLOW_CHECK = """
services:
  app:
    image: runbook-base:local
    command: [sleep, "3600"]
    init: true
    stop_grace_period: 1s
    environment: {COLOUR: "${COLOUR:-red}"}
    healthcheck: {test: ["CMD", "true"], interval: 10s}
"""


def measure(runs: int, directory: Path) -> list[Ratio]:
    project = ComposeProject(directory, unique_name("bench"), SLOW_CHECK)
    ours = playbook(directory, "ours", {"runbook.compose.compose_service": project.options})
    ping = playbook(directory, "ping", {"ansible.builtin.ping": {}})
    peer = playbook(
        directory, "peer", {"community.docker.docker_compose_v2": {"project_src": str(project.directory), "project_name": project.name, "wait": True}}
    )
    compose = [*compose_program(), "-p", project.name, "--project-directory", str(project.directory)]
    colours = iter(f"colour{number}" for number in range(10_000))
    peers = peers_environment()
    try:
        project.compose("up", "--detach")
        release = interleaved(
            runs,
            {"ours": lambda: quiet(PLAYBOOK, ours), "compose": lambda: quiet(*compose, "up", "--detach", "--wait")},
            before=lambda: project.set_env(COLOUR=next(colours)),
        )
        project.compose("up", "--detach", "--wait")
        nothing = interleaved(
            runs,
            {"ours": lambda: quiet(PLAYBOOK, ours), "ping": lambda: quiet(PLAYBOOK, ping), "peer": lambda: quiet(PLAYBOOK, peer, environment=peers)},
        )
    finally:
        project.down()
    return [
        Ratio("release, 10 s health interval", release["ours"], release["compose"], "docker compose up --wait", 0.3),
        Ratio("no change, one task", nothing["ours"], nothing["ping"], "the same playbook with ping", 1.1),
        Ratio("no change, one task", nothing["ours"], nothing["peer"], "community.docker.docker_compose_v2, wait", 0.55),
    ]
