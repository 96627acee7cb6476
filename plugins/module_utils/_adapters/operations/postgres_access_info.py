# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks, step by step, at how an application reaches its Postgres, and says which step does not work."""

from __future__ import annotations

import time
from typing import Any, Dict, Iterable, Mapping, Optional, Protocol, Tuple

from ..._core.access_check import Attempt
from ..._core.application_login import ApplicationLogin
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, facts_only
from ..._core.postgres_access import Bounds, Seen, diagnosed
from ..._core.postgres_errors import PostgresNotInStack
from ..._core.stack import Stack
from ..application_access import access_as, login_of_service, resolves
from ..engine import Engine
from ..engine_containers import environment
from ..postgres_ping import PostgresAddress
from ..postgres_reports import sessions
from ..postgres_reports.reader import Reader
from ..postgres_service import PostgresAccess, PostgresService
from ..postgres_session import PostgresSession, SessionLimits
from ..data_space import FreeSpaceUnknown, free_bytes
from ..stack_containers import ServiceContainer, StackContainers

_SECONDS = 10.0
_USUAL_DATA = "/var/lib/postgresql/data"


class Host(Protocol):
    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class PostgresAccessInfo:
    def __init__(self, stack: Stack, access: PostgresAccess, params: Mapping[str, Any], host: Host) -> None:
        self._engine = Engine.connect(stack)
        self._stack = stack
        self._access = access
        self._application = params["application"]
        self._planned = params["replicas"]
        self._pool_setting = params["pool_setting"]
        self._bounds = Bounds(params["disk_free_min_mb"] * 2**20, params["used_percent"])
        self._host = host

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresAccessInfo":
        if params["replicas"] < 0:
            raise BadInput("replicas must be 0 or more.", replicas=params["replicas"])
        if params["disk_free_min_mb"] < 0 or not 0 < params["used_percent"] <= 100:
            raise BadInput("disk_free_min_mb must be 0 or more, and used_percent more than 0 and at most 100.")
        return cls(Stack.from_params(params), PostgresAccess.from_params(params), params, host)

    def plan(self) -> Plan:
        seen, about = self._seen()
        return facts_only({**diagnosed(seen, self._bounds), **about})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _seen(self) -> Tuple[Seen, Dict[str, Any]]:
        service, container = self._service()
        login, asking, told = self._login()
        connections: Optional[Dict[str, Any]] = None
        own, directory, attempt = Attempt(), _USUAL_DATA, None
        if service:
            own, connections, directory = self._look(service)
            attempt = self._as_application(login) if login else told
        seen = Seen(
            container,
            self._free(service or self._stopped(), directory),
            login.host if login else "",
            resolves(self._engine, self._stack.name, asking, login.host) if login and asking else None,
            attempt,
            own,
            connections,
            self._planned or self._replicas(),
        )
        return seen, {
            "connections": dict(connections or {}),
            "disk_free_bytes": seen.disk_free_bytes,
            "application": {
                "service": self._application,
                "host": seen.name,
                "username": login.username if login else "",
                "database": login.database if login else "",
                "resolves": seen.resolves,
                "reason": attempt.reason if attempt else "",
                "connect_seconds": attempt.seconds if attempt else None,
                "pool_size": self._pool_size(asking),
            },
        }

    def _service(self) -> Tuple[Optional[PostgresService], str]:
        """The server, or why there is none."""
        try:
            return PostgresService.find(self._stack, self._engine, self._access), ""
        except PostgresNotInStack as error:
            return None, str(error)

    def _login(self) -> Tuple[Optional[ApplicationLogin], Optional[ServiceContainer], Optional[Attempt]]:
        if not self._application:
            return None, None, None
        try:
            login, container = login_of_service(self._engine, self._stack.name, self._application)
        except OperationError as error:
            return None, None, Attempt(error.reason, str(error))
        self._host.hide({login.password} if login.password else ())
        return login, container, None

    def _look(self, service: PostgresService) -> Tuple[Attempt, Optional[Dict[str, Any]], str]:
        """With the own login, which may be a superuser's: its slots are left when all others are taken."""
        database = self._access.maintenance_database
        try:
            with PostgresSession.open(service.address, database, "postgres_access_info", self._limits()) as session:
                reader = Reader(session, 20)
                directory = reader.row("SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory') AS directory")["directory"]
                return Attempt(), sessions.connections(reader), directory or _USUAL_DATA
        except OperationError as error:
            return Attempt(error.reason, str(error)), None, _USUAL_DATA

    def _as_application(self, login: ApplicationLogin) -> Attempt:
        began = time.monotonic()
        try:
            service = PostgresService.find(self._stack, self._engine, access_as(self._access, login))
            with PostgresSession.open(service.address, login.database, "postgres_access_info", self._limits()) as session:
                session.value("SELECT 1")
        except OperationError as error:
            return Attempt(error.reason, str(error))
        return Attempt(seconds=round(time.monotonic() - began, 4))

    def _stopped(self) -> Optional[PostgresService]:
        """A container that does not run still tells where its data are."""
        containers = StackContainers(self._engine, self._stack.name)
        containers.refresh()
        found = containers.of(self._access.service)
        return PostgresService(self._access, PostgresAddress("", 0, "", "", ""), found[0]) if found else None

    def _free(self, service: Optional[PostgresService], directory: str) -> Optional[int]:
        try:
            return free_bytes(service, self._engine, directory) if service else None
        except (FreeSpaceUnknown, PostgresNotInStack):
            return None

    def _pool_size(self, asking: Optional[ServiceContainer]) -> Optional[int]:
        if not asking or not self._pool_setting:
            return None
        value = environment(self._engine, asking.container.id).get(self._pool_setting, "")
        return int(value) if value.isdecimal() else None

    def _replicas(self) -> int:
        containers = StackContainers(self._engine, self._stack.name)
        containers.refresh()
        return len([found for found in containers.of(self._application) if found.container.running])

    def _limits(self) -> SessionLimits:
        return SessionLimits(_SECONDS, 2.0, self._access.connect_timeout)
