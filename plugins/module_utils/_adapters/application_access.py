# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of an application, from its running container, for a server of the stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Tuple

from .._core.application_login import POSTGRES, ApplicationLogin, LoginNotFound, Server, application_login
from .._core.errors import EngineFailed
from .._core.service_login import environment_of
from .engine import Engine
from .postgres_service import PostgresAccess
from .stack_containers import ServiceContainer, StackContainers
from .tcp_client import Deadline

_RESOLVE_SECONDS = 10.0
_FOUND, _NOT_FOUND = 0, 2  # of getent


def login_of_service(engine: Engine, project: str, service: str, server: Server = POSTGRES) -> Tuple[ApplicationLogin, ServiceContainer]:
    """The first container of the service, running or not: what it was told does not change."""
    containers = StackContainers(engine, project)
    containers.refresh()
    found = containers.of(service)
    if not found:
        raise LoginNotFound(f"Stack {project} has no container of service {service}.", hint="Name the service of the application.", service=service)
    environment = environment_of((found[0].inspected.get("Config") or {}).get("Env") or ())
    return application_login(environment, found[0].container.name, server), found[0]


def resolves(engine: Engine, project: str, asking: ServiceContainer, name: str) -> Optional[bool]:
    """Whether a container finds a name; None where that cannot be asked."""
    if not asking.container.running:
        return None
    try:
        code = StackContainers(engine, project).resolve_within(asking, name, Deadline(_RESOLVE_SECONDS))
    except (EngineFailed, OSError):
        return None
    return code == _FOUND if code in (_FOUND, _NOT_FOUND) else None


def access_as(access: PostgresAccess, login: ApplicationLogin) -> PostgresAccess:
    """The same server, logged in to as the application."""
    return replace(access, username=login.username, password=login.password)
