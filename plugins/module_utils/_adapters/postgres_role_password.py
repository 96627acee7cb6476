# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of a role of a Postgres server."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from .._core.errors import BadInput, OperationError
from .._core.scram import is_password_of
from .postgres_ping import import_psycopg2
from .postgres_session import PostgresSession, SessionLimits, quoted
from .postgres_target import PostgresTarget

_ROLE = "SELECT rolcanlogin, coalesce(rolpassword, '') AS verifier FROM pg_catalog.pg_authid WHERE rolname = %s"
# Neither the password nor the verifier shall stand in the server's log.
_QUIET = (("log_statement", "none"), ("log_min_duration_statement", "-1"), ("log_min_error_statement", "panic"))


class PasswordNotAccepted(OperationError):
    """A login with the new password was refused; the old one was put back."""

    reason = "password_not_accepted"


class RolePassword:
    """The password of one role, which only ever leaves this process as a SCRAM verifier or within a login."""

    def __init__(self, target: PostgresTarget, role: str, password: str, database: str) -> None:
        self._target = target
        self.role = role
        self._password = password
        self._database = database

    def is_set(self) -> bool:
        """Compared with the verifier: a login proves nothing where the server trusts everybody who comes from here."""
        with self._open() as session:
            return is_password_of(self._verifier(session), self._password)

    def set(self) -> None:
        with self._open() as session:
            old = self._verifier(session)
            self._store(session, self._new_verifier(session))
            try:
                self._log_in()
            except OperationError as error:
                self._store(session, old or None)
                raise PasswordNotAccepted(
                    f"Role {self.role} cannot log in to {self._database} with the new password. The old one was put back.",
                    hint="Look at pg_hba.conf, at the role's VALID UNTIL and CONNECTION LIMIT, and at its right to connect to the database.",
                    role=self.role,
                    database=self._database,
                    cause=error.reason,
                ) from error

    def _open(self) -> PostgresSession:
        return self._target.open("postgres_settings password")

    def _verifier(self, session: PostgresSession) -> str:
        rows = session.rows(_ROLE, (self.role,))
        if not rows or not rows[0]["rolcanlogin"]:
            state = "may not log in" if rows else "does not exist"
            raise BadInput(f"Role {self.role} {state}.", hint="Check its name, or make it first.", role=self.role)
        return rows[0]["verifier"]

    def _new_verifier(self, session: PostgresSession) -> str:
        encrypt = import_psycopg2().extensions.encrypt_password
        with session.asking():
            return encrypt(self._password, self.role, session.raw, "scram-sha-256")

    def _store(self, session: PostgresSession, verifier: Optional[str]) -> None:
        with session.transaction():
            for name, value in _QUIET:
                session.value("SELECT set_config(%s, %s, true)", (name, value))
            session.execute(f"ALTER ROLE {quoted(self.role)} PASSWORD %s", (verifier,))

    def _log_in(self) -> None:
        address = replace(self._target.service.address, username=self.role, password=self._password)
        limits = SessionLimits(connect=self._target.service.access.connect_timeout)
        with PostgresSession.open(address, self._database, "postgres_settings login", limits) as session:
            session.value("SELECT 1")
