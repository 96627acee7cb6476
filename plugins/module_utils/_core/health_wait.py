# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a service is ready, still on its way, or has failed: one look at its containers at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from .compose_model import ComposeModel
from .container import Container
from .errors import OperationError


class ServiceExited(OperationError):
    """A container ended, or is restarted by the engine, while its service was waited for."""

    reason = "service_exited"


class ServiceUnhealthy(OperationError):
    """A container's health check says that it does not work."""

    reason = "service_unhealthy"


class HealthTimeout(OperationError):
    """A service was neither healthy nor failed when the time was up."""

    reason = "health_timeout"


@dataclass(frozen=True)
class Look:
    """One look at one container. ``check`` is what our own run of its health check said: passed, failed or unknown."""

    container: Container
    first_restart_count: int
    check: str = "unknown"
    running_for_ms: int = 0


@dataclass(frozen=True)
class Readiness:
    """``verdict`` is ready, waiting or failed; ``problem`` names the kind of failure (an error class's reason)."""

    verdict: str
    problem: str = ""
    message: str = ""


READY = Readiness("ready")


def judge(look: Look, model: ComposeModel, settle_ms: int) -> Readiness:
    """Judges one container of a service that should run."""
    container = look.container
    service = model.service(container.service)
    if container.state == "exited" and container.exit_code == 0 and model.is_one_shot(service.name):
        return READY
    if container.restart_count > look.first_restart_count or container.state == "restarting":
        return _exited(container, "does not stay up: the engine restarts it")
    if container.state in ("exited", "dead"):
        return _exited(container, "ended")
    if not container.running:
        return Readiness("waiting", message=f"{container.name} is {container.state}")
    if not service.healthcheck:
        settled = look.running_for_ms >= settle_ms
        return READY if settled else Readiness("waiting", message=f"{container.name} runs for {look.running_for_ms} ms")
    if container.health == "healthy" or look.check == "passed":
        return READY
    if container.health == "unhealthy" and look.check == "failed":
        return Readiness("failed", ServiceUnhealthy.reason, f"{container.name} is unhealthy")
    return Readiness("waiting", message=f"{container.name} is not healthy yet")


def judge_service(looks: Sequence[Look], model: ComposeModel, expected: int, settle_ms: int) -> Readiness:
    """A service is as ready as its worst container."""
    verdicts = [judge(look, model, settle_ms) for look in looks]
    for wanted in ("failed", "waiting"):
        found = next((verdict for verdict in verdicts if verdict.verdict == wanted), None)
        if found:
            return found
    if len(looks) < expected:
        return Readiness("waiting", message=f"{len(looks)} of {expected} containers are there")
    return READY


def _exited(container: Container, how: str) -> Readiness:
    cause = ", killed for lack of memory" if container.oom_killed else ""
    return Readiness("failed", ServiceExited.reason, f"{container.name} {how} (exit code {container.exit_code}{cause})")


def failure(problem: str, message: str, hint: str, details: Mapping[str, object]) -> OperationError:
    """The error of a failed service; ``problem`` is the reason of one of the classes here."""
    kinds = {kind.reason: kind for kind in (ServiceExited, ServiceUnhealthy, HealthTimeout)}
    return kinds[problem](message, hint=hint, **details)
