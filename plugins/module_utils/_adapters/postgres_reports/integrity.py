# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a database is as it should be: indexes, constraints and triggers that do not work, and exact counts of chosen tables."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ..._core.errors import BadInput
from ..._core.postgres_values import value_of
from ..postgres_session import quoted
from .reader import USER_SCHEMA, Reader, listed, total

_TIMESTAMPTZ = 1184
_INVALID_INDEXES = f"""
SELECT n.nspname AS schema, t.relname AS table, c.relname AS name, i.indisready AS maintained, count(*) OVER () AS total
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready AND i.indislive) AND {USER_SCHEMA} ORDER BY 1, 3 LIMIT %(limit)s
"""
_CONSTRAINTS = f"""
SELECT n.nspname AS schema, t.relname AS table, c.conname AS name, CASE c.contype WHEN 'f' THEN 'foreign_key' WHEN 'c' THEN 'check' ELSE 'not_null' END AS kind,
  coalesce((to_jsonb(c) ->> 'conenforced')::bool, true) AS enforced, count(*) OVER () AS total
FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_class AS t ON t.oid = c.conrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE (NOT c.convalidated OR NOT coalesce((to_jsonb(c) ->> 'conenforced')::bool, true)) AND {USER_SCHEMA} ORDER BY 1, 2, 3 LIMIT %(limit)s
"""
# A restore that was cut off leaves triggers disabled, and with them foreign keys that check nothing.
_TRIGGERS = f"""
SELECT n.nspname AS schema, t.relname AS table, g.tgname AS name, g.tgisinternal AS of_constraint, count(*) OVER () AS total
FROM pg_catalog.pg_trigger AS g JOIN pg_catalog.pg_class AS t ON t.oid = g.tgrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE g.tgenabled = 'D' AND {USER_SCHEMA} ORDER BY 1, 2, 3 LIMIT %(limit)s
"""
_WANTED = """
SELECT w.place, c.oid IS NOT NULL AS there, w.time_column = '' OR a.attnum IS NOT NULL AS has_column
FROM unnest(%(schemas)s::text[], %(tables)s::text[], %(columns)s::text[]) WITH ORDINALITY AS w(schema, name, time_column, place)
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
  LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = w.time_column AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY w.place
"""
_COUNT = "SELECT count(*) AS rows, {newest}::text AS newest, {age} AS newest_age_seconds FROM {table}"


def integrity(reader: Reader, counts: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    invalid, constraints, triggers = reader.rows(_INVALID_INDEXES), reader.rows(_CONSTRAINTS), reader.rows(_TRIGGERS)
    return {
        "invalid_indexes_total": total(invalid, "total"),
        "invalid_indexes": listed(invalid, "total"),
        "unvalidated_constraints_total": total(constraints, "total"),
        "unvalidated_constraints": listed(constraints, "total"),
        "disabled_triggers_total": total(triggers, "total"),
        "disabled_triggers": listed(triggers, "total"),
        "counts": _counted(reader, counts) if counts else [],
    }


def _counted(reader: Reader, counts: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """All in one snapshot, so that the numbers belong together."""
    names = [split_name(one["table"]) for one in counts]
    columns = [one["time_column"] for one in counts]
    with reader.session.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY"):
        _require_tables(reader, names, columns)
        return [_count(reader, one, quoted(*name)) for one, name in zip(counts, names)]


def _require_tables(reader: Reader, names: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
    wanted = {"schemas": [schema for schema, name in names], "tables": [name for schema, name in names], "columns": list(columns)}
    for found, (schema, name), column in zip(reader.rows(_WANTED, wanted), names, columns):
        if not found["there"]:
            raise BadInput(f"There is no table {schema}.{name} in this database.", hint="Names are case-sensitive.", table=f"{schema}.{name}")
        if not found["has_column"]:
            raise BadInput(f"Table {schema}.{name} has no column {column}.", hint="Names are case-sensitive.", column=column)


def _count(reader: Reader, wanted: Mapping[str, Any], table: str) -> Dict[str, Any]:
    newest = f"max({quoted(wanted['time_column'])})" if wanted["time_column"] else "NULL"
    age = f"extract(epoch FROM clock_timestamp() - {newest}::timestamptz)::float8" if wanted["time_column"] else "NULL::float8"
    query = _COUNT.format(newest=newest.replace("%", "%%"), age=age.replace("%", "%%"), table=table.replace("%", "%%"))
    row = reader.row(query)
    return {
        "table": wanted["table"],
        "rows": row["rows"],
        "newest": value_of(row["newest"], _TIMESTAMPTZ),
        "newest_age_seconds": row["newest_age_seconds"],
        "min_rows": wanted["min_rows"],
        "max_age_seconds": wanted["max_age_seconds"],
    }


def split_name(name: str) -> List[str]:
    """``schema.table``; without a schema it is ``public``."""
    schema, dot, table = name.partition(".")
    return [schema, table] if dot else ["public", name]
