# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at all that is in one database, in one snapshot, so that a copy can be compared with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Collection, Dict, List, Optional

from .._core.database_content import DatabaseContent, SequenceContent, TableContent, qualified
from .._core.schema_queries import normalised, schema_queries
from .postgres_session import PostgresSession, quoted

# Everything that has a say in how a value is written.
_AS_TEXT = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
    "lc_monetary": "C",
    "search_path": "",
    "row_security": "off",  # a policy that hides rows is an error, and not a smaller count
}
_TABLES = """
    SELECT n.nspname, c.relname, pg_table_size(c.oid) AS bytes, x.condition,
      ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname) AS columns
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    LEFT JOIN LATERAL (
      SELECT e.extcondition[array_position(e.extconfig, c.oid)] AS condition
      FROM pg_extension e WHERE e.oid = d.refobjid AND c.oid = ANY (e.extconfig)
    ) x ON true
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery()) AND (d.objid IS NULL OR x.condition IS NOT NULL)
    ORDER BY 1, 2
"""
_SEQUENCES = """
    SELECT n.nspname, c.relname, pg_sequence_last_value(c.oid) AS last_value, s.seqincrement, s.seqcycle
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
      AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
"""
_ROLES = """
    SELECT pg_get_userbyid(refobjid)::text AS name FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
      AND (dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        OR (classid = 'pg_database'::regclass AND objid = (SELECT oid FROM pg_database WHERE datname = current_database())))
    UNION SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()
    UNION SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid >= 16384
    ORDER BY 1
"""


@dataclass(frozen=True)
class Summing:
    """Which tables get a checksum: those of at most ``max_bytes`` on disk; or just the ``named``, as when a copy is compared."""

    max_bytes: int = 0
    named: Optional[Collection[str]] = None

    def covers(self, name: str, size: int) -> bool:
        return name in self.named if self.named is not None else size <= self.max_bytes


def capture_content(session: PostgresSession, summing: Summing) -> DatabaseContent:
    """Everything; the session should be in a REPEATABLE READ transaction. Settings that it changes are those of the session only."""
    return capture_rest(session, summing, capture_sequences(session))


def capture_sequences(session: PostgresSession) -> Dict[str, SequenceContent]:
    """To be asked for before the dump begins: no snapshot holds a sequence still."""
    return {
        qualified(row["nspname"], row["relname"]): SequenceContent(row["last_value"], row["seqincrement"], row["seqcycle"])
        for row in session.rows(_SEQUENCES)
    }


def capture_rest(session: PostgresSession, summing: Summing, sequences: Dict[str, SequenceContent]) -> DatabaseContent:
    """All but the sequences, which were looked at before."""
    write_values_alike(session)
    return DatabaseContent(
        server_version=session.version,
        tables={qualified(row["nspname"], row["relname"]): _table(session, row, summing) for row in session.rows(_TABLES)},
        sequences=sequences,
        large_objects=session.value("SELECT count(*) FROM pg_largeobject_metadata"),
        schema_fingerprint=schema_fingerprint(session),
        extensions={row["extname"]: row["extversion"] for row in session.rows("SELECT extname, extversion FROM pg_extension")},
        roles=tuple(row["name"] for row in session.rows(_ROLES)),
        database_bytes=session.value("SELECT pg_database_size(current_database())"),
    )


def write_values_alike(session: PostgresSession) -> None:
    """Pins what decides how values become text, so that checksums of equal rows are equal everywhere."""
    for name, value in _AS_TEXT.items():
        session.execute("SELECT set_config(%s, %s, false)", (name, value))


def schema_fingerprint(session: PostgresSession) -> str:
    """One hash for all definitions, whatever order they come in; equal after a dump and a restore into the same major version."""
    total = count = 0
    session.execute("SELECT set_config('search_path', '', false)")
    for query in schema_queries(session.version):
        for said, expression in _each(session, query):
            total += int.from_bytes(hashlib.sha256(f"{said}\0{normalised(expression or '')}".encode()).digest(), "big")
            count += 1
    return f"sha256:{hashlib.sha256(f'{count} {total % 2**256:x}'.encode()).hexdigest()}"


def _each(session: PostgresSession, query: str) -> List[Any]:
    with session.asking(), session.raw.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _table(session: PostgresSession, row: Dict[str, Any], summing: Summing) -> TableContent:
    """The columns are taken by name: a table that inherits gets another order when it is restored."""
    name = qualified(row["nspname"], row["relname"])
    source = f"FROM ONLY {quoted(row['nspname'], row['relname'])} r {row['condition'] or ''}"
    if not summing.covers(name, row["bytes"]):
        return TableContent(session.value(f"SELECT count(*) {source}"))
    columns = ", ".join(f"r.{quoted(column)}" for column in row["columns"])
    counted = session.rows(f'SELECT count(*) AS rows, coalesce(sum(hashtextextended(ROW({columns})::text COLLATE "C", 0)), 0)::text AS checksum {source}')[0]
    return TableContent(counted["rows"], counted["checksum"])
