# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the tables and indexes of a Postgres database in a few statements, however many there are."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from .._core.postgres_relations import Index, Table
from .postgres_session import PostgresSession

# The size functions would wait for whoever holds a relation exclusively, so such a relation has no size here.
_HELD = """
  SELECT DISTINCT relation FROM pg_catalog.pg_locks
  WHERE mode = 'AccessExclusiveLock' AND granted AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
# Work of others: autovacuum, or somebody by hand.
_BUSY = """
  SELECT relid FROM pg_catalog.pg_stat_progress_vacuum WHERE datname = current_database() AND pid <> pg_backend_pid()
  UNION SELECT relid FROM pg_catalog.pg_stat_progress_analyze WHERE datname = current_database() AND pid <> pg_backend_pid()
  UNION SELECT relid FROM pg_catalog.pg_stat_progress_cluster WHERE datname = current_database() AND pid <> pg_backend_pid()
  UNION SELECT relid FROM pg_catalog.pg_stat_progress_create_index WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = f"""
WITH held AS ({_HELD}), busy AS ({_BUSY})
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.oid IN (SELECT relid FROM busy) AS busy,
       CASE WHEN held.relation IS NULL THEN pg_total_relation_size(c.oid) END AS size_bytes,
       CASE WHEN held.relation IS NULL THEN pg_relation_size(c.oid) END AS heap_bytes,
       coalesce(pg_tablespace_location(nullif(c.reltablespace, 0)), '') AS space,
       coalesce(s.n_live_tup, 0) AS live_rows, coalesce(s.n_dead_tup, 0) AS dead_rows,
       coalesce(s.n_mod_since_analyze, 0) AS modified_rows, coalesce(s.n_ins_since_vacuum, 0) AS inserted_rows,
       coalesce(s.last_analyze, s.last_autoanalyze) IS NOT NULL AS analyzed,
       coalesce((SELECT option_value::int FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), 100) AS fill_factor,
       ARRAY(SELECT an.nspname || '.' || a.relname FROM pg_partition_ancestors(c.oid) p JOIN pg_catalog.pg_class a ON a.oid = p.relid
             JOIN pg_catalog.pg_namespace an ON an.oid = a.relnamespace WHERE c.relispartition AND a.oid <> c.oid) AS partition_of
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid LEFT JOIN held ON held.relation = c.oid
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_toast', 'information_schema')
"""
_ROW_BYTES = """
SELECT starelid AS oid, sum((1 - stanullfrac) * stawidth)::float8 AS bytes FROM pg_catalog.pg_statistic
WHERE NOT stainherit AND starelid = ANY(%s::oid[]) GROUP BY starelid
"""
_INDEXES = f"""
WITH held AS ({_HELD}), busy AS ({_BUSY})
SELECT c.oid, n.nspname AS schema, c.relname AS name, tn.nspname || '.' || t.relname AS "table", i.indisvalid AS valid, i.indisexclusion AS exclusion,
       t.oid IN (SELECT relid FROM busy) AS busy, coalesce(pg_tablespace_location(nullif(c.reltablespace, 0)), '') AS space,
       CASE WHEN held.relation IS NULL AND tableheld.relation IS NULL THEN pg_relation_size(c.oid) END AS size_bytes,
       c.reltuples::float8 AS entries, CASE WHEN m.amname = 'btree' THEN w.bytes END AS entry_bytes
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = c.relam
LEFT JOIN held ON held.relation = c.oid LEFT JOIN held tableheld ON tableheld.relation = t.oid
LEFT JOIN LATERAL (
  -- A column of an expression has its statistics under the index itself.
  SELECT CASE WHEN count(*) = count(s.stawidth) THEN sum(s.stawidth)::float8 END AS bytes
  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attribute, place) LEFT JOIN pg_catalog.pg_statistic s ON NOT s.stainherit
    AND (s.starelid, s.staattnum) = (CASE k.attribute WHEN 0 THEN c.oid ELSE t.oid END, CASE k.attribute WHEN 0 THEN k.place::int2 ELSE k.attribute END)
) w ON true
WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND t.relkind IN ('r', 'm') AND tn.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
"""
_TABLE_STATE = """
SELECT c.oid, pg_relation_filenode(c.oid) AS file, pg_total_relation_size(c.oid) AS size_bytes, coalesce(s.n_dead_tup, 0) AS dead_rows,
       s.last_vacuum, s.last_analyze
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'm')
"""
_INDEX_STATE = """
SELECT c.oid, i.indrelid AS table_oid, pg_relation_size(c.oid) AS size_bytes, i.indisvalid AS valid
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'i'
"""
# Transactions that CONCURRENTLY would wait for. A vacuum elsewhere has an old snapshot too, and is not waited for.
_IN_THE_WAY = """
SELECT DISTINCT l.virtualtransaction FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND l.granted
  AND (l.relation = %s OR l.locktype = 'virtualxid' AND a.backend_xmin IS NOT NULL)
  AND a.pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
"""


def tables(session: PostgresSession, with_bloat: bool) -> List[Table]:
    rows = session.rows(_TABLES)
    widths = {row["oid"]: row["bytes"] for row in session.rows(_ROW_BYTES, ([row["oid"] for row in rows],))} if with_bloat else {}
    return [Table(**{**row, "partition_of": tuple(row["partition_of"]), "row_bytes": widths.get(row["oid"])}) for row in rows]


def indexes(session: PostgresSession) -> List[Index]:
    return [Index(**row) for row in session.rows(_INDEXES)]


def is_busy(session: PostgresSession, table_of: int) -> bool:
    """Whether somebody else maintains the table, or the table of the index, with this oid."""
    statement = f"SELECT coalesce((SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = %s), %s) IN ({_BUSY})"
    return bool(session.value(statement, (table_of, table_of)))


def table_state(session: PostgresSession, identity: Sequence[str]) -> Optional[Mapping[str, Any]]:
    return _one(session.rows(_TABLE_STATE, tuple(identity)))


def index_state(session: PostgresSession, identity: Sequence[str]) -> Optional[Mapping[str, Any]]:
    return _one(session.rows(_INDEX_STATE, tuple(identity)))


def in_the_way(session: PostgresSession, table: int) -> Set[str]:
    """Open transactions that hold a lock on the table, or see the database as it was."""
    return {row["virtualtransaction"] for row in session.rows(_IN_THE_WAY, (table,))}


def _one(rows: List[Dict[str, Any]]) -> Optional[Mapping[str, Any]]:
    return rows[0] if rows else None
