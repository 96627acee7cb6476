# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that work with a service: stopped before it is touched, started after it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core.container import LABEL_SERVICE, Container, parse_container
from .._core.errors import EngineFailed, OperationError, UnknownService
from .engine import Engine
from .engine_containers import stop

_DEPENDS_ON = "com.docker.compose.depends_on"  # service:condition:restart,...


class Dependents:
    """Of one service of one project, as they are now."""

    def __init__(self, engine: Engine, project: str, service: str) -> None:
        self._engine = engine
        self._project = project
        self._service = service

    def running(self, services: Optional[Sequence[str]]) -> List[Container]:
        """Running containers of the named services, in the order of the names; without names, of those that depend on the service."""
        inspected = self._engine.inspect_project(self._project)
        labels = {answer["Id"]: _labels(answer) for answer in inspected}
        containers = [container for container in map(parse_container, inspected) if not container.one_off]
        if services is None:
            chosen = sorted({container.service for container in containers if self._service in _dependencies(labels[container.id])})
        else:
            chosen = list(services)
            unknown = sorted(set(services) - {container.service for container in containers})
            if unknown:
                raise UnknownService(
                    f"Stack {self._project} has no container of service {', '.join(unknown)}.", hint="Correct 'dependents'.", services=unknown
                )
        found = [container for name in chosen for container in containers if container.service == name and container.running]
        return [container for container in found if container.service != self._service]

    def stop(self, containers: Sequence[Container]) -> None:
        for container in containers:
            stop(self._engine, container, None)

    def start(self, containers: Sequence[str]) -> List[str]:
        """Starts what was stopped, in the reverse order; names of services whose container is gone. One that runs already is fine."""
        gone = []
        for identifier in reversed(containers):
            number, _colon, service = identifier.partition(":")
            if self._engine.inspect(number) is None:
                gone.append(service)
                continue
            with self._engine.calling(f"start a container of {service}"):
                self._engine.client.start(number)
            state = (self._engine.inspect(number) or {}).get("State") or {}
            if not state.get("Running"):
                raise EngineFailed(f"The container of {service} was started and ended at once.", hint="Look at its log (compose_logs).", service=service)
        return sorted(set(gone))

    def start_each(self, containers: Sequence[str]) -> Tuple[List[str], Optional[OperationError]]:
        """As ``start``, but one that does not start does not keep the others from it. Also why the first of them did not."""
        gone: List[str] = []
        not_started: Optional[OperationError] = None
        for one in reversed(containers):
            try:
                gone += self.start([one])
            except OperationError as error:
                not_started = not_started or error
        return sorted(set(gone)), not_started


def identifier(container: Container) -> str:
    """As records keep it: the container, and its service for people."""
    return f"{container.id}:{container.service}"


def _labels(answer: Mapping[str, Any]) -> Dict[str, str]:
    return (answer.get("Config") or {}).get("Labels") or {}


def _dependencies(labels: Mapping[str, str]) -> List[str]:
    if not labels.get(LABEL_SERVICE):
        return []
    return [entry.split(":")[0] for entry in labels.get(_DEPENDS_ON, "").split(",") if entry]
