# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of a Docker Swarm and its tasks, reduced to what decisions need, and the specification that brings it where it shall be."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence, Tuple

from .errors import BadInput, OperationError, UnknownService

LABEL_STACK = "com.docker.stack.namespace"
REPLICATED, GLOBAL = "replicated", "global"
# An update, or a way back, that the swarm is busy with.
BUSY = ("updating", "rollback_started")


class NotASwarmManager(OperationError):
    """The engine is no manager of a swarm, and only a manager knows its services."""

    reason = "not_a_swarm_manager"


class SwarmUpdateRunning(OperationError):
    """Somebody else's update of the service is under way."""

    reason = "swarm_update_running"


class CannotScaleInSwarm(BadInput):
    """The number of a service's tasks is not ours to choose."""

    reason = "cannot_scale"


@dataclass(frozen=True)
class SwarmService:
    """``short`` is its name without that of the stack. ``replicas`` is 0 for a mode that counts by itself."""

    id: str
    name: str
    short: str
    version: int = 0
    image: str = ""
    mode: str = REPLICATED
    replicas: int = 1
    force_update: int = 0
    update_state: str = ""
    update_message: str = ""

    @property
    def tag(self) -> str:
        """The tag of its image, as a version to show; empty without one."""
        return self.image.partition("@")[0].rpartition("/")[2].partition(":")[2]

    @property
    def repository(self) -> str:
        name = self.image.partition("@")[0]
        return name[: -len(self.tag) - 1] if self.tag else name


@dataclass(frozen=True)
class SwarmTask:
    """``desired`` is what the swarm wants of it, ``state`` what it is in; ``error`` the engine's own words."""

    id: str
    service: str
    slot: int = 0
    node: str = ""
    state: str = ""
    desired: str = ""
    image: str = ""
    force_update: int = 0
    error: str = ""
    exit_code: int = 0
    at: str = ""


def parse_service(stack: str, inspected: Mapping[str, Any]) -> SwarmService:
    """Reads one answer of the engine's ``GET /services/{id}``."""
    spec = inspected.get("Spec") or {}
    template = spec.get("TaskTemplate") or {}
    update = inspected.get("UpdateStatus") or {}
    mode = next(iter(spec.get("Mode") or {"Replicated": {}}))
    name = spec.get("Name", "")
    return SwarmService(
        id=inspected["ID"],
        name=name,
        short=short_name(stack, name),
        version=int((inspected.get("Version") or {}).get("Index") or 0),
        image=(template.get("ContainerSpec") or {}).get("Image", ""),
        mode=mode.lower(),
        replicas=int(((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas") or 0),
        force_update=int(template.get("ForceUpdate") or 0),
        update_state=update.get("State", ""),
        update_message=update.get("Message", ""),
    )


def parse_task(answer: Mapping[str, Any], nodes: Mapping[str, str]) -> SwarmTask:
    """Reads one task of ``GET /tasks``; ``nodes`` maps ids of nodes to their names."""
    spec, status = answer.get("Spec") or {}, answer.get("Status") or {}
    node = answer.get("NodeID", "")
    return SwarmTask(
        id=answer["ID"],
        service=answer.get("ServiceID", ""),
        slot=int(answer.get("Slot") or 0),
        node=nodes.get(node, node),
        state=status.get("State", ""),
        desired=answer.get("DesiredState", ""),
        image=(spec.get("ContainerSpec") or {}).get("Image", ""),
        force_update=int(spec.get("ForceUpdate") or 0),
        error=status.get("Err", ""),
        exit_code=int((status.get("ContainerStatus") or {}).get("ExitCode") or 0),
        at=status.get("Timestamp", ""),
    )


def short_name(stack: str, name: str) -> str:
    return name[len(stack) + 1 :] if name.startswith(f"{stack}_") else name


def of_stack(stack: str, answers: Sequence[Mapping[str, Any]]) -> Tuple[Mapping[str, Any], ...]:
    """The services that ``docker stack deploy`` made for the stack, or that are named as it would name them and are of no other stack."""
    found = []
    for answer in answers:
        spec = answer.get("Spec") or {}
        said = (spec.get("Labels") or {}).get(LABEL_STACK, "")
        if said == stack or (not said and spec.get("Name", "").startswith(f"{stack}_")):
            found.append(answer)
    return tuple(sorted(found, key=lambda answer: answer["Spec"]["Name"]))


def chosen(stack: str, services: Sequence[SwarmService], names: Sequence[str]) -> Tuple[SwarmService, ...]:
    """The services of these names, short or whole, in their order; all of them without names."""
    if not services:
        raise UnknownService(
            f"The swarm has no service of stack {stack} (none is named {stack}_...).",
            hint="docker service ls shows what there is; stack_name is the name that docker stack deploy was given.",
            stack=stack,
        )
    known = {name: service for service in services for name in (service.name, service.short)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownService(
            f"Stack {stack} has no service {', '.join(unknown)} in the swarm, where it would be called {', '.join(f'{stack}_{name}' for name in unknown)}.",
            hint=f"It has {', '.join(service.name for service in services)}.",
            unknown=unknown,
            known=[service.name for service in services],
        )
    return tuple(dict.fromkeys(known[name] for name in names)) if names else tuple(services)


def refuse_busy(services: Sequence[SwarmService]) -> None:
    busy = [service for service in services if service.update_state in BUSY]
    if busy:
        raise SwarmUpdateRunning(
            f"The swarm is still updating {', '.join(service.name for service in busy)} ({busy[0].update_state}). Nothing was done.",
            hint="Wait until it has ended (docker service ps), and run again.",
            services=[service.name for service in busy],
        )


def refuse_jobs(services: Sequence[SwarmService]) -> None:
    """What cannot be kept running: jobs, and what has no container (a plugin of the engine)."""
    jobs = [service.name for service in services if service.mode not in (REPLICATED, GLOBAL)]
    if jobs:
        raise BadInput(f"{', '.join(jobs)} runs to its end (a job of the swarm): there is nothing to keep running. Nothing was done.", services=jobs)
    strange = [service.name for service in services if not service.image]
    if strange:
        raise BadInput(f"{', '.join(strange)} has no containers (a plugin of the engine): nothing was done.", services=strange)


def refuse_unscalable(services: Sequence[SwarmService]) -> None:
    fixed = [service.name for service in services if service.mode != REPLICATED]
    if fixed:
        raise CannotScaleInSwarm(
            f"{', '.join(fixed)} runs once on every node ({GLOBAL}), so its number follows the nodes. Nothing was done.",
            hint="Add or drain nodes, or make it a replicated service in the stack's file.",
            services=fixed,
        )


def with_image(spec: Mapping[str, Any], image: str) -> Dict[str, Any]:
    """The specification with another image; all else as it is."""
    changed = copy.deepcopy(dict(spec))
    changed["TaskTemplate"]["ContainerSpec"]["Image"] = image
    return changed


def with_replicas(spec: Mapping[str, Any], replicas: int) -> Dict[str, Any]:
    changed = copy.deepcopy(dict(spec))
    changed["Mode"]["Replicated"]["Replicas"] = replicas
    return changed


def forced(spec: Mapping[str, Any]) -> Dict[str, Any]:
    """The specification whose tasks are made anew although nothing differs, as ``docker service update --force`` does."""
    changed = copy.deepcopy(dict(spec))
    changed["TaskTemplate"]["ForceUpdate"] = int(changed["TaskTemplate"].get("ForceUpdate") or 0) + 1
    return changed
