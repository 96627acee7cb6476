# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a replica of the stack take the place of its primary."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Protocol

from ..._core.errors import BadInput, ConfirmationMissing, OperationError
from ..._core.plan import Plan
from ..._core.postgres_errors import PostgresNotInStack
from ..._core.postgres_failover import (
    Lag,
    Limits,
    Primary,
    Replica,
    check_lag,
    check_replica,
    plan_failover,
    recovery_of_the_old,
    stopped_end,
)
from ..._core.postgres_failover_errors import ReplicaBehind, ReplicaMissing
from ..._core.stack import Stack
from ..engine import Engine
from ..postgres_fence import PrimaryFence
from ..postgres_replication import await_received, look_at_replica, primary_facts, promote
from ..postgres_service import PostgresAccess, PostgresService
from ..postgres_session import PostgresSession, SessionLimits
from ..postgres_target import PostgresTarget
from ..stack_containers import StackContainers

_RECEIVE_SECONDS = 10
_LOOKS, _BETWEEN_LOOKS = 4, 0.5


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class PostgresFailover:
    """The old primary is stopped before the other one is promoted, and never started after that."""

    def __init__(self, params: Mapping[str, Any], host: Host) -> None:
        self._host = host
        self._stack = Stack.from_params(params)
        self._engine = Engine.connect(self._stack)
        self._service: str = params["service"]
        self._confirm: str = params["confirm"]
        self._timeout: int = params["timeout"]
        self._stop_timeout: int = params["stop_timeout"]
        self._limits = Limits(params["max_lag_bytes"], params["max_lag_seconds"], params["unknown_loss"])
        self._replica = self._find_replica(PostgresAccess.from_params(params), params["replica"])
        self._fence = self._find_fence()

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresFailover":
        if params["replica"] == params["service"]:
            raise BadInput("'replica' is the primary's own service.", replica=params["replica"])
        if params["host"]:
            raise BadInput(
                "A failover needs both servers as containers of the stack, and 'host' names another address.",
                hint="Leave 'host' away (stack_postgres.host).",
                host=params["host"],
            )
        wrong = [name for name in ("timeout", "stop_timeout") if params[name] < 1]
        wrong += [name for name in ("max_lag_bytes", "max_lag_seconds") if params[name] < 0]
        if wrong:
            raise BadInput(f"Too small a number: {', '.join(wrong)}.", options=wrong)
        return cls(params, host)

    def plan(self) -> Plan:
        with self._session() as session:
            for look in range(_LOOKS):
                try:
                    plan = plan_failover(self._look(), self._look_at_replica(session), self._limits)
                    break
                except ReplicaBehind:  # a moment's lag is none
                    if look == _LOOKS - 1:
                        raise
                    time.sleep(_BETWEEN_LOOKS)
        if plan.changed and self._confirm != self._stack.name:
            raise ConfirmationMissing(
                f"{self._service} of {self._stack.name} would be stopped for good, and {self._replica.service.access.service} take its place.",
                hint=f"If that is meant, give confirm: {self._stack.name}",
                would=[step.action for step in plan.steps],
                **plan.facts,
            )
        return plan

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        actions = [step.action for step in plan.steps]
        if "promote" not in actions:
            if self._fence is not None:
                self._fence.stop(self._stop_timeout)
            self._mark()
            return {"old_primary": self._old_primary()}
        with self._session() as session:
            facts = self._fail_over(session)
        self._replica.note("postgres_failover", replica=self._replica.service.access.service, **facts)
        return facts

    def _fail_over(self, session: PostgresSession) -> Dict[str, Any]:
        name = self._replica.service.access.service
        began = time.monotonic()
        lag = self._stop_and_judge(session)
        timeline = promote(session, name, self._timeout)
        unavailable = round((time.monotonic() - began) * 1000)
        self._mark()
        old = self._old_primary()
        old["recovery"] = recovery_of_the_old(self._service, name, lag.missing)
        return {
            "promoted": True,
            "primary": name,
            "lag_bytes": lag.bytes,
            "lag_seconds": lag.seconds,
            "lost_bytes": lag.missing,
            "unavailable_ms": unavailable,
            "timeline_after": timeline,
            "old_primary": old,
        }

    def _stop_and_judge(self, session: PostgresSession) -> Lag:
        """From here on nobody writes. What the gate said is asked again of what stands still; if it no longer holds, the primary comes back."""
        try:
            if self._fence is not None:
                self._fence.stop(self._stop_timeout)
            primary = self._look()
            if primary.end is not None:
                await_received(session, primary.end, _RECEIVE_SECONDS)
            replica = self._look_at_replica(session)
            check_replica(primary, replica)
            return check_lag(primary, replica, self._limits)
        except OperationError as error:
            self._give_back(error)
            raise

    def _give_back(self, error: OperationError) -> None:
        if self._fence is None:
            return
        try:
            self._fence.give_back(self._timeout)
            error.hint = f"{error.hint} Nothing was promoted, and {self._service} is as it was before.".strip()
        except OperationError as second:
            error.hint = f"{error.hint} Nothing was promoted, AND {self._service} did not come back: {second} Start it (playbooks/service/state.yml).".strip()

    def _mark(self) -> None:
        """A failure here must not make a proven promotion look failed; the next run tries again."""
        if self._fence is None:
            return
        try:
            self._fence.mark()
        except OperationError as error:
            self._host.warn(f"{self._service} is stopped, but would accept writes if somebody started it: {error}")

    def _old_primary(self) -> Dict[str, Any]:
        primary = self._look()
        return {"service": primary.service, "state": primary.container_state, "fenced": primary.fenced}

    def _look(self) -> Primary:
        """The primary as it is now: by itself if it runs, by its files if not."""
        if self._fence is None:
            return Primary(self._service, "absent")
        primary = Primary(self._service, self._fence.state(), self._fence.restart_policy(), self._fence.marked())
        if not primary.stopped:
            return replace(primary, **self._ask_primary())
        control = self._fence.control()
        return replace(primary, system_identifier=control.get("Database system identifier", ""), end=stopped_end(control))

    def _ask_primary(self) -> Dict[str, Any]:
        """Empty when it does not answer: what that means is decided elsewhere."""
        with contextlib.suppress(OperationError):
            access = replace(self._replica.service.access, service=self._service)
            target = PostgresTarget(self._stack, PostgresService.find(self._stack, self._engine, access))
            with target.open("failover") as session:
                return primary_facts(session)
        return {}

    def _session(self) -> PostgresSession:
        return self._replica.open("failover", limits=SessionLimits(statement=self._timeout + 30.0))

    def _look_at_replica(self, session: PostgresSession) -> Replica:
        service = self._replica.service
        return look_at_replica(session, service.access.service, tuple(address for network, address in service.container.addresses))

    def _find_replica(self, access: PostgresAccess, name: str) -> PostgresTarget:
        """With the primary's login where the replica's container has none: its roles are the same."""
        login = self._login_of_primary()
        access = replace(
            access,
            service=name,
            username=access.username or login.get("username", ""),
            password=access.password or login.get("password", ""),
        )
        try:
            return PostgresTarget(self._stack, PostgresService.find(self._stack, self._engine, access))
        except PostgresNotInStack as error:
            raise ReplicaMissing(
                f"A failover of {self._service} is not available: {error}",
                hint=f"Without a running replica, restore a backup (playbooks/restore/postgres.yml). Nothing was done to {self._service}.",
                **error.details,
            ) from error

    def _login_of_primary(self) -> Dict[str, str]:
        containers = StackContainers(self._engine, self._stack.name)
        containers.refresh()
        found = containers.of(self._service)
        if not found:
            return {}
        login = containers.login("postgres", found[0])
        return {"username": login.username, "password": login.password}

    def _find_fence(self) -> Optional[PrimaryFence]:
        containers = StackContainers(self._engine, self._stack.name)
        containers.refresh()
        found: List[Any] = containers.of(self._service)
        if len(found) > 1:
            raise BadInput(f"Service {self._service} has {len(found)} containers, and a primary is one.", service=self._service)
        return PrimaryFence(self._engine, self._stack.name, found[0]) if found else None
