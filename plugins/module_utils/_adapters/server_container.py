# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container in which a stack's server (Postgres, Redis) runs: what it is, where its files lie, whether it is still the same."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Type

from .._core.container import Container
from .._core.errors import BadInput, OperationError
from .._core.stack import Stack
from .engine import Engine
from .stack_containers import ServiceContainer, StackContainers


class ServerContainer:
    """A server that may be a container of the stack. Read-only: nothing here changes it. Its kinds say what they are and how they fail."""

    server: str
    not_in_stack: Type[BadInput]
    changed: Type[OperationError]

    def __init__(self, host: str, found: Optional[ServiceContainer]) -> None:
        self._host = host
        self._found = found

    @property
    def in_stack(self) -> bool:
        """Whether it is a container of the stack, and no server elsewhere."""
        return self._found is not None

    @property
    def container(self) -> Container:
        return self._container().container

    @property
    def inspected(self) -> Mapping[str, Any]:
        """The engine's whole description of the container (it holds secrets: keep it in memory)."""
        return self._container().inspected

    def mount(self, path: str) -> Optional[Mapping[str, Any]]:
        """The mount of the container that holds ``path``, None when it lies in the container's own layer."""
        mounts = [mount for mount in self.inspected.get("Mounts") or [] if _is_below(path, mount["Destination"])]
        return max(mounts, key=lambda mount: len(mount["Destination"]), default=None)

    def require_same(self, engine: Engine) -> None:
        """Raises ``changed`` when the container is not the one that was found, was started again since, or has stopped."""
        now = engine.inspect(self.container.id)
        state = (now or {}).get("State") or {}
        restarted, running = state.get("StartedAt") != self.container.started_at, state.get("Running")
        if restarted or not running:
            raise self.changed(
                f"Container {self.container.name} was {'removed' if now is None else 'restarted' if running else 'stopped'} meanwhile.",
                hint="What was done against it is not to be trusted; run again.",
                container=self.container.name,
            )

    def _container(self) -> ServiceContainer:
        if self._found is None:
            raise self.not_in_stack(
                f"{self.server} at {self._host} is not a container of this stack.",
                hint="What was asked for needs the container's image; it works only for a service of the stack.",
            )
        return self._found

    @classmethod
    def _only_running(cls, stack: Stack, containers: StackContainers, service: str, elsewhere: bool) -> Optional[ServiceContainer]:
        """Exactly one running container of the service; None when there is not and the server may be ``elsewhere``."""
        containers.refresh()
        found = containers.of(service)
        running = [one for one in found if one.container.running]
        if len(running) == 1:
            return running[0]
        if elsewhere:
            return None
        there = ", ".join(f"{one.container.name} ({one.container.state})" for one in found) or "none"
        raise cls.not_in_stack(
            f"Stack {stack.name} has not exactly one running container of service {service}: {there}.",
            hint=f"Check stack_services.{cls.server.lower()} in the inventory, and start the service (playbooks/service/state.yml).",
            service=service,
            containers=[one.container.name for one in found],
        )


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
