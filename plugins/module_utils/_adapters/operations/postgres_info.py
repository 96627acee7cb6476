# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a stack's Postgres server and says what is wrong with it."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, facts_only
from ..._core.postgres_change import change_between
from ..._core.postgres_errors import PostgresFailed, PostgresForbidden, PostgresLocked, PostgresTooSlow
from ..._core.postgres_problems import find_problems, section_failed
from ..._core.postgres_report_text import report_text
from ..._core.postgres_thresholds import parse_thresholds
from ..._core.problem import CRITICAL, Problem, is_healthy, worst_first
from ..._core.stack import Stack
from ..clock import utc_now
from ..engine import Engine
from ..postgres_reports import bloat, counters, integrity, relations, replication, server, sessions, statements
from ..postgres_reports.reader import Reader
from ..postgres_service import PostgresAccess, PostgresService
from ..postgres_session import PostgresSession, SessionLimits

_LOCK_SECONDS = 2.0  # a report waits for nobody
_MOST_ROWS, _LONGEST_INTERVAL, _LONGEST = 10_000, 300, 86_400
# What keeps one section from being read, and not the others.
_OF_ONE_SECTION = (PostgresForbidden, PostgresLocked, PostgresTooSlow, PostgresFailed)


class PostgresUnhealthy(OperationError):
    """The report has critical problems."""

    reason = "postgres_unhealthy"


class PostgresInfo:
    def __init__(self, service: PostgresService, params: Mapping[str, Any]) -> None:
        self._service = service
        self._params = params
        self._limits = parse_thresholds(params["thresholds"])
        self._database = params["database"] or service.address.database or service.access.maintenance_database

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "PostgresInfo":
        _require_sense(params)
        stack = Stack.from_params(params)
        return cls(PostgresService.find(stack, Engine.connect(stack), PostgresAccess.from_params(params)), params)

    def plan(self) -> Plan:
        limits = SessionLimits(self._params["statement_timeout"], _LOCK_SECONDS, self._service.access.connect_timeout)
        with PostgresSession.open(self._service.address, self._database, "postgres_info", limits) as session:
            reader = Reader(session, self._params["limit"])
            failed: List[Problem] = []
            sections = self._read(reader, failed)
        problems = worst_first([*failed, *find_problems(sections, self._limits)])
        told = [problem.to_dict() for problem in problems]
        if self._params["on_problem"] == "fail":
            self._refuse(problems)
        return facts_only(
            {
                "at": utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "database": self._database,
                "healthy": is_healthy(problems),
                "complete": not failed,
                "problems": told,
                **sections,
                "table": report_text(sections, told),
            }
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _read(self, reader: Reader, failed: List[Problem]) -> Dict[str, Any]:
        """Every section that was asked for; one that could not be read is None. The interval lies around all of the others."""
        interval = self._params["interval"]
        first = counters.counters(reader) if interval else None
        until = time.monotonic() + interval
        sections: Dict[str, Any] = {}
        for name, read in self._readers(reader).items():
            if name in self._params["sections"]:
                sections[name] = _section(name, read, failed)
        if first:
            time.sleep(max(0.0, until - time.monotonic()))
            sections["change"] = change_between(first, counters.counters(reader), reader.limit)
        return sections

    def _readers(self, reader: Reader) -> Dict[str, Callable[[], Any]]:
        params, limits = self._params, self._limits
        indexes = relations.Indexes(reader, limits["unused_index_bytes"])
        return {
            "server": lambda: server.server(reader),
            "connections": lambda: sessions.connections(reader),
            "activity": lambda: sessions.activity(reader),
            "locks": lambda: sessions.locks(reader),
            "progress": lambda: replication.progress(reader),
            "databases": lambda: server.databases(reader),
            "tables": lambda: relations.tables(reader),
            "indexes": indexes.largest,
            "unused_indexes": lambda: indexes.unused(limits["statistics_days"]),
            "bloat": lambda: bloat.bloat(reader, params["bloat_method"] == "measure"),
            "statements": lambda: statements.statements(reader, params["statements_by"]),
            "settings": lambda: server.settings(reader),
            "replication": lambda: replication.replication(reader),
            "integrity": lambda: integrity.integrity(reader, params["counts"]),
        }

    def _refuse(self, problems: Sequence[Problem]) -> None:
        critical = [problem for problem in problems if problem.severity == CRITICAL]
        if critical:
            raise PostgresUnhealthy(
                f"Postgres ({self._database}) is not as it should be: {' '.join(problem.message for problem in critical)}",
                hint=critical[0].hint,
                problems=[problem.to_dict() for problem in critical],
            )


def _section(name: str, read: Callable[[], Any], failed: List[Problem]) -> Any:
    try:
        return read()
    except _OF_ONE_SECTION as error:
        failed.append(section_failed(name, error.reason, str(error)))
        return None


def _require_sense(params: Mapping[str, Any]) -> None:
    parse_thresholds(params["thresholds"])
    if not 1 <= params["limit"] <= _MOST_ROWS:
        raise BadInput(f"limit must be 1 to {_MOST_ROWS}.", limit=params["limit"])
    if not 0 <= params["interval"] <= _LONGEST_INTERVAL:
        raise BadInput(f"interval must be 0 to {_LONGEST_INTERVAL} seconds.", interval=str(params["interval"]))
    if not 0.001 <= params["statement_timeout"] <= _LONGEST:
        raise BadInput(f"statement_timeout must be 0.001 to {_LONGEST} seconds.", statement_timeout=str(params["statement_timeout"]))
    if params["counts"] and "integrity" not in params["sections"]:
        raise BadInput("counts needs the section integrity.", hint="Add it to sections.")
