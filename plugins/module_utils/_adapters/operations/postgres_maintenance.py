# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vacuums, analyzes or rebuilds what needs it in one database, within a time."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional, Protocol

from ..._core.errors import BadInput, OperationError, TimedOut
from ..._core.plan import Plan
from ..._core.postgres_errors import PostgresFailed, PostgresLocked, PostgresReadOnly, PostgresTooSlow
from ..._core.postgres_maintenance import (
    REINDEX,
    VACUUM_FULL,
    Item,
    Request,
    Selection,
    Thresholds,
    check_request,
    indexes_of,
    invalid_error,
    require_space,
    select_indexes,
    select_tables,
)
from ..._core.postgres_relations import Index, Relation
from ..engine import Engine
from ..maintenance_progress import MaintenanceProgress
from ..postgres_session import PostgresSession, SessionLimits
from ..data_space import free_bytes
from ..postgres_tables import indexes, is_busy, tables
from ..postgres_target import PostgresTarget
from ..postgres_upkeep import Upkeep

_INDEX_MINIMUM_BYTES = 1024 * 1024


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class PostgresMaintenance:
    """One task on one database: as many tables or indexes as need it and as the time allows."""

    def __init__(self, params: Mapping[str, Any], request: Request, host: Host) -> None:
        self._host = host
        self._request = request
        self._seconds, self._lock_timeout = params["max_duration"], params["lock_timeout"]
        self._parallel: Optional[int] = params["parallel"]
        self._target = PostgresTarget.from_params(params)
        self._database = params["database"] or self._target.service.address.database
        self._confirm = params["confirm"]
        self._selection = Selection()
        self._maintained: List[Dict[str, Any]] = []
        self._left_out: List[Dict[str, str]] = []
        self._remaining: List[Dict[str, str]] = []
        self._causes: List[str] = []

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresMaintenance":
        for name in ("lock_timeout", "max_duration"):
            if params[name] < 1:
                raise BadInput(f"{name} must be at least 1, but is {params[name]}.", **{name: params[name]})
        for name in ("min_dead_ratio", "min_bloat_ratio"):
            if not 0 <= params[name] <= 1:
                raise BadInput(f"{name} is a part of the whole, from 0 to 1, but is {params[name]:g}.", **{name: params[name]})
        if params["parallel"] is not None and params["parallel"] < 0:
            raise BadInput(f"parallel must not be negative, but is {params['parallel']}.", parallel=params["parallel"])
        size = params["min_size_bytes"]
        if size is None:
            size = _INDEX_MINIMUM_BYTES if params["task"] == REINDEX else 0
        limits = Thresholds(params["min_dead_ratio"], params["min_dead_rows"], size, params["min_bloat_ratio"])
        return cls(params, Request(params["task"], tuple(params["tables"]), tuple(params["indexes"]), limits), host)

    def plan(self) -> Plan:
        check_request(self._request, self._confirm, self._database)
        with self._open() as session:
            if session.value("SELECT pg_is_in_recovery()"):
                raise PostgresReadOnly("This server is a replica; it gets the maintenance of its primary.", hint="Ask the primary.")
            self._selection = self._select(session)
            if self._request.writes_copy:
                for item in self._selection.items:
                    self._require_space(session, item.relation)
        plan = self._selection.to_plan()
        if not plan.changed:
            self._refuse_locked(plan.facts["left_out"], "Nothing else needs it.")
        return plan

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        self._left_out = list(plan.facts["left_out"])
        self._target.note("postgres_maintenance_begun", **self._named(items=[item.relation.full_name for item in self._selection.items]))
        try:
            self._work()
            return self._finish()
        except OperationError as error:
            error.details.update(maintained=self._maintained, remaining=self._remaining)
            raise
        finally:
            self._target.note("postgres_maintenance_ended", **self._named(maintained=self._maintained, remaining=self._remaining))

    def _select(self, session: PostgresSession) -> Selection:
        if self._request.task == REINDEX:
            return select_indexes(indexes(session), self._request)
        return select_tables(tables(session, self._request.task == VACUUM_FULL), self._request)

    def _work(self) -> None:
        items, until = self._selection.items, time.monotonic() + self._seconds
        watched = MaintenanceProgress(self._target, self._request.task, self._database, len(items))
        with watched, self._open() as session:
            upkeep = Upkeep(session, self._lock_timeout, self._parallel)
            for number, item in enumerate(items):
                if time.monotonic() >= until:
                    self._remaining += [_left(left, "not_begun") for left in items[number:]]
                    break
                watched.work_on(item.relation.full_name, upkeep.pid, number)
                if not self._maintain(session, upkeep, item, until):
                    self._remaining += [_left(item, "interrupted")] + [_left(left, "not_begun") for left in items[number + 1 :]]
                    break
        if watched.trouble:
            self._host.warn(f"The progress could not be followed: {watched.trouble}")

    def _maintain(self, session: PostgresSession, upkeep: Upkeep, item: Item, until: float) -> bool:
        """False when the time was up, or somebody cancelled the statement."""
        if is_busy(session, item.relation.oid):
            self._left_out.append(_left(item, "busy"))
            return True
        if self._request.writes_copy:
            self._require_space(session, item.relation)
        try:
            self._maintained.append(upkeep.do(item, max(0.001, until - time.monotonic())))
        except PostgresTooSlow:
            return False
        except PostgresLocked:
            self._left_out.append(_left(item, "locked"))
        except PostgresFailed as error:
            if not isinstance(item.relation, Index) or item.relation.valid:
                raise
            self._causes.append(str(error))  # the look at the end names the index
        return True

    def _finish(self) -> Dict[str, Any]:
        """Fails when less was done than was asked for and nothing but a failure would tell."""
        invalid = self._invalid_indexes() if self._request.task == REINDEX else []
        if invalid:
            error = invalid_error(invalid)
            error.hint = " ".join([*self._causes, error.hint])
            raise error
        self._refuse_locked(self._left_out, "All others were.")
        if self._remaining and not self._maintained:
            raise TimedOut(
                f"{self._remaining[0]['name']} was interrupted before it was done; {self._seconds} s were allowed.",
                hint="That does no harm. Give it more time (max_duration).",
                seconds=self._seconds,
            )
        if self._remaining:
            self._host.warn(f"Not everything was done within {self._seconds} s: {len(self._remaining)} are left (see remaining).")
        done = any(fact["action"] != "gone" for fact in self._maintained)
        return {"changed": done, "maintained": self._maintained, "left_out": self._left_out, "remaining": self._remaining}

    def _refuse_locked(self, left_out: List[Dict[str, str]], others: str) -> None:
        locked = [relation["name"] for relation in left_out if relation["why"] == "locked"]
        if locked:
            raise PostgresLocked(
                f"Not maintained, because somebody holds a lock or an open transaction that excludes it: {', '.join(locked)}. {others}",
                hint="Look at who holds it (playbooks/postgres/report.yml), and run this again.",
                locked=locked,
            )

    def _invalid_indexes(self) -> List[str]:
        """In what was asked for; an index that somebody builds right now is not counted."""
        with self._open() as session:
            there = indexes_of(indexes(session), self._request)
        left = {remaining["name"] for remaining in self._remaining}
        return [index.full_name for index in there if not index.valid and not index.busy and index.full_name not in left]

    def _require_space(self, session: PostgresSession, relation: Relation) -> None:
        directory = relation.space or session.value("SELECT current_setting('data_directory')")
        require_space(relation, free_bytes(self._target.service, Engine.connect(self._target.stack), directory))

    def _open(self) -> PostgresSession:
        return self._target.open("postgres_maintenance", self._database, SessionLimits(lock=self._lock_timeout))

    def _named(self, **facts: Any) -> Dict[str, Any]:
        return {"task": self._request.task, "database": self._database, **facts}


def _left(item: Item, why: str) -> Dict[str, str]:
    return {"name": item.relation.full_name, "why": why}
