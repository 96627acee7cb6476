# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a copy that was just restored, beside what its content tells."""

from __future__ import annotations

from typing import Iterable, List, Sequence

from .._core.errors import OperationError
from .._core.postgres_errors import PostgresFailed
from .postgres_session import PostgresSession, quoted

_OWN_SCHEMA = "runbook_verification"
_AMCHECK = "SELECT 1 FROM pg_available_extensions WHERE name = 'amcheck'"
_ITS_SCHEMA = "SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'"
_B_TREES = """
    SELECT c.oid::int8 AS oid, n.nspname || '.' || c.relname AS name FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisvalid AND c.oid >= 16384 ORDER BY 2
"""


def missing_extensions(session: PostgresSession, wanted: Iterable[str]) -> List[str]:
    """Those that the server's image does not bring."""
    there = {row["name"] for row in session.rows("SELECT name::text FROM pg_available_extensions")}
    return sorted(set(wanted) - there)


def damaged_indexes(session: PostgresSession) -> List[str]:
    """A sentence for every B-tree that amcheck finds fault with; none where the image has no amcheck. Adds the extension to a throwaway copy."""
    if not session.value(_AMCHECK):
        return []
    session.execute(f"CREATE SCHEMA {_OWN_SCHEMA}")
    session.execute(f"CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA {_OWN_SCHEMA}")
    check = f"{quoted(session.value(_ITS_SCHEMA))}.bt_index_check"
    found = []
    for index in session.rows(_B_TREES):
        try:
            session.value(f"SELECT {check}(%s::oid::regclass)", (index["oid"],))
        except PostgresFailed as error:
            found.append(f"index {index['name']} is damaged: {error}")
    return found


def failed_assertions(session: PostgresSession, assertions: Sequence[str]) -> List[str]:
    """A sentence for every question that is not answered by one true value."""
    found = []
    for assertion in assertions:
        try:
            with session.transaction("READ ONLY"):
                rows = session.rows(assertion)
        except OperationError as error:
            found.append(f"assertion {assertion!r}: {error}")
            continue
        values = [value for row in rows for value in row.values()]
        if values != [True]:
            found.append(f"assertion {assertion!r}: it gave {values[:3]!r}, not true")
    return found
