# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Space of tables that holds nothing: dead rows as they are counted, and the rest estimated, or measured where pgstattuple is installed."""

from __future__ import annotations

from typing import Any, Dict

from ..._core.postgres_bloat import with_estimate
from ..postgres_session import quoted
from .reader import HELD, USER_SCHEMA, Reader, listed, total

# Rows as they are counted, dead ones excluded, or as ANALYZE guessed. Width of a row from what ANALYZE saw; without it, or for whom may not read it, there is no estimate.
_TABLES = f"""
WITH {HELD}, width AS MATERIALIZED (
  SELECT schemaname, tablename, sum((1 - null_frac) * avg_width)::float8 AS bytes, count(*) AS columns
  FROM pg_catalog.pg_stats WHERE NOT inherited AND schemaname <> 'pg_catalog' GROUP BY 1, 2
), heap AS MATERIALIZED (
  SELECT c.oid, n.nspname AS schema, c.relname AS name, CASE WHEN s.n_live_tup > 0 THEN s.n_live_tup ELSE c.reltuples END::float8 AS row_estimate, w.bytes AS row_bytes, w.columns,
    coalesce((SELECT option_value::int FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), 100) AS fill_factor,
    coalesce((SELECT option_value::bool FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_enabled'), true) AS autovacuum,
    EXISTS (SELECT FROM held AS h WHERE h.relation = c.oid) AS locked, coalesce(s.n_live_tup, 0) AS live_rows, coalesce(s.n_dead_tup, 0) AS dead_rows,
    coalesce(s.n_mod_since_analyze, 0) AS modified_rows, s.last_vacuum, s.last_autovacuum, s.last_analyze, s.last_autoanalyze
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN width AS w ON w.schemaname = n.nspname AND w.tablename = c.relname LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {USER_SCHEMA}
), sized AS MATERIALIZED (SELECT h.*, CASE WHEN NOT h.locked THEN pg_relation_size(h.oid) END AS heap_bytes FROM heap AS h), guessed AS (
  SELECT z.*, CASE WHEN z.row_estimate >= 0 AND z.row_bytes IS NOT NULL
    THEN greatest(0, z.heap_bytes - ceil(z.row_estimate * (28 + z.row_bytes) / (8168.0 * z.fill_factor / 100)) * 8192) END AS waste
  FROM sized AS z
)
SELECT g.oid::bigint AS oid, g.schema, g.name, g.row_estimate, g.row_bytes, g.columns, g.fill_factor, g.autovacuum, g.locked, g.heap_bytes,
  g.live_rows, g.dead_rows, g.modified_rows, g.last_vacuum, g.last_autovacuum, g.last_analyze, g.last_autoanalyze,
  count(*) OVER () AS tables, sum(g.dead_rows) OVER () AS all_dead
FROM guessed AS g ORDER BY greatest(coalesce(g.waste, 0), g.dead_rows * coalesce(28 + g.row_bytes, 28)) DESC, 2, 3 LIMIT %(limit)s
"""
_EXTENSION = """
SELECT n.nspname AS schema FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pgstattuple'
"""
# It reads what is not all-visible; the tables are those of the list only, and none that somebody holds.
_MEASURE = """
SELECT w.oid::bigint AS oid, m.scanned_percent, m.dead_tuple_len AS dead_bytes, m.dead_tuple_percent AS dead_percent, m.approx_free_space AS free_bytes,
  m.approx_free_percent AS free_percent
FROM unnest(%(oids)s::oid[]) AS w(oid) CROSS JOIN LATERAL {function}(w.oid::regclass) AS m
"""


def bloat(reader: Reader, measure: bool) -> Dict[str, Any]:
    rows = reader.rows(_TABLES)
    extension = reader.rows(_EXTENSION)
    found = [with_estimate(row) for row in listed(rows, "tables", "all_dead")]
    measured = _measured(reader, extension[0]["schema"], found) if measure and extension else {}
    for row in found:
        row["measured"] = measured.get(row.pop("oid"), {})
    return {
        "total": total(rows, "tables"),
        "dead_rows": total(rows, "all_dead"),
        "pgstattuple": bool(extension),
        "method": "pgstattuple_approx" if measured else "estimate",
        "tables": found,
    }


def _measured(reader: Reader, schema: str, found: Any) -> Dict[int, Dict[str, Any]]:
    oids = [row["oid"] for row in found if not row["locked"]]
    rows = reader.rows(_MEASURE.format(function=quoted(schema, "pgstattuple_approx")), {"oids": oids})
    return {row.pop("oid"): row for row in rows}
