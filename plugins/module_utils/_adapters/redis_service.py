# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container that runs a stack's Redis: which one it is, where it answers, how to log in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from .._core.redis_errors import RedisChanged, RedisNotInStack, RedisUnreachable
from .._core.service_login import ServiceLogin
from .._core.stack import Stack
from .engine import Engine
from .server_container import ServerContainer
from .stack_containers import ServiceContainer, StackContainers


@dataclass(frozen=True)
class RedisAddress:
    """An empty ``username`` is the default user."""

    host: str
    port: int
    username: str
    password: str


@dataclass(frozen=True)
class RedisAccess:
    """What the caller said about reaching the server (see the ``redis`` documentation fragment); empty means: find out."""

    service: str = "redis"
    host: str = ""
    port: int = 6379
    username: str = ""
    password: str = ""
    connect_timeout: int = 10

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RedisAccess":
        return cls(params["service"], params["host"], params["port"], params["username"], params["password"] or "", params["connect_timeout"])


class RedisService(ServerContainer):
    """The server as it was found."""

    server, not_in_stack, changed = "Redis", RedisNotInStack, RedisChanged

    def __init__(self, access: RedisAccess, address: RedisAddress, found: Optional[ServiceContainer]) -> None:
        super().__init__(address.host, found)
        self.access = access
        self.address = address

    @classmethod
    def find(cls, stack: Stack, engine: Engine, access: RedisAccess) -> "RedisService":
        """Looks by labels, for exactly one running container; with a host given, a container is welcome and not needed."""
        containers = StackContainers(engine, stack.name)
        found = cls._only_running(stack, containers, access.service, elsewhere=bool(access.host))
        if found is None:
            return cls(access, _address(access, access.host, ServiceLogin()), None)
        host = access.host or found.container.address
        if not host:
            raise RedisUnreachable(f"Container {found.container.name} has no address on a network.", hint="Give 'host' and 'port'.")
        return cls(access, _address(access, host, containers.login("redis", found)), found)

    @classmethod
    def in_any_state(cls, stack: Stack, engine: Engine, access: RedisAccess) -> "RedisService":
        """Of a service that may be stopped; its only container, whatever it does."""
        containers = StackContainers(engine, stack.name)
        containers.refresh()
        there = containers.of(access.service)
        found = [one for one in there if one.container.running] or there
        if len(found) != 1:
            names = ", ".join(f"{one.container.name} ({one.container.state})" for one in there) or "none"
            raise RedisNotInStack(
                f"Stack {stack.name} has not exactly one container of service {access.service}: {names}.",
                hint="Check stack_services.redis in the inventory.",
                service=access.service,
                containers=[one.container.name for one in there],
            )
        return cls(access, _address(access, access.host or found[0].container.address, containers.login("redis", found[0])), found[0])


def _address(access: RedisAccess, host: str, login: ServiceLogin) -> RedisAddress:
    return RedisAddress(host, access.port, access.username or login.username, access.password or login.password)
