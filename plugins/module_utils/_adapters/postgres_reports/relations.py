# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and indexes of one database, partitions counted as parts of the table that they belong to."""

from __future__ import annotations

from typing import Any, Dict, List

from ..._core.postgres_unused import Evidence, unused_report
from .reader import HELD, USER_SCHEMA, Reader, listed, total

_KIND = "CASE r.relkind WHEN 'p' THEN 'partitioned' WHEN 'm' THEN 'materialized_view' ELSE 'table' END"
_TABLES = f"""
WITH {HELD}, member AS MATERIALIZED (
  SELECT c.oid, coalesce(pg_partition_root(c.oid), c.oid) AS root, c.relkind, c.reltuples, c.reltoastrelid,
    EXISTS (SELECT FROM held AS h WHERE h.relation = c.oid OR h.relation = c.reltoastrelid) AS busy
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND {USER_SCHEMA}
), sized AS MATERIALIZED (
  SELECT m.*, CASE WHEN NOT busy THEN pg_relation_size(m.oid) + pg_relation_size(m.oid, 'fsm') + pg_relation_size(m.oid, 'vm') END AS heap_bytes,
    CASE WHEN NOT busy THEN pg_indexes_size(m.oid) END AS index_bytes,
    CASE WHEN busy THEN NULL WHEN reltoastrelid = 0 THEN 0 ELSE pg_total_relation_size(m.reltoastrelid) END AS toast_bytes
  FROM member AS m WHERE m.relkind <> 'p'
), summed AS (
  SELECT z.root, count(*) AS parts, count(*) FILTER (WHERE z.busy) AS busy, sum(z.heap_bytes) AS heap_bytes,
    sum(z.index_bytes) AS index_bytes, sum(z.toast_bytes) AS toast_bytes, sum(greatest(z.reltuples, 0))::bigint AS estimated_rows,
    sum(s.n_dead_tup) AS dead_rows, sum(s.n_tup_ins) AS inserts, sum(s.n_tup_upd) AS updates, sum(s.n_tup_del) AS deletes,
    sum(s.n_tup_hot_upd) AS hot_updates, sum(s.seq_scan) AS sequential_scans, sum(s.seq_tup_read) AS rows_read_sequentially,
    coalesce(sum(s.idx_scan), 0) AS index_scans, max(s.last_vacuum) AS last_vacuum, max(s.last_autovacuum) AS last_autovacuum,
    max(s.last_analyze) AS last_analyze, max(s.last_autoanalyze) AS last_autoanalyze
  FROM sized AS z LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = z.oid GROUP BY z.root
)
SELECT n.nspname AS schema, r.relname AS name, {_KIND} AS kind, CASE WHEN r.relkind = 'p' THEN u.parts ELSE 0 END AS partitions,
  u.busy > 0 AS locked, u.heap_bytes + u.index_bytes + u.toast_bytes AS total_bytes, u.heap_bytes, u.index_bytes, u.toast_bytes, u.estimated_rows,
  u.dead_rows, u.inserts, u.updates, u.deletes, u.hot_updates, u.sequential_scans, u.rows_read_sequentially, u.index_scans, u.last_vacuum,
  u.last_autovacuum, u.last_analyze, u.last_autoanalyze,
  count(*) OVER () AS tables, sum(u.heap_bytes + u.index_bytes + u.toast_bytes) OVER () AS all_bytes, sum(u.busy) OVER () AS all_locked
FROM summed AS u JOIN pg_catalog.pg_class AS r ON r.oid = u.root JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
ORDER BY total_bytes DESC NULLS FIRST, 1, 2 LIMIT %(limit)s
"""
_INDEXES = f"""
WITH {HELD}, belonging AS MATERIALIZED (SELECT DISTINCT conindid FROM pg_catalog.pg_constraint WHERE conindid <> 0), leaf AS MATERIALIZED (
  SELECT i.indexrelid, coalesce(pg_partition_root(i.indexrelid), i.indexrelid) AS root, i.indisvalid AND i.indisready AND i.indislive AS valid,
    EXISTS (SELECT FROM held AS h WHERE h.relation = i.indexrelid OR h.relation = i.indrelid) AS busy
  FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND {USER_SCHEMA}
), summed AS MATERIALIZED (
  SELECT root, count(*) AS parts, bool_or(busy) AS locked, bool_and(valid) AS valid, sum(CASE WHEN NOT busy THEN pg_relation_size(indexrelid) END) AS size_bytes,
    sum(pg_stat_get_numscans(indexrelid)) AS scans, sum(pg_stat_get_tuples_returned(indexrelid)) AS entries_read,
    sum(pg_stat_get_tuples_fetched(indexrelid)) AS rows_fetched, {{last_scan}} AS last_scan
  FROM leaf GROUP BY root
), index AS MATERIALIZED (
  SELECT n.nspname AS schema, t.relname AS table, c.relname AS name, a.amname AS method, u.locked, u.valid, u.size_bytes, u.scans, u.entries_read,
    u.rows_fetched, u.last_scan, CASE WHEN c.relkind = 'I' THEN u.parts ELSE 0 END AS partitions, i.indexrelid, i.indrelid, i.indkey, i.indisclustered,
    i.indexprs IS NOT NULL AS expression, i.indisreplident, b.conindid IS NOT NULL AS belongs,
    CASE WHEN i.indisprimary THEN 'primary' WHEN i.indisexclusion THEN 'exclusion' WHEN i.indisunique THEN 'unique' ELSE 'plain' END AS kind
  FROM summed AS u JOIN pg_catalog.pg_index AS i ON i.indexrelid = u.root JOIN pg_catalog.pg_class AS c ON c.oid = u.root
    JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_am AS a ON a.oid = c.relam LEFT JOIN belonging AS b ON b.conindid = u.root
)
"""
_FIRST_WITH_LAST_SCAN = 160000
_LARGEST = """
SELECT schema, "table", name, kind, method, partitions, valid, locked, size_bytes::bigint, scans::bigint, entries_read::bigint, rows_fetched::bigint,
  to_char(last_scan AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS last_scan,
  count(*) OVER () AS indexes, (sum(size_bytes) OVER ())::bigint AS all_bytes
FROM index ORDER BY size_bytes DESC NULLS FIRST, 1, 3 LIMIT %(limit)s
"""
# A key that a foreign key looks up: without the index, deleting in the table that it refers to reads this one as a whole.
_UNUSED = """
SELECT schema, "table", name, method, partitions, size_bytes::bigint, indisclustered AS clustered, expression, pg_get_indexdef(indexrelid) AS definition,
  ARRAY(SELECT f.conname::text FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' AND f.conrelid = index.indrelid
    AND (string_to_array(index.indkey::text, ' ')::int2[])[1:cardinality(f.conkey)] @> f.conkey ORDER BY 1) AS foreign_keys, indexes, all_bytes
FROM (
  SELECT *, count(*) OVER () AS indexes, (sum(size_bytes) OVER ())::bigint AS all_bytes FROM index
  WHERE scans = 0 AND kind = 'plain' AND NOT belongs AND NOT indisreplident AND valid AND coalesce(size_bytes, 0) >= %(least)s
  ORDER BY size_bytes DESC, schema, name LIMIT %(limit)s
) AS index ORDER BY size_bytes DESC, 1, 3
"""
# Both lists in one answer: the sizes are what takes time, and are read once.
_BOTH = """
SELECT coalesce((SELECT json_agg(l) FROM ({largest}) AS l), '[]') AS largest, coalesce((SELECT json_agg(u) FROM ({unused}) AS u), '[]') AS unused
"""
# Who only takes the log (pg_receivewal, also under our own slot) reads no table.
# Of statistics that were never reset nobody knows the beginning; a crash, which loses them, sets the time of the background writer's.
_EVIDENCE = """
SELECT coalesce(d.stats_reset, greatest(pg_postmaster_start_time(), b.stats_reset)) AS since,
  extract(epoch FROM clock_timestamp() - coalesce(d.stats_reset, greatest(pg_postmaster_start_time(), b.stats_reset)))::float8 AS age_seconds,
  d.stats_reset IS NOT NULL AS since_reset, pg_is_in_recovery() AS in_recovery, current_setting('track_counts') = 'on' AS counting,
  (SELECT count(*) FROM pg_catalog.pg_stat_replication WHERE application_name NOT IN ('pg_receivewal', 'pg_basebackup'))
  + (SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE slot_type = 'physical' AND NOT active AND slot_name !~ '^runbook') AS replicas
FROM pg_catalog.pg_stat_bgwriter AS b LEFT JOIN pg_catalog.pg_stat_database AS d ON d.datname = current_database()
"""


def tables(reader: Reader) -> Dict[str, Any]:
    rows = reader.rows(_TABLES)
    found = listed(rows, "tables", "all_bytes", "all_locked")
    return {"total": total(rows, "tables"), "total_bytes": total(rows, "all_bytes") or 0, "locked": total(rows, "all_locked"), "tables": found}


class Indexes:
    """The lists of all indexes and of unused ones, of at least ``least_bytes``, read together when the first of them is wanted."""

    def __init__(self, reader: Reader, least_bytes: float) -> None:
        self._reader = reader
        self._least_bytes = least_bytes
        self._read: Dict[str, Any] = {}

    def largest(self) -> Dict[str, Any]:
        rows = self._rows("largest")
        return {"total": total(rows, "indexes"), "total_bytes": total(rows, "all_bytes") or 0, "indexes": listed(rows, "indexes", "all_bytes")}

    def unused(self, enough_days: float) -> Dict[str, Any]:
        rows = self._rows("unused")
        found = unused_report(rows, Evidence(**self._reader.row(_EVIDENCE)), enough_days)
        return {"total": total(rows, "indexes"), "total_bytes": total(rows, "all_bytes") or 0, **found}

    def _rows(self, name: str) -> List[Dict[str, Any]]:
        if not self._read:
            last_scan = "max(pg_stat_get_lastscan(indexrelid))" if self._reader.version >= _FIRST_WITH_LAST_SCAN else "NULL::timestamptz"
            query = _INDEXES.format(last_scan=last_scan) + _BOTH.format(largest=_LARGEST, unused=_UNUSED)
            self._read = self._reader.row(query, {"least": self._least_bytes})
        return self._read[name]
