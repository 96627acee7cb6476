# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks, step by step, at how an application reaches its Redis, and says which step does not work."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Dict, Iterable, Mapping, Optional, Protocol, Tuple

from ..._core import redis_sections
from ..._core.access_check import Attempt
from ..._core.application_login import REDIS, ApplicationLogin
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, facts_only
from ..._core.redis_access import Seen, diagnosed
from ..._core.redis_errors import RedisNotInStack
from ..._core.stack import Stack
from ..application_access import login_of_service, resolves
from ..engine import Engine
from ..redis_reports import state
from ..redis_reports.asking import Asking
from ..redis_service import RedisAccess, RedisService
from ..redis_session import RedisLimits, RedisSession
from ..stack_containers import ServiceContainer

_FEW = 20


class Host(Protocol):
    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class RedisAccessInfo:
    def __init__(self, stack: Stack, access: RedisAccess, params: Mapping[str, Any], host: Host) -> None:
        self._engine = Engine.connect(stack)
        self._stack = stack
        self._access = access
        self._application = params["application"]
        self._used_percent = params["used_percent"]
        self._host = host

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "RedisAccessInfo":
        if not 0 < params["used_percent"] <= 100:
            raise BadInput("used_percent must be more than 0 and at most 100.")
        return cls(Stack.from_params(params), RedisAccess.from_params(params), params, host)

    def plan(self) -> Plan:
        seen, login = self._seen()
        attempt = seen.application
        about = {
            "memory": dict(seen.memory or {}),
            "application": {
                "service": self._application,
                "host": seen.name,
                "username": login.username if login else "",
                "resolves": seen.resolves,
                "reason": attempt.reason if attempt else "",
                "connect_seconds": attempt.seconds if attempt else None,
            },
        }
        return facts_only({**diagnosed(seen, self._used_percent), **about})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _seen(self) -> Tuple[Seen, Optional[ApplicationLogin]]:
        service, container = self._service()
        login, asking, attempt = self._login()
        seen = Seen(container=container, name=login.host if login else "", application=attempt)
        if login and asking:
            seen = dataclasses.replace(seen, resolves=resolves(self._engine, self._stack.name, asking, login.host))
        if service:
            seen = self._with_state(seen, service)
            seen = dataclasses.replace(seen, application=self._as_application(service, login)) if login else seen
        return seen, login

    def _service(self) -> Tuple[Optional[RedisService], str]:
        """The server, or why there is none."""
        try:
            return RedisService.find(self._stack, self._engine, self._access), ""
        except RedisNotInStack as error:
            return None, str(error)

    def _login(self) -> Tuple[Optional[ApplicationLogin], Optional[ServiceContainer], Optional[Attempt]]:
        if not self._application:
            return None, None, None
        try:
            login, container = login_of_service(self._engine, self._stack.name, self._application, REDIS)
        except OperationError as error:
            return None, None, Attempt(error.reason, str(error))
        self._host.hide({login.password} if login.password else ())
        return login, container, None

    def _with_state(self, seen: Seen, service: RedisService) -> Seen:
        """With the own login. What it may not ask stays unknown."""
        try:
            with RedisSession.open(service.address, 0, self._limits()) as session:
                asking, info = Asking(session), session.info("all")
                stops = asking.settings("persistence", "stop-writes-on-bgsave-error").get("stop-writes-on-bgsave-error", "yes")
                return dataclasses.replace(
                    seen,
                    server=redis_sections.server(info),
                    memory=state.memory(asking, info, service),
                    clients=state.clients(asking, info, _FEW),
                    persistence=state.persistence(asking, info, service),
                    stops_writes=stops == "yes",
                )
        except OperationError as error:
            return dataclasses.replace(seen, own=Attempt(error.reason, str(error)))

    def _as_application(self, service: RedisService, login: ApplicationLogin) -> Attempt:
        began = time.monotonic()
        address = dataclasses.replace(service.address, username=login.username, password=login.password)
        try:
            with RedisSession.open(address, 0, self._limits()) as session:
                session.command("PING")
        except OperationError as error:
            return Attempt(error.reason, str(error))
        return Attempt(seconds=round(time.monotonic() - began, 4))

    def _limits(self) -> RedisLimits:
        return RedisLimits(self._access.connect_timeout, self._access.connect_timeout)
