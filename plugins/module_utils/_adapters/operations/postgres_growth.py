# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds a look at the sizes of a database to its history on the target, and tells how fast it grows."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..._core.backup_manifest import directory_name
from ..._core.errors import BadInput, StateUnwritable
from ..._core.plan import Plan, Step
from ..._core.postgres_errors import PostgresNotInStack
from ..._core.postgres_growth import Look, growth_of, is_due, kept_looks, looks_until, parse_history
from ..._core.stack import Stack
from ..clock import utc_now
from ..engine import Engine
from ..files import locked, write_atomically
from ..postgres_reports import relations, sessions
from ..postgres_reports.reader import Reader
from ..postgres_service import PostgresAccess, PostgresService
from ..postgres_session import PostgresSession, SessionLimits
from ..data_space import FreeSpaceUnknown, free_bytes

_LOCK_SECONDS = 2.0
# Where the data are is told to those who may read all settings only.
_SIZE = """
SELECT pg_database_size(current_database()) AS size, (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory') AS directory
"""
_RANGES = {"limit": (1, 1000), "min_interval": (0, 86_400 * 365), "keep_days": (1, 3650), "statement_timeout": (0.001, 86_400)}


class PostgresGrowth:
    def __init__(self, stack: Stack, engine: Engine, service: PostgresService, params: Mapping[str, Any]) -> None:
        self._stack = stack
        self._engine = engine
        self._service = service
        self._params = params
        self._database = params["database"] or service.address.database or service.access.maintenance_database
        self._path = stack.in_state("history", f"postgres-{directory_name(self._database)}.ndjson")
        self._taken: Optional[Look] = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "PostgresGrowth":
        for name, (least, most) in _RANGES.items():
            if not least <= params[name] <= most:
                raise BadInput(f"{name} must be {least} to {most}.", **{name: str(params[name])})
        stack = Stack.from_params(params)
        engine = Engine.connect(stack)
        return cls(stack, engine, PostgresService.find(stack, engine, PostgresAccess.from_params(params)), params)

    def plan(self) -> Plan:
        """The look is taken here: what it says is told in check mode as well, and only not kept."""
        look = self._look()
        with self._keeping():
            looks, unreadable = self._read()
        due = is_due(looks, look.at, self._params["min_interval"])
        self._taken = look if due else None
        steps = (Step("record", self._path, look.to_dict()["at"]),) if due else ()
        return Plan({"looks": len(looks)}, {"looks": len(looks) + len(steps)}, steps, self._facts(looks, look, unreadable))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        look = self._taken
        if look is None:
            return {}
        with self._keeping(), locked(self._stack.in_state("history", ".lock")):
            looks, unreadable = self._read()
            kept = kept_looks([*looks, look], look.at, self._params["keep_days"])
            write_atomically(self._path, "".join(f"{one.to_line()}\n" for one in kept).encode())
        return self._facts(looks, look, unreadable)

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateUnwritable(
                f"The history of {self._database} cannot be read or written: {error.strerror} ({error.filename}).",
                hint="Check state_dir, and that the task runs as the right user (become).",
                path=str(error.filename),
            ) from error

    def _read(self) -> Tuple[List[Look], int]:
        """Whatever is in the file: what is no look is counted."""
        if not os.path.exists(self._path):
            return [], 0
        with open(self._path, encoding="utf-8", errors="replace") as handle:
            return parse_history(handle.read())

    def _facts(self, looks: List[Look], look: Look, unreadable: int) -> Dict[str, Any]:
        kept = looks_until(looks, look, self._params["keep_days"])
        return {
            "database": self._database,
            "history_path": self._path,
            "unreadable": unreadable,
            "look": look.to_dict(),
            "history": [{name: value for name, value in one.to_dict().items() if name != "tables"} for one in kept],
            "growth": growth_of(kept, self._params["limit"]),
        }

    def _look(self) -> Look:
        limits = SessionLimits(self._params["statement_timeout"], _LOCK_SECONDS, self._service.access.connect_timeout)
        with PostgresSession.open(self._service.address, self._database, "postgres_growth", limits) as session:
            reader = Reader(session, self._params["limit"])
            asked = reader.row(_SIZE)
            used = sessions.connections(reader)["used"]
            found = relations.tables(reader)["tables"]
        tables = {f"{table['schema']}.{table['name']}": table["total_bytes"] for table in found if table["total_bytes"] is not None}
        return Look(utc_now().replace(microsecond=0), asked["size"], self._free(asked["directory"]), used, tables)

    def _free(self, directory: Optional[str]) -> Optional[int]:
        """None for a server that is no container of this host, and where its disk may not be looked at."""
        try:
            return free_bytes(self._service, self._engine, directory) if directory else None
        except (FreeSpaceUnknown, PostgresNotInStack):
            return None
