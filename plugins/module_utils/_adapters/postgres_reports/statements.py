# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements by what they cost, as pg_stat_statements counts them."""

from __future__ import annotations

from typing import Any, Dict

from ..._core.postgres_report_values import hit_percent, ratio_percent
from ..._core.sql_statement import normalised
from ..postgres_session import quoted
from .reader import MARK, Reader, listed, total

_STATE = """
SELECT (SELECT n.nspname FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements') AS schema,
  EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max') AS loaded,
  EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_stat_statements') AS available
"""
ORDERS = {"total": "total_ms", "mean": "mean_ms", "calls": "calls", "temp": "temp_blocks"}
# Columns were renamed twice (1.8: total_exec_time, 1.11: shared_blk_read_time), and the extension may be older than the server.
_STATEMENTS = """
WITH counted AS MATERIALIZED (
  SELECT s.userid, s.dbid, s.queryid, s.query, s.calls, s.rows, s.shared_blks_hit, s.shared_blks_read, s.temp_blks_written AS temp_blocks, to_jsonb(s) - 'query' AS more
  FROM {view} AS s WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND s.query NOT LIKE %(ours)s
), timed AS MATERIALIZED (
  SELECT c.*, coalesce(more ->> 'total_exec_time', more ->> 'total_time')::float8 AS total_ms,
    coalesce(more ->> 'mean_exec_time', more ->> 'mean_time')::float8 AS mean_ms, coalesce(more ->> 'max_exec_time', more ->> 'max_time')::float8 AS max_ms,
    coalesce(more ->> 'stddev_exec_time', more ->> 'stddev_time')::float8 AS deviation_ms,
    coalesce(more ->> 'shared_blk_read_time', more ->> 'blk_read_time')::float8 AS read_ms
  FROM counted AS c
)
SELECT queryid::text AS query_id, coalesce(pg_get_userbyid(userid)::text, '') AS username, calls, rows, total_ms / 1000 AS total_seconds,
  mean_ms / 1000 AS mean_seconds, max_ms / 1000 AS max_seconds, deviation_ms / 1000 AS deviation_seconds, coalesce(read_ms, 0) / 1000 AS read_seconds,
  shared_blks_hit AS blocks_hit, shared_blks_read AS blocks_read, temp_blocks * 8192 AS temp_bytes, left(query, 4000) AS statement,
  count(*) OVER () AS statements, sum(total_ms) OVER () / 1000 AS all_seconds
FROM timed ORDER BY {order} DESC NULLS LAST, query_id LIMIT %(limit)s
"""
_SINCE = "SELECT stats_reset AS since, dealloc AS forgotten FROM {view}"
_FIRST_WITH_SINCE = 140000


def statements(reader: Reader, order: str) -> Dict[str, Any]:
    """Of the database that is looked at. Statements of our own reports are left out."""
    state = reader.row(_STATE)
    missing = _missing(state)
    if missing:
        return {**_empty(order), "hint": missing}
    query = _STATEMENTS.format(view=quoted(state["schema"], "pg_stat_statements"), order=ORDERS[order])
    rows = reader.rows(query, {"ours": f"{MARK.strip()}%"})
    everything = total(rows, "all_seconds")
    found = [_shown(row, everything) for row in listed(rows, "statements", "all_seconds")]
    return {**_empty(order), "available": True, **_since(reader, state["schema"]), "total": total(rows, "statements"), "total_seconds": everything, "statements": found}


def _shown(row: Dict[str, Any], everything: float) -> Dict[str, Any]:
    share, hits = ratio_percent(row["total_seconds"], everything), hit_percent(row["blocks_hit"], row["blocks_read"])
    return {**row, "statement": normalised(row["statement"]), "share_percent": share, "hit_percent": hits}


def _since(reader: Reader, schema: str) -> Dict[str, Any]:
    """Since when is counted, and how often statements were forgotten because there were too many; nothing where it is not told."""
    view = quoted(schema, "pg_stat_statements_info")
    if reader.version < _FIRST_WITH_SINCE or not reader.row("SELECT to_regclass(%(view)s) IS NOT NULL AS there", {"view": view})["there"]:
        return {}
    return reader.row(_SINCE.format(view=view))


def _empty(order: str) -> Dict[str, Any]:
    return {"available": False, "hint": "", "order": order, "since": None, "forgotten": None, "total": 0, "total_seconds": 0, "statements": []}


def _missing(state: Dict[str, Any]) -> str:
    if not state["loaded"]:
        first = "" if state["available"] else "The server's image does not have the extension. "
        return (
            f"{first}Add pg_stat_statements to shared_preload_libraries, restart the server, and create the extension in this database "
            "(runbook.compose.postgres_settings does both)."
        )
    if state["schema"] is None:
        return "The library is loaded. Create the extension in this database: CREATE EXTENSION pg_stat_statements."
    return ""
