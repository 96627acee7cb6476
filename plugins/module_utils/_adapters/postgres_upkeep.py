# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintains one table or index at a time, each with one statement, and proves that it was done."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from .._core.errors import OperationError
from .._core.postgres_errors import PostgresLocked
from .._core.postgres_maintenance import ANALYZE, DROP_LEFTOVER, REINDEX, VACUUM, VACUUM_FULL, Item, NotMaintained
from .postgres_session import PostgresSession, quoted
from .postgres_tables import in_the_way, index_state, indexes, table_state

State = Optional[Mapping[str, Any]]
_STATEMENTS = {
    VACUUM: "VACUUM (ANALYZE) {}",
    ANALYZE: "ANALYZE {}",
    VACUUM_FULL: "VACUUM (FULL, ANALYZE) {}",
    REINDEX: "REINDEX INDEX CONCURRENTLY {}",
    DROP_LEFTOVER: "DROP INDEX CONCURRENTLY IF EXISTS {}",
}
# Up to Postgres 14 the server's statistics follow a moment later.
_PROOF_SECONDS, _POLL_SECONDS = 3.0, 0.2
_CLEANUP_SECONDS = 60.0
_CHECKS_ITS_CLIENT = 140000


class Upkeep:
    """Works in one session. Every statement ends at its deadline by the server's own clock, whatever becomes of us."""

    def __init__(self, session: PostgresSession, lock_timeout: float, parallel: Optional[int]) -> None:
        self._session = session
        self._lock_timeout = lock_timeout
        if parallel is not None:
            self._set("max_parallel_maintenance_workers", str(parallel))
        if session.version >= _CHECKS_ITS_CLIENT:
            self._set("client_connection_check_interval", "10s")

    @property
    def pid(self) -> int:
        return self._session.pid

    def do(self, item: Item, seconds: float) -> Dict[str, Any]:
        """The facts of the result; raises NotMaintained when the server did nothing."""
        before, began = self._state(item), time.monotonic()
        if before is None:
            return _facts(item, None, None, 0.0)  # dropped meanwhile by its owner
        del self._session.notices[:]
        if item.action in (REINDEX, DROP_LEFTOVER):
            self._await_transactions(item, before["table_oid"], seconds)
        try:
            self._run(item.action, item, seconds - (time.monotonic() - began))
        except OperationError:
            if item.action == REINDEX:
                self._drop_leftovers(item)
            raise
        took = time.monotonic() - began
        return _facts(item, before, self._proven(item, before), took)

    def _await_transactions(self, item: Item, table: int, seconds: float) -> None:
        """Waits for those that are open now: met half-way, they would make the statement fail and leave an invalid index."""
        until = time.monotonic() + min(seconds, self._lock_timeout)
        waited_for = in_the_way(self._session, table)
        while waited_for & in_the_way(self._session, table):
            if time.monotonic() >= until:
                raise PostgresLocked(f"{item.relation.full_name}: transactions stay open for more than {self._lock_timeout} s.")
            time.sleep(_POLL_SECONDS)

    def _run(self, action: str, item: Item, seconds: float) -> None:
        self._set("statement_timeout", str(max(1, round(seconds * 1000))))
        self._session.execute(_STATEMENTS[action].format(quoted(*item.relation.identity)))

    def _drop_leftovers(self, item: Item) -> None:
        """What an interrupted rebuild leaves is found and told at the end, should this not succeed."""
        table = getattr(item.relation, "table", "")
        with contextlib.suppress(OperationError):
            self._set("statement_timeout", str(round(_CLEANUP_SECONDS * 1000)))
            for index in indexes(self._session):
                if index.leftover and index.table == table and not index.busy:
                    self._run(DROP_LEFTOVER, Item(DROP_LEFTOVER, index), _CLEANUP_SECONDS)

    def _state(self, item: Item) -> State:
        look = index_state if item.action in (REINDEX, DROP_LEFTOVER) else table_state
        return look(self._session, item.relation.identity)

    def _proven(self, item: Item, before: Mapping[str, Any]) -> State:
        self._set("statement_timeout", str(round(_CLEANUP_SECONDS * 1000)))
        until = time.monotonic() + _PROOF_SECONDS
        while True:
            after = self._state(item)
            if _PROOFS[item.action](before, after):
                return after
            if time.monotonic() >= until:
                raise self._not_maintained(item)
            time.sleep(_POLL_SECONDS)

    def _not_maintained(self, item: Item) -> NotMaintained:
        notices: List[str] = [" ".join(notice.split()) for notice in self._session.notices]
        return NotMaintained(
            f"{item.relation.full_name}: the server accepted {item.action} and did not do it.",
            hint=f"It said: {' '.join(notices)}" if notices else "Look at the server's log.",
            name=item.relation.full_name,
            notices=notices,
        )

    def _set(self, name: str, value: str) -> None:
        self._session.value("SELECT set_config(%s, %s, false)", (name, value))


_PROOFS: Dict[str, Callable[[Mapping[str, Any], State], bool]] = {
    VACUUM: lambda before, after: after is not None and after["last_vacuum"] != before["last_vacuum"],
    ANALYZE: lambda before, after: after is not None and after["last_analyze"] != before["last_analyze"],
    VACUUM_FULL: lambda before, after: after is not None and after["file"] != before["file"],
    # It is another index with the old one's name.
    REINDEX: lambda before, after: after is not None and after["valid"] and after["oid"] != before["oid"],
    DROP_LEFTOVER: lambda before, after: after is None,
}


def _facts(item: Item, before: State, after: State, seconds: float) -> Dict[str, Any]:
    sizes = [state["size_bytes"] if state else 0 for state in (before, after)]
    return {
        "name": item.relation.full_name,
        "action": item.action if before else "gone",
        "size_before_bytes": sizes[0],
        "size_after_bytes": sizes[1],
        "reclaimed_bytes": sizes[0] - sizes[1],
        "dead_rows_before": (before or {}).get("dead_rows"),
        "dead_rows_after": (after or {}).get("dead_rows"),
        "duration_seconds": round(seconds, 3),
    }
