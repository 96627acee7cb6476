# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to single containers through the engine: stop, restart, remove, and their health check run at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

from .._core.container import LABEL_PROJECT, Container
from .._core.errors import OperationError
from .._core.redaction import Redactor
from .._core.timestamps import parse_timestamp
from .engine import Engine

_KILLED = 137  # 128 + SIGKILL


def stop(engine: Engine, container: Container, timeout: Optional[int]) -> bool:
    """Stops a container, after ``timeout`` seconds (its own grace period when None) by force; whether that was needed."""
    grace = container.grace_seconds if timeout is None else timeout
    began = time.monotonic()
    with engine.calling(f"stop container {container.name}"):
        engine.client.stop(container.id, timeout=grace)
    took = time.monotonic() - began
    state = (engine.inspect(container.id) or {}).get("State") or {}
    return container.running and took >= grace and state.get("ExitCode") == _KILLED


def restart(engine: Engine, container: Container, timeout: Optional[int]) -> bool:
    """Restarts a container in place; whether it had to be killed, see ``stop``."""
    grace = container.grace_seconds if timeout is None else timeout
    began = time.monotonic()
    with engine.calling(f"restart container {container.name}"):
        engine.client.restart(container.id, timeout=grace)
    took = time.monotonic() - began
    state = (engine.inspect(container.id) or {}).get("State") or {}
    return container.running and took - _seconds_between(state.get("FinishedAt", ""), state.get("StartedAt", "")) >= grace


def unpause(engine: Engine, container: str) -> None:
    with engine.calling(f"unpause container {container[:12]}"):
        engine.client.unpause(container)


def networks(engine: Engine, project: str) -> List[str]:
    """Names of the networks that compose made for a project."""
    with engine.calling(f"list the networks of {project}"):
        listed = engine.client.networks(filters={"label": f"{LABEL_PROJECT}={project}"})
    return sorted(network["Name"] for network in listed)


def environment(engine: Engine, container: str) -> Dict[str, str]:
    """A container's environment. It holds secrets: keep it in memory."""
    inspected = engine.inspect(container) or {}
    pairs = [entry.partition("=") for entry in (inspected.get("Config") or {}).get("Env") or []]
    return {name: value for name, unused, value in pairs}


def remove(engine: Engine, container: str) -> None:
    """Removes a container that has ended, never its volumes; one that is gone already is fine."""
    with engine.calling(f"remove container {container[:12]}"):
        if engine.inspect(container) is not None:
            engine.client.remove_container(container, v=False, force=True)


def rename(engine: Engine, container: str, name: str) -> None:
    with engine.calling(f"rename container {container[:12]}"):
        engine.client.rename(container, name)


@dataclass(frozen=True)
class Checked:
    """What a health check that was run by us said: ``verdict`` is passed, failed, or unknown when it could not be run."""

    verdict: str
    exit_code: int = 0
    output: str = ""


def run_health_check(engine: Engine, container: str, test: Sequence[str]) -> Checked:
    """Runs the container's own health check now."""
    command = ["/bin/sh", "-c", test[1]] if test[0] == "CMD-SHELL" else list(test[1:])
    try:
        with engine.calling(f"run the health check of {container[:12]}"):
            started = engine.client.exec_create(container, command)
            output = engine.client.exec_start(started["Id"])
            code = engine.client.exec_inspect(started["Id"])["ExitCode"]
    except OperationError:
        return Checked("unknown")  # it may have ended meanwhile: the next look at the container tells
    return Checked("passed" if code == 0 else "failed", code or 0, output.decode(errors="replace"))


def redactor_of(engine: Engine, container: str) -> Redactor:
    """Masks what the container's environment holds in secrets."""
    return Redactor.of_environment(environment(engine, container))


def _seconds_between(earlier: str, later: str) -> float:
    """Of two times of the engine; 0 when they are not in order."""
    first, second = parse_timestamp(earlier), parse_timestamp(later)
    return max(0.0, (second - first).total_seconds()) if first and second else 0.0
