# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a dump comes from: what a manifest says of the server and of the database, beside its content."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Dict, List, Optional

from .._core.errors import OperationError
from .postgres_service import PostgresService
from .postgres_session import PostgresSession

# Columns of pg_database came and went with the versions; through JSON a query names them without needing them.
_DATABASE = """
    SELECT pg_get_userbyid(d.datdba)::text AS owner, pg_encoding_to_char(d.encoding)::text AS encoding, d.datcollate AS collate, d.datctype AS ctype,
      coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS locale_provider,
      coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
      to_jsonb(d) ->> 'daticurules' AS icu_rules, to_jsonb(d) ->> 'datcollversion' AS collversion,
      d.datconnlimit AS connlimit, t.spcname AS tablespace, shobj_description(d.oid, 'pg_database') AS comment,
      d.datacl IS NOT NULL AS has_acl
    FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = current_database()
"""
_PRIVILEGES = """
    SELECT pg_get_userbyid(a.grantee)::text AS grantee, a.grantee = 0 AS to_public,
      a.privilege_type AS privilege, a.is_grantable AS grantable
    FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database() ORDER BY 1, 3
"""
_SETTINGS = """
    SELECT CASE WHEN setrole = 0 THEN NULL ELSE pg_get_userbyid(setrole)::text END AS role, unnest(setconfig) AS setting
    FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1, 2
"""
_ANY_COLLATION = """
    SELECT pg_collation_actual_version(oid) FROM pg_collation
    WHERE collprovider = 'c' AND collname NOT IN ('C', 'POSIX', 'default') AND pg_collation_actual_version(oid) IS NOT NULL LIMIT 1
"""
_POSITION = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"


def system_identifier(session: PostgresSession) -> str:
    """The number that a cluster got when it was made; empty where the role may not ask."""
    with contextlib.suppress(OperationError):
        return str(session.value("SELECT system_identifier FROM pg_control_system()"))
    return ""


def describe_server(session: PostgresSession, service: PostgresService) -> Dict[str, Any]:
    """The same for every database of a run. The session must not be inside a transaction."""
    said = session.value("SELECT version()")
    return {
        "host": socket.gethostname(),
        "container": service.container.name,
        "container_id": service.container.id,
        "image": service.container.image_reference,
        "image_id": service.container.image_id,
        "system_identifier": system_identifier(session),
        "server_version": session.version,
        "libc": f"{'musl' if '-musl' in said else 'glibc'}-{session.value(_ANY_COLLATION) or 'unknown'}",
        "in_recovery": session.value("SELECT pg_is_in_recovery()"),
        "bootstrap_role": session.value("SELECT pg_get_userbyid(10)::text"),
    }


def describe_database(session: PostgresSession, name: str) -> Dict[str, Any]:
    """What pg_dump leaves out unless it is asked to make the database too; ``datacl`` and ``settings`` as a restore needs them."""
    row = session.rows(_DATABASE)[0]
    has_acl = row.pop("has_acl")
    return {
        "database": name,
        **row,
        "datacl": _privileges(session) if has_acl else None,
        "settings": [[setting["role"], setting["setting"]] for setting in session.rows(_SETTINGS)],
        "lsn": session.value(_POSITION),
    }


def _privileges(session: PostgresSession) -> Optional[List[Dict[str, Any]]]:
    """A grantee of None is everybody: a role may be called PUBLIC."""
    return [
        {"grantee": None if row["to_public"] else row["grantee"], "privilege": row["privilege"], "grantable": row["grantable"]}
        for row in session.rows(_PRIVILEGES)
    ]
