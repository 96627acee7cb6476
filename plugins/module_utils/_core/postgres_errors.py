# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and a Postgres server, told apart by SQLSTATE."""

from __future__ import annotations

from typing import Dict, Type

from .errors import BadInput, OperationError


class PostgresUnreachable(OperationError):
    """Nobody answers as Postgres at the address, or the server is starting up or shutting down."""

    reason = "postgres_unreachable"


class PostgresNotInStack(BadInput):
    """The stack has no single running container of the Postgres service."""

    reason = "postgres_not_in_stack"


class PostgresChanged(OperationError):
    """The server's container was replaced or restarted while we worked with it."""

    reason = "postgres_restarted"


class PostgresLoginRefused(OperationError):
    """Role, password, database or pg_hba.conf do not let us in."""

    reason = "postgres_login_refused"


class PostgresFull(OperationError):
    """All connection slots are taken."""

    reason = "postgres_connections_exhausted"


class PostgresLocked(OperationError):
    """A lock was not to be had within its time."""

    reason = "postgres_locked"


class PostgresTooSlow(OperationError):
    """A statement did not end within its time."""

    reason = "postgres_statement_timeout"


class PostgresForbidden(OperationError):
    """The role may not do this."""

    reason = "postgres_permission_denied"


class PostgresReadOnly(OperationError):
    """The transaction, or the whole server (a replica), is read-only."""

    reason = "postgres_read_only"


class PostgresFailed(OperationError):
    """The server refused or failed a statement."""

    reason = "postgres_failed"


# SQLSTATE or its class (first two characters): https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_STATE: Dict[str, Type[OperationError]] = {
    "08": PostgresUnreachable,
    "57P": PostgresUnreachable,  # admin_shutdown, crash_shutdown, cannot_connect_now
    "28": PostgresLoginRefused,
    "3D000": PostgresLoginRefused,
    "53300": PostgresFull,
    "55P03": PostgresLocked,
    "40P01": PostgresLocked,
    "57014": PostgresTooSlow,
    "42501": PostgresForbidden,
    "25006": PostgresReadOnly,
}
_HINTS: Dict[Type[OperationError], str] = {
    PostgresUnreachable: "Look at the container's state and log (playbooks/service/status.yml).",
    PostgresLoginRefused: "Compare the login in the inventory with the roles and databases of the server.",
    PostgresFull: "Look at who holds the connections (playbooks/postgres/report.yml), and end idle ones (playbooks/postgres/sessions.yml).",
    PostgresLocked: "Look at who holds the lock (playbooks/postgres/report.yml), and try again.",
    PostgresTooSlow: "Give it more time, or look at what it waits for (playbooks/postgres/report.yml).",
    PostgresForbidden: "Log in as a role that may, for example the one of POSTGRES_USER.",
    PostgresReadOnly: "Ask the primary, or ask for writing where that is meant.",
}


def error_class(sqlstate: str) -> Type[OperationError]:
    """The class for a SQLSTATE, by the whole code, then by its subclass, then by its class."""
    for length in (5, 3, 2):
        if sqlstate[:length] in _BY_STATE:
            return _BY_STATE[sqlstate[:length]]
    return PostgresFailed


def postgres_error(sqlstate: str, message: str, where: str) -> OperationError:
    """``message`` is the server's own; ``where`` names what was asked, for people."""
    kind = error_class(sqlstate)
    said = " ".join(message.split()).rstrip(".")
    return kind(f"{where}: {said}.", hint=_HINTS.get(kind, ""), sqlstate=sqlstate)
