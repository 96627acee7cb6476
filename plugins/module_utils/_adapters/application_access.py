# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of an application, from its running container, for the stack's own Postgres."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from .._core.application_login import ApplicationLogin, LoginNotFound, application_login
from .._core.service_login import environment_of
from .engine import Engine
from .postgres_service import PostgresAccess
from .stack_containers import ServiceContainer, StackContainers


def login_of_service(engine: Engine, project: str, service: str) -> Tuple[ApplicationLogin, ServiceContainer]:
    """The first container of the service, running or not: what it was told does not change."""
    containers = StackContainers(engine, project)
    containers.refresh()
    found = containers.of(service)
    if not found:
        raise LoginNotFound(f"Stack {project} has no container of service {service}.", hint="Name the service of the application.", service=service)
    environment = environment_of((found[0].inspected.get("Config") or {}).get("Env") or ())
    return application_login(environment, found[0].container.name), found[0]


def access_as(access: PostgresAccess, login: ApplicationLogin) -> PostgresAccess:
    """The same server, logged in to as the application."""
    return replace(access, username=login.username, password=login.password)
