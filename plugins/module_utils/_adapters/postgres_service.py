# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container that runs a stack's Postgres: which one it is, where it answers, how to log in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from .._core.postgres_errors import PostgresChanged, PostgresNotInStack, PostgresUnreachable
from .._core.stack import Stack
from .engine import Engine
from .postgres_ping import PostgresAddress
from .server_container import ServerContainer
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


class PostgresService(ServerContainer):
    """The server as it was found."""

    server, not_in_stack, changed = "Postgres", PostgresNotInStack, PostgresChanged

    def __init__(self, access: PostgresAccess, address: PostgresAddress, found: Optional[ServiceContainer]) -> None:
        super().__init__(address.host, found)
        self.access = access
        self.address = address  # its database is the application's own (POSTGRES_DB), not the one to connect to for maintenance

    @classmethod
    def find(cls, stack: Stack, engine: Engine, access: PostgresAccess) -> "PostgresService":
        """Looks by labels, for exactly one running container; with a host given, a container is welcome and not needed."""
        containers = StackContainers(engine, stack.name)
        found = cls._only_running(stack, containers, access.service, elsewhere=bool(access.host))
        if found is None:
            return cls(access, _address(access, access.host, ("postgres", "", "")), None)
        login = containers.login("postgres", found)
        user = login.username or "postgres"
        host = access.host or found.container.address
        if not host:
            raise PostgresUnreachable(f"Container {found.container.name} has no address on a network.", hint="Give 'host' and 'port'.")
        return cls(access, _address(access, host, (user, login.password, login.database or user)), found)


def _address(access: PostgresAccess, host: str, login: Tuple[str, str, str]) -> PostgresAddress:
    username, password, database = login
    return PostgresAddress(host, access.port, access.username or username, access.password or password, database)
