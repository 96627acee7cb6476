# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container that runs a stack's Postgres: which one it is, where it answers, how to log in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from .._core.container import Container
from .._core.postgres_errors import PostgresChanged, PostgresNotInStack, PostgresUnreachable
from .._core.stack import Stack
from .engine import Engine
from .postgres_ping import PostgresAddress
from .stack_containers import ServiceContainer, StackContainers


@dataclass(frozen=True)
class PostgresAccess:
    """What the caller said about reaching the server (see the ``postgres`` documentation fragment); empty means: find out."""

    service: str = "postgres"
    host: str = ""
    port: int = 5432
    username: str = ""
    password: str = ""
    maintenance_database: str = "postgres"
    connect_timeout: int = 10

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "PostgresAccess":
        return cls(
            params["service"],
            params["host"],
            params["port"],
            params["username"],
            params["password"] or "",
            params["maintenance_database"],
            params["connect_timeout"],
        )


class PostgresService:
    """The server as it was found. Read-only: nothing here changes it."""

    def __init__(self, access: PostgresAccess, address: PostgresAddress, found: Optional[ServiceContainer]) -> None:
        self.access = access
        self.address = address  # its database is the application's own (POSTGRES_DB), not the one to connect to for maintenance
        self._found = found

    @classmethod
    def find(cls, stack: Stack, engine: Engine, access: PostgresAccess) -> "PostgresService":
        """Looks by labels, for exactly one running container; with a host given, a container is welcome and not needed."""
        containers = StackContainers(engine, stack.name)
        containers.refresh()
        running = [found for found in containers.of(access.service) if found.container.running]
        if len(running) != 1:
            if access.host:
                return cls(access, _address(access, access.host, ("postgres", "", "")), None)
            raise _not_one(stack, access.service, [found.container for found in containers.of(access.service)])
        login = containers.login("postgres", running[0])
        user = login.username or "postgres"
        host = access.host or running[0].container.address
        if not host:
            raise PostgresUnreachable(f"Container {running[0].container.name} has no address on a network.", hint="Give 'host' and 'port'.")
        return cls(access, _address(access, host, (user, login.password, login.database or user)), running[0])

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
        """Raises PostgresChanged when the container is not the one that was found, was started again since, or has stopped."""
        now = engine.inspect(self.container.id)
        state = (now or {}).get("State") or {}
        restarted, running = state.get("StartedAt") != self.container.started_at, state.get("Running")
        if restarted or not running:
            raise PostgresChanged(
                f"Container {self.container.name} was {'removed' if now is None else 'restarted' if running else 'stopped'} meanwhile.",
                hint="What was done against it is not to be trusted; run again.",
                container=self.container.name,
            )

    def _container(self) -> ServiceContainer:
        if self._found is None:
            raise PostgresNotInStack(
                f"Postgres at {self.address.host} is not a container of this stack.",
                hint="What was asked for needs the container's image; it works only for a service of the stack.",
            )
        return self._found


def _address(access: PostgresAccess, host: str, login: Tuple[str, str, str]) -> PostgresAddress:
    username, password, database = login
    return PostgresAddress(host, access.port, access.username or username, access.password or password, database)


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _not_one(stack: Stack, service: str, containers: list) -> PostgresNotInStack:
    there = ", ".join(f"{container.name} ({container.state})" for container in containers) or "none"
    return PostgresNotInStack(
        f"Stack {stack.name} has not exactly one running container of service {service}: {there}.",
        hint="Check stack_services.postgres in the inventory, and start the service (playbooks/service/state.yml).",
        service=service,
        containers=[container.name for container in containers],
    )
