# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a stack as things to probe: where they are, and how to log in to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping

from .._core.container import Container, parse_container
from .._core.service_login import ServiceLogin, environment_of, login_of_container
from .container_file import read_container_file
from .engine import Engine
from .tcp_client import Deadline, within

_LONGEST_SECRET_FILE = 64 * 1024


@dataclass(frozen=True)
class ServiceContainer:
    """``inspected`` is the engine's whole description: it holds secrets and stays in memory."""

    container: Container
    inspected: Mapping[str, Any]


class StackContainers:
    """The containers of one project, as they were at the last ``refresh``."""

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine = engine
        self._project = project
        self._services: Dict[str, List[ServiceContainer]] = {}

    def refresh(self) -> None:
        """Looks again: containers come and go while a probe waits."""
        services: Dict[str, List[ServiceContainer]] = {}
        for inspected in self._engine.inspect_project(self._project):
            container = parse_container(inspected)
            if not container.one_off:
                services.setdefault(container.service, []).append(ServiceContainer(container, inspected))
        self._services = services

    def of(self, service: str) -> List[ServiceContainer]:
        """The service's containers in any state, by number; none for a service without containers."""
        return sorted(self._services.get(service, []), key=lambda found: found.container.number)

    def login(self, kind: str, found: ServiceContainer) -> ServiceLogin:
        """What the container's environment (or the files it names) says about logging in."""
        config = found.inspected.get("Config") or {}
        words = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
        login = login_of_container(kind, environment_of(config.get("Env") or ()), words)
        return ServiceLogin(
            login.username or self._file(found, login.username_file),
            login.password or self._file(found, login.password_file),
            login.database or self._file(found, login.database_file),
        )

    def variable(self, found: ServiceContainer, name: str) -> str:
        """A variable of the container's environment, or what is in the file that the variable with ``_FILE`` names. Empty without both."""
        environment = environment_of((found.inspected.get("Config") or {}).get("Env") or ())
        return environment.get(name, "") or self._file(found, environment.get(f"{name}_FILE", ""))

    def resolve_within(self, found: ServiceContainer, name: str, deadline: Deadline) -> int:
        """The exit code of ``getent hosts NAME`` inside a container: 0 found, 2 not found, 126 or 127 no getent there."""
        return within(deadline, lambda: self._run_getent(found.container, name))

    def _run_getent(self, container: Container, name: str) -> int:
        client = self._engine.client
        with self._engine.calling(f"resolve a name in {container.name}"):
            execution = client.exec_create(container.id, ["getent", "hosts", name])["Id"]
            client.exec_start(execution)
            return int(client.exec_inspect(execution)["ExitCode"])

    def _file(self, found: ServiceContainer, path: str) -> str:
        if not path:
            return ""
        return (read_container_file(self._engine, found.container.id, path, _LONGEST_SECRET_FILE) or "").strip()
