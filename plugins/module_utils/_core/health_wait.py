# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a service is ready, still on its way, or has failed: one look at its containers at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Sequence, Tuple

from .compose_model import ComposeModel
from .container import Container
from .errors import OperationError


class ServiceExited(OperationError):
    """A container ended, or is restarted by the engine, while its service was waited for."""

    reason = "service_exited"


class ServiceUnhealthy(OperationError):
    """A container's health check says that it does not work."""

    reason = "service_unhealthy"


class StartFailed(OperationError):
    """A container could not be made or started at all."""

    reason = "start_failed"


class HealthTimeout(OperationError):
    """A service was neither healthy nor failed when the time was up."""

    reason = "health_timeout"


@dataclass(frozen=True)
class Terms:
    """What counts as ready. ``until`` is healthy, or started: then health checks do not count."""

    model: ComposeModel
    settle_ms: int = 500
    until: str = "healthy"


@dataclass(frozen=True)
class Look:
    """One look at one container. ``check`` is what our own run of its health check said: passed, failed or unknown."""

    container: Container
    first_restart_count: int = 0
    check: str = "unknown"
    running_for_ms: int = 0


@dataclass(frozen=True)
class Readiness:
    """``verdict`` is ready, waiting or failed; ``problem`` names the kind of failure (an error class's reason)."""

    verdict: str
    problem: str = ""
    message: str = ""


READY = Readiness("ready")


def judge(look: Look, terms: Terms) -> Readiness:
    """Judges one container of a service that should run."""
    container = look.container
    if container.state == "exited" and container.exit_code == 0 and terms.model.is_one_shot(container.service):
        return READY
    if container.restart_count > look.first_restart_count or container.state == "restarting":
        return _exited(container, "does not stay up: the engine restarts it")
    if container.state in ("exited", "dead"):
        return _exited(container, "ended")
    if not container.running:
        return Readiness("waiting", message=f"{container.name} is {container.state}")
    if terms.until == "healthy" and terms.model.is_one_shot(container.service):
        return Readiness("waiting", message=f"{container.name} has not ended yet")
    if terms.until == "started" or container.health == "none":
        settled = look.running_for_ms >= terms.settle_ms
        return READY if settled else Readiness("waiting", message=f"{container.name} runs for {look.running_for_ms} ms")
    return _judge_health(look)


def _judge_health(look: Look) -> Readiness:
    container = look.container
    if container.health == "unhealthy":
        # Its word is as old as the check's interval: with our own check it is a failure, against it the engine is asked again.
        if look.check == "failed":
            return Readiness("failed", ServiceUnhealthy.reason, f"{container.name} is unhealthy")
        return Readiness("waiting", message=f"{container.name} is unhealthy, as the engine says")
    if container.health == "healthy" or look.check == "passed":
        return READY
    return Readiness("waiting", message=f"{container.name} is not healthy yet")


def judge_service(looks: Sequence[Look], terms: Terms, expected: int) -> Readiness:
    """A service is as ready as its worst container."""
    worst = worst_of(looks, terms)
    if worst is not None and worst[1].verdict != "ready":
        return worst[1]
    if len(looks) < expected:
        return Readiness("waiting", message=f"{len(looks)} of {expected} containers are there")
    return READY


def worst_of(looks: Sequence[Look], terms: Terms) -> Optional[Tuple[Container, Readiness]]:
    """The container that is furthest from ready, with what is said of it; None without containers."""
    judged = [(look.container, judge(look, terms)) for look in looks]
    return min(judged, key=lambda pair: ("failed", "waiting", "ready").index(pair[1].verdict), default=None)


def _exited(container: Container, how: str) -> Readiness:
    cause = ", killed for lack of memory" if container.oom_killed else ""
    return Readiness("failed", ServiceExited.reason, f"{container.name} {how} (exit code {container.exit_code}{cause})")


def failure(problem: str, message: str, hint: str, details: Mapping[str, object]) -> OperationError:
    """The error of a failed service; ``problem`` is the reason of one of the classes here."""
    kinds = {kind.reason: kind for kind in (ServiceExited, ServiceUnhealthy, HealthTimeout)}
    return kinds[problem](message, hint=hint, **details)
