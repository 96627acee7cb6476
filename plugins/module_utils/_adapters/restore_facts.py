# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the server that is to get a restored database."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from .._core.errors import OperationError
from .._core.restore_preflight import LiveDatabase, TargetFacts
from .postgres_dump import Server
from .postgres_session import PostgresSession
from .postgres_source import describe_database, system_identifier
from .data_space import free_bytes

_LIVE = "SELECT oid::int8, pg_database_size(oid) AS bytes FROM pg_database WHERE datname = %s"
_PREPARED = "SELECT gid FROM pg_prepared_xacts WHERE database = %s ORDER BY 1"
_SLOTS = "SELECT slot_name::text FROM pg_replication_slots WHERE database = %s ORDER BY 1"
# Superusers only may look.
_SUBSCRIPTIONS = "SELECT subname::text FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = %s) ORDER BY 1"
_MAY_CREATE = "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_DATA_DIRECTORY = "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
_DEFAULTS = """
    SELECT current_user::text AS owner, 'UTF8' AS encoding, datcollate AS collate, datctype AS ctype,
      coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS locale_provider,
      coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale, to_jsonb(d) ->> 'daticurules' AS icu_rules
    FROM pg_database d WHERE datname = 'template0'
"""


def target_facts(server: Server, session: PostgresSession, database: str) -> TargetFacts:
    directory = session.value(_DATA_DIRECTORY) or "/"
    return TargetFacts(
        server_version=session.version,
        system_identifier=system_identifier(session),
        in_recovery=session.value("SELECT pg_is_in_recovery()"),
        may_create=session.value(_MAY_CREATE),
        databases={row["datname"]: row["oid"] for row in session.rows("SELECT datname::text, oid::int8 FROM pg_database")},
        extensions=frozenset(row["name"] for row in session.rows("SELECT name::text FROM pg_available_extensions")),
        roles=frozenset(row["rolname"] for row in session.rows("SELECT rolname::text FROM pg_roles")),
        live=_live(session, database),
        free_bytes=free_bytes(server.service, server.engine, directory),
    )


def properties_for_file(server: Server, session: PostgresSession, database: str, exists: bool) -> Dict[str, Any]:
    """As the live database has them, since a file does not say; without one, as a new database would get them."""
    if not exists:
        return session.rows(_DEFAULTS)[0]
    try:
        with server.session(database, "restore") as live:
            return describe_database(live, database)
    except OperationError:
        row = session.rows(_DEFAULTS)[0]
        owner = session.value("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s", (database,))
        return {**row, "owner": owner}  # nobody gets into the live one, which may be why it is to be restored


def _live(session: PostgresSession, database: str) -> Optional[LiveDatabase]:
    rows = session.rows(_LIVE, (database,))
    if not rows:
        return None
    subscriptions = _names(session, _SUBSCRIPTIONS, database) if session.value(_SUPERUSER) else ()
    return LiveDatabase(rows[0]["oid"], rows[0]["bytes"], _names(session, _PREPARED, database), _names(session, _SLOTS, database), subscriptions)


def _names(session: PostgresSession, query: str, database: str) -> Tuple[str, ...]:
    return tuple(str(next(iter(row.values()))) for row in session.rows(query, (database,)))
