# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions of a report to a server: read-only, marked as ours, and never waiting long for a lock."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional

from ..._core.postgres_errors import PostgresLocked
from ..postgres_session import PostgresSession

# By this the statements of reports are told from those of the application, in pg_stat_statements too.
MARK = "/* runbook.compose */ "
_ATTEMPTS = 3
# Compiling (jit) a report takes longer than running it.
_SETTINGS = "SELECT set_config('default_transaction_read_only', 'on', false), set_config('timezone', 'UTC', false), set_config('jit', 'off', false)"

# Relations whose size is not to be asked for, and tables of such indexes: the answer would wait for whoever holds, or wants, them for itself.
HELD = """alone AS MATERIALIZED (
  SELECT DISTINCT relation FROM pg_catalog.pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()
  AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
), held AS MATERIALIZED (
  SELECT relation FROM alone UNION SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid IN (SELECT relation FROM alone))"""
# Schemas of people; n is pg_namespace.
USER_SCHEMA = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"


class Reader:
    """Rows of the catalogues, with times as texts of UTC. ``limit`` is the number of rows of a list."""

    def __init__(self, session: PostgresSession, limit: int) -> None:
        self._session = session
        self.version = session.version
        self.limit = limit
        session.execute(MARK + _SETTINGS)

    def rows(self, query: str, parameters: Optional[Mapping[str, Any]] = None) -> List[Dict[str, Any]]:
        """Percent signs in the query are doubled. What is locked just now is asked for again, and then left out; not within a transaction."""
        given = {"limit": self.limit, **(parameters or {})}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return [{name: _plain(value) for name, value in row.items()} for row in self._session.rows(MARK + query, given)]
            except PostgresLocked:
                if attempt == _ATTEMPTS or self._session.raw.info.transaction_status:
                    raise
        return []

    def row(self, query: str, parameters: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        return self.rows(query, parameters)[0]

    @property
    def session(self) -> PostgresSession:
        return self._session


def listed(rows: List[Dict[str, Any]], *totals: str) -> List[Dict[str, Any]]:
    """The rows without the columns that repeat totals in each of them."""
    return [{name: value for name, value in row.items() if name not in totals} for row in rows]


def total(rows: List[Dict[str, Any]], name: str) -> Any:
    """A total that stands in each row; 0 without rows."""
    return rows[0][name] if rows else 0


def _plain(value: Any) -> Any:
    """Nothing that JSON does not know: times in UTC, and sums, which come as numeric, as numbers."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return round(value, 6)
    return value
