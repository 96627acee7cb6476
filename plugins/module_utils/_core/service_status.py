# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expected services against running containers: what is wrong, and how bad that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Dict, List, Mapping, Optional, Sequence

from .compose_model import ComposeModel, ServiceDefinition
from .container import Container

FAILING, DRIFT, WARNING = "failing", "drift", "warning"
STARTING = "starting"
_STATE = "playbooks/service/state.yml"


@dataclass(frozen=True)
class Problem:
    """``problem`` is a stable word; ``severity`` is failing (does not run as it should), drift or warning."""

    service: str
    container: str
    problem: str
    severity: str
    message: str
    procedure: str

    def to_dict(self) -> Dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Expectation:
    """What containers are held against: the files, what image references mean now, and how many restarts are normal."""

    model: ComposeModel
    image_ids: Mapping[str, Optional[str]]
    max_restarts: int = 3


def find_problems(expected: Expectation, containers: Sequence[Container], services: Sequence[str] = ()) -> List[Problem]:
    """Everything that is not as the files ask for, service by service; orphans last, unless services were chosen."""
    problems: List[Problem] = []
    for name in services or expected.model.names:
        problems += _of_service(expected, expected.model.service(name), [one for one in containers if one.service == name])
    if not services:
        problems += [_orphan(container) for container in containers if container.service not in expected.model.names]
    return problems


def is_healthy(problems: Sequence[Problem]) -> bool:
    """Drift and warnings do not keep a stack from working."""
    return not any(problem.severity == FAILING for problem in problems)


def awaits_start(problems: Sequence[Problem], containers: Sequence[Container], waited: float, at_most: float) -> bool:
    """Whether a later look can be better: containers are starting, nothing else fails, and neither time nor their own checks have run out.

    ``waited`` and ``at_most`` are in seconds, ``waited`` since the first look.
    """
    failing = [problem for problem in problems if problem.severity == FAILING]
    if not failing or any(problem.problem != STARTING for problem in failing):
        return False
    names = {problem.container for problem in failing}
    return waited < min(at_most, *(one.longest_start for one in containers if one.name in names))


def _of_service(expected: Expectation, service: ServiceDefinition, containers: Sequence[Container]) -> List[Problem]:
    if not containers and service.replicas:
        return [Problem(service.name, "", "missing", FAILING, f"{service.name} has no container.", _STATE)]
    problems = []
    for container in containers:
        problems += _of_container(expected, container)
        problems += _drift(expected, service, container)
    if len(containers) < service.replicas:
        message = f"{service.name} has {len(containers)} of {service.replicas} containers."
        problems.append(Problem(service.name, "", "too_few", FAILING, message, _STATE))
    if len(containers) > service.replicas:
        message = f"{service.name} has {len(containers)} containers, and the files ask for {service.replicas}."
        problems.append(Problem(service.name, "", "too_many", WARNING, message, _STATE))
    return problems


def _of_container(expected: Expectation, container: Container) -> List[Problem]:
    name = container.name
    if container.state == "exited" and container.exit_code == 0 and expected.model.is_one_shot(container.service):
        return []
    found = []
    if container.state == "restarting" or container.restart_count > expected.max_restarts:
        found.append(("restart_loop", FAILING, f"{name} was restarted {container.restart_count} times.", "service/status"))
    if container.oom_killed:
        found.append(("oom_killed", FAILING, f"{name} was killed for lack of memory.", "service/configure"))
    if container.state == "exited":
        found.append(("exited", FAILING, f"{name} ended with exit code {container.exit_code}.", "service/state"))
    elif container.state in ("paused", "dead"):
        found.append((container.state, FAILING, f"{name} is {container.state}.", "service/restart"))
    elif container.state not in ("running", "restarting"):
        found.append(("not_running", FAILING, f"{name} is {container.state}.", "service/state"))
    elif container.health == "unhealthy":
        found.append(("unhealthy", FAILING, f"{name} is unhealthy.", "service/restart"))
    elif container.health == "starting":
        found.append((STARTING, FAILING, f"{name} is starting and not healthy yet.", "health/check"))
    return [Problem(container.service, name, problem, severity, message, f"playbooks/{procedure}.yml") for problem, severity, message, procedure in found]


def _drift(expected: Expectation, service: ServiceDefinition, container: Container) -> List[Problem]:
    found = []
    if service.config_hash and container.config_hash != service.config_hash:
        message = f"{container.name} was made with another configuration than the files have now."
        found.append(Problem(service.name, container.name, "config_drift", DRIFT, message, _STATE))
    means = expected.image_ids.get(service.image)
    if means and container.image_id != means:
        message = f"{container.name} runs another image than {service.image} means now."
        found.append(Problem(service.name, container.name, "wrong_image", DRIFT, message, "playbooks/service/status.yml"))
    return found


def _orphan(container: Container) -> Problem:
    message = f"{container.name} carries the stack's label and is in none of its files."
    return Problem(container.service, container.name, "orphan", DRIFT, message, _STATE)
