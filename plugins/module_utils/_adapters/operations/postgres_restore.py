# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a database of a stack's Postgres, undoes that, and looks after what restores leave."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Protocol, Union

from ..._core.errors import OperationError
from ..._core.plan import Plan
from ..._core.restore_request import RestoreRequest
from ..._core.stack import Stack
from ..backup_maker import now_naive
from ..engine import Engine
from ..helper_container import remove_dead_helpers
from ..journal import journal
from ..postgres_client import PostgresClient
from ..postgres_dump import Server
from ..postgres_service import PostgresAccess, PostgresService
from ..recorded_run import UNTOUCHED
from ..restore_present import RestorePresent
from ..restore_records import RestoreRecords
from ..restore_recovery import RestorePlace
from ..restore_upkeep import RestoreExchanged, RestoreExpired, RestoreRecovered

_EMPTY: Dict[str, Any] = {
    "restore_id": None,
    "source": None,
    "masked": 0,
    "masking_checks": 0,
    "unavailable_ms": 0,
    "undo_database": None,
    "undo_expires": None,
    "kept_database": None,
    "safety_backup": None,
    "roles_created": [],
    "services_restarted": [],
    "warnings_of_restore": [],
    "recovered": [],
    "dropped": [],
}


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class PostgresRestore:
    """What is asked for, of one server."""

    def __init__(self, stack: Stack, access: PostgresAccess, request: RestoreRequest, host: Host) -> None:
        self._stack = stack
        self._access = access
        self._request = request
        self._host = host
        self._work: Union[RestorePresent, RestoreExchanged, RestoreRecovered, RestoreExpired]

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresRestore":
        return cls(Stack.from_params(params), PostgresAccess.from_params(params), RestoreRequest.from_params(params), host)

    def plan(self) -> Plan:
        engine = Engine.connect(self._stack)
        service = PostgresService.find(self._stack, engine, self._access)
        server = Server(engine, service, PostgresClient(self._stack, engine, service))
        server.patient_maintenance("restore").close()
        self._engine = engine
        self._place = RestorePlace(self._stack, server, RestoreRecords(self._stack, self._access.service), self._host.warn)
        kinds = {"present": RestorePresent, "undone": RestoreExchanged, "redone": RestoreExchanged, "recovered": RestoreRecovered}
        self._work = kinds.get(self._request.state, RestoreExpired)(self._place, self._request)
        return self._work.plan()

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return dict(_EMPTY)
        remove_dead_helpers(self._engine, self._stack.name)
        state, database = self._request.state, self._request.database
        try:
            result = {**_EMPTY, **self._work.apply()}
        except OperationError as error:
            if state in ("present", "undone", "redone"):
                error.details.setdefault("safe_state", UNTOUCHED)  # what was begun says itself how it ended
            facts = {"reason": error.reason, "safe_state": error.details.get("safe_state")}
            journal(self._stack, now_naive(), "restore_failed", service=self._access.service, state=state, database=database, **facts)
            raise
        facts = {name: result[name] for name in ("restore_id", "source", "masked", "unavailable_ms", "recovered", "dropped") if result[name]}
        journal(self._stack, now_naive(), f"restore_{state}", service=self._access.service, database=database, **facts)
        return result
