# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a stack's Postgres be recovered to a point in time: receives its log, takes base backups, recovers beside it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Protocol

from ..._core.errors import BadInput, OperationError
from ..._core.pitr_state import UNLIMITED, require_possible
from ..._core.plan import Plan, Step
from ..._core.wal_receiver import SLOT, ReceiverFailed, receiver_name
from ..pitr_context import PitrContext
from ..postgres_client import passfile
from .pitr_base_backup import PitrBaseBackup
from .pitr_recovery import PitrRecovery

_DROP_SECONDS = 20.0


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class Operation(Protocol):
    def plan(self) -> Plan: ...

    def apply(self, plan: Plan) -> Dict[str, Any]: ...


class PostgresPitr:
    """Each state is an operation of its own."""

    @staticmethod
    def from_params(params: Mapping[str, Any], host: Host) -> Operation:
        _require_sense(params)
        states: Dict[str, Callable[[PitrContext, Mapping[str, Any]], Operation]] = {
            "status": PitrStatus,
            "enabled": PitrEnabled,
            "disabled": PitrDisabled,
            "base_backup": PitrBaseBackup,
            "recovered": PitrRecovery,
        }
        return states[params["state"]](PitrContext(params), params)


def _require_sense(params: Mapping[str, Any]) -> None:
    least = {"max_slot_wal_keep_mb": UNLIMITED, "min_age": 0, "keep_bases": 1, "timeout": 1, "receive_timeout": 1}
    for name, lowest in least.items():
        if params[name] < lowest:
            raise BadInput(f"{name} must be at least {lowest}, but is {params[name]}.", **{name: params[name]})


class PitrStatus:
    """Only looks."""

    def __init__(self, context: PitrContext, params: Mapping[str, Any]) -> None:
        self._context = context

    def plan(self) -> Plan:
        return Plan({}, {}, facts=self._context.facts(self._context.look(without_server=True)))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}


class PitrEnabled:
    """Limit, slot and receiver, proven by a mark that arrives. What this run made and could not prove, it takes away again."""

    def __init__(self, context: PitrContext, params: Mapping[str, Any]) -> None:
        self._context = context
        self._limit: int = params["max_slot_wal_keep_mb"]
        self._seconds = float(params["receive_timeout"])

    def plan(self) -> Plan:
        observed = self._context.look()
        server = observed.present[0]
        require_possible(server, self._limit)
        self._changes = self._context.server.limit_changes(self._limit) if self._limit > 0 else []
        self._new_slot = server.slot is None or server.slot.lost
        self._fault = observed.fault or ("outdated" if self._new_slot else "")
        steps: List[Step] = [change.step for change in self._changes]
        if self._new_slot:
            steps.append(Step("create_slot", SLOT, "the old one is lost" if server.slot else ""))
        if self._fault:
            steps.append(Step("start_receiver", self._name, self._fault))
        before = {"receiver": observed.fault or "streaming", "slot": server.slot.wal_status if server.slot else "absent", "limit_mb": server.slot_limit_mb}
        after = {"receiver": "streaming", "slot": "reserved" if self._new_slot else before["slot"], "limit_mb": self._limit or before["limit_mb"]}
        return Plan(before, {**after, "limit_mb": before["limit_mb"] if not self._changes else self._limit}, tuple(steps), self._context.facts(observed))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context = self._context
        with context.working():
            if self._changes:
                context.server.set_limit(self._changes)
            try:
                self._start()
            except OperationError:
                if self._new_slot:
                    context.receiver.remove()
                    context.server.drop_slot(_DROP_SECONDS)
                raise
        context.target.note("pitr_enabled", receiver=self._name, fault=self._fault, new_slot=self._new_slot)
        return context.facts(context.look())

    @property
    def _name(self) -> str:
        return receiver_name(self._context.stack.name, self._context.service.access.service)

    def _start(self) -> None:
        context = self._context
        server = context.server.look()
        wanted, store = context.wanted(server), context.store(server)
        uid, gid = wanted.owner.split(":")
        store.prepare_wal((int(uid), int(gid)))
        if self._new_slot:
            context.receiver.remove()
            context.server.drop_slot(_DROP_SECONDS)
            if store.has_wal():
                store.retire_wal()
            context.server.create_slot()
        if self._fault:
            context.receiver.start(wanted, passfile(context.service.address.password))
        if context.server.await_received(context.server.mark(), self._seconds) is None:
            said = context.receiver.last_lines()
            raise ReceiverFailed(
                f"The log did not arrive within {self._seconds:g} s. The receiver said: {' | '.join(said[-3:]) or 'nothing'}",
                hint="pg_hba.conf needs a line for replication from 127.0.0.1 (those of initdb are enough), and the role the right password.",
                receiver=self._name,
                log=said,
            )


class PitrDisabled:
    """Takes receiver and slot away. What was received, base backups, and the limit stay."""

    def __init__(self, context: PitrContext, params: Mapping[str, Any]) -> None:
        self._context = context

    def plan(self) -> Plan:
        observed = self._context.look()
        slot = observed.present[0].slot
        name = receiver_name(self._context.stack.name, self._context.service.access.service)
        steps = ([Step("remove_receiver", name)] if observed.receiver else []) + ([Step("drop_slot", SLOT)] if slot else [])
        before = {"receiver": observed.fault or "streaming", "slot": slot.wal_status if slot else "absent"}
        return Plan(before, {"receiver": "absent", "slot": "absent"}, tuple(steps), self._context.facts(observed))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context = self._context
        with context.working():
            context.receiver.remove()
            context.server.drop_slot(_DROP_SECONDS)
        context.target.note("pitr_disabled")
        return context.facts(context.look())
