# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to single containers through the engine: stop, restart, remove, and their health check run at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from .._core.errors import OperationError
from .._core.redaction import Redactor
from .engine import Engine

# The engine kills at the end of the grace period and then answers: the client waits a little longer.
_MARGIN_SECONDS = 30
_LONGEST_GRACE = 600


def stop(engine: Engine, container: str, timeout: Optional[int]) -> None:
    """Stops a container; ``timeout`` seconds of grace, the container's own when None."""
    _waiting(engine, timeout, f"stop container {container[:12]}", lambda: engine.client.stop(container, timeout=timeout))


def restart(engine: Engine, container: str, timeout: Optional[int]) -> None:
    """Restarts a container in place."""
    grace = 10 if timeout is None else timeout
    _waiting(engine, grace, f"restart container {container[:12]}", lambda: engine.client.restart(container, timeout=grace))


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
    inspected = engine.inspect(container) or {}
    pairs = [entry.partition("=") for entry in (inspected.get("Config") or {}).get("Env") or []]
    return Redactor.of_environment({name: value for name, unused, value in pairs})


def _waiting(engine: Engine, grace: Optional[int], what: str, act) -> None:
    before = engine.client.timeout
    engine.client.timeout = (_LONGEST_GRACE if grace is None else grace) + _MARGIN_SECONDS
    try:
        with engine.calling(what):
            act()
    finally:
        engine.client.timeout = before
