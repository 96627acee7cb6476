# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a server for the shape of a database's schema."""

from __future__ import annotations

from .._core.schema_shape import LiveShape, SchemaObject
from .._core.schema_shape_query import shape_query
from .postgres_session import PostgresSession, SessionLimits
from .postgres_target import PostgresTarget

# A rollback must not wait for somebody's ALTER TABLE.
_LIMITS = SessionLimits(statement=30.0, lock=5.0)


def live_shape(target: PostgresTarget, database: str) -> LiveShape:
    """One session, one query. Without a database, the application's own."""
    name = database or target.service.address.database
    with target.open("schema", name, _LIMITS) as session:
        return _shape(session, name)


def _shape(session: PostgresSession, database: str) -> LiveShape:
    session.execute("SELECT set_config('search_path', '', false)")
    rows = session.rows(shape_query())
    return LiveShape(database, session.version, tuple(SchemaObject.described(row) for row in rows))
