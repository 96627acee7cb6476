# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores the data of a stack's Redis, undoes that, and looks after what restores leave."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Protocol, Union

from ..._core.errors import OperationError
from ..._core.plan import Plan
from ..._core.rdb_content import SUBJECT
from ..._core.redis_restore_record import RedisRestoreRecord, parse_redis_record
from ..._core.redis_restore_request import RedisRestoreRequest
from ..._core.stack import Stack
from ..backup_files import now_naive
from ..engine import Engine
from ..helper_container import remove_dead_helpers
from ..journal import journal
from ..recorded_run import UNTOUCHED
from ..redis_control import RedisControl
from ..redis_restore_present import RedisRestorePresent
from ..redis_restore_recovery import RedisPlace
from ..redis_restore_upkeep import RedisExpired, RedisRecovered, RedisUndone
from ..redis_service import RedisAccess
from ..restore_records import RestoreRecords

_EMPTY: Dict[str, Any] = {
    "restore_id": None,
    "source": None,
    "keys_restored": 0,
    "keys_carried": 0,
    "databases": {},
    "groups": [],
    "not_compared": "",
    "unavailable_ms": 0,
    "restart_proven": False,
    "undo_directory": None,
    "undo_expires": None,
    "kept_directory": None,
    "safety_backup": None,
    "services_restarted": [],
    "warnings_of_restore": [],
    "recovered": [],
    "dropped": [],
}


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class RedisRestore:
    """What is asked for, of one server."""

    def __init__(self, stack: Stack, access: RedisAccess, request: RedisRestoreRequest, host: Host) -> None:
        self._stack = stack
        self._access = access
        self._request = request
        self._host = host
        self._work: Union[RedisRestorePresent, RedisUndone, RedisRecovered, RedisExpired]

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "RedisRestore":
        return cls(Stack.from_params(params), RedisAccess.from_params(params), RedisRestoreRequest.from_params(params), host)

    def plan(self) -> Plan:
        request = self._request
        self._engine = Engine.connect(self._stack)
        control = RedisControl(self._stack, self._engine, self._access, request.told, request.stop_timeout, request.timeout)
        records: RestoreRecords[RedisRestoreRecord] = RestoreRecords(self._stack, self._access.service, "redis", parse_redis_record)
        place = RedisPlace(self._stack, control, records, request.backup_dir, self._host.warn)
        kinds = {"present": RedisRestorePresent, "undone": RedisUndone, "recovered": RedisRecovered}
        self._work = kinds.get(request.state, RedisExpired)(place, request)
        return self._work.plan()

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return dict(_EMPTY)
        remove_dead_helpers(self._engine, self._stack.name)
        state = self._request.state
        try:
            result = {**_EMPTY, **self._work.apply()}
        except OperationError as error:
            if state in ("present", "undone"):
                error.details.setdefault("safe_state", UNTOUCHED)  # what was begun says itself how it ended
            facts = {"reason": error.reason, "safe_state": error.details.get("safe_state")}
            journal(self._stack, now_naive(), "restore_failed", service=self._access.service, state=state, database=SUBJECT, **facts)
            raise
        facts = {name: result[name] for name in ("restore_id", "source", "unavailable_ms", "recovered", "dropped") if result[name]}
        journal(self._stack, now_naive(), f"restore_{state}", service=self._access.service, database=SUBJECT, **facts)
        return result
