# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expected services against running containers: what is wrong, and how bad that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .compose_model import ComposeModel, ServiceDefinition
from .container import Container

FAILING, DRIFT, WARNING = "failing", "drift", "warning"


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


def find_problems(
    model: ComposeModel,
    containers: Sequence[Container],
    image_ids: Mapping[str, Optional[str]],
    max_restarts: int,
    services: Sequence[str] = (),
) -> List[Problem]:
    """Everything that is not as the files ask for, service by service; orphans last, unless services were chosen."""
    problems: List[Problem] = []
    for name in services or model.names:
        problems += _of_service(model, model.service(name), [one for one in containers if one.service == name], image_ids, max_restarts)
    if not services:
        problems += [_orphan(container) for container in containers if container.service not in model.names]
    return problems


def is_healthy(problems: Sequence[Problem]) -> bool:
    """Drift and warnings do not keep a stack from working."""
    return not any(problem.severity == FAILING for problem in problems)


def _of_service(
    model: ComposeModel,
    service: ServiceDefinition,
    containers: Sequence[Container],
    image_ids: Mapping[str, Optional[str]],
    max_restarts: int,
) -> List[Problem]:
    if not containers:
        return [] if service.replicas == 0 else [_problem(service.name, "", "missing", FAILING, f"{service.name} has no container.", "service/state")]
    problems = []
    for container in containers:
        problems += _of_container(model, container, max_restarts)
        problems += _drift(service, container, image_ids)
    if len(containers) < service.replicas:
        message = f"{service.name} has {len(containers)} of {service.replicas} containers."
        problems.append(_problem(service.name, "", "too_few", FAILING, message, "service/state"))
    if len(containers) > service.replicas:
        message = f"{service.name} has {len(containers)} containers, and the files ask for {service.replicas}."
        problems.append(_problem(service.name, "", "too_many", WARNING, message, "service/state"))
    return problems


def _of_container(model: ComposeModel, container: Container, max_restarts: int) -> List[Problem]:
    name = container.name
    if container.state == "exited" and container.exit_code == 0 and model.is_one_shot(container.service):
        return []
    found = []
    if container.state == "restarting" or container.restart_count > max_restarts:
        found.append(("restart_loop", FAILING, f"{name} was restarted {container.restart_count} times.", "logs/view"))
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
        found.append(("starting", FAILING, f"{name} is starting and not healthy yet.", "health/check"))
    return [_problem(container.service, name, *parts) for parts in found]


def _drift(service: ServiceDefinition, container: Container, image_ids: Mapping[str, Optional[str]]) -> List[Problem]:
    found = []
    if service.config_hash and container.config_hash != service.config_hash:
        message = f"{container.name} was made with another configuration than the files have now."
        found.append(_problem(service.name, container.name, "config_drift", DRIFT, message, "service/state"))
    means = image_ids.get(service.image)
    if means and container.image_id != means:
        message = f"{container.name} runs another image than {service.image} means now."
        found.append(_problem(service.name, container.name, "wrong_image", DRIFT, message, "service/status"))
    return found


def _orphan(container: Container) -> Problem:
    message = f"{container.name} carries the stack's label and is in none of its files."
    return _problem(container.service, container.name, "orphan", DRIFT, message, "service/state")


def _problem(service: str, container: str, problem: str, severity: str, message: str, procedure: str) -> Problem:
    return Problem(service, container, problem, severity, message, f"playbooks/{procedure}.yml")
