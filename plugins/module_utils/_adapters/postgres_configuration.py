# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a Postgres server: reading them, writing them with ALTER SYSTEM, and loading them."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._core.errors import BadInput, OperationError
from .._core.postgres_setting_values import Definition, split_list
from .._core.postgres_settings import Setting, SettingChange, not_in_effect, shown
from .._core.setting_errors import SettingNotInEffect
from .postgres_session import PostgresSession, SessionLimits, quoted
from .postgres_target import PostgresTarget

_SETTINGS = """
SELECT name, vartype, coalesce(unit, '') AS unit, coalesce(min_val, '') AS least, coalesce(max_val, '') AS most,
       coalesce(enumvals, '{}') AS choices, context, setting, source,
       pending_restart AND source <> 'command line' AS pending_restart
FROM pg_catalog.pg_settings WHERE lower(name) = ANY(%s)
"""
# ALTER SYSTEM writes into a file of this name, which the server reads last.
_WRITTEN = """
SELECT DISTINCT ON (lower(name)) lower(name) AS name, setting FROM pg_catalog.pg_file_settings
WHERE lower(name) = ANY(%s) AND sourcefile LIKE '%%/postgresql.auto.conf' ORDER BY lower(name), seqno DESC
"""
# The server also marks what its files say differently from its command line; no restart will ever bring that.
_PENDING = """
SELECT s.name, current_setting(s.name) AS in_effect, (SELECT f.setting FROM pg_catalog.pg_file_settings f
  WHERE lower(f.name) = lower(s.name) ORDER BY f.seqno DESC LIMIT 1) AS configured
FROM pg_catalog.pg_settings s WHERE s.pending_restart AND s.source <> 'command line' ORDER BY s.name
"""
_FILE_ERRORS = "SELECT sourcefile, sourceline, coalesce(name, '') AS name, error FROM pg_catalog.pg_file_settings WHERE error IS NOT NULL ORDER BY seqno"
# Settings of a database or a role win over those of the server.
_NARROWER = """
SELECT coalesce(d.datname, '') AS database, coalesce(r.rolname, '') AS username, split_part(pair, '=', 1) AS name
FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS pair
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE lower(split_part(pair, '=', 1)) = ANY(%s) ORDER BY 3, 1, 2
"""
_UNDEFINED_FILE = "58P01"
_POLL_SECONDS = 0.1


class PostgresConfiguration:
    """Each look is a session of its own, because a session keeps some of the settings that it began with."""

    def __init__(self, target: PostgresTarget) -> None:
        self._target = target

    def look(self, names: Sequence[str]) -> Dict[str, Setting]:
        """By lower-case name; names that the server does not know are absent."""
        wanted = [name.lower() for name in names]
        with self._open() as session:
            written = {row["name"]: row["setting"] for row in session.rows(_WRITTEN, (wanted,))} if wanted else {}
            return {row["name"].lower(): _read(row, written.get(row["name"].lower())) for row in session.rows(_SETTINGS, (wanted,))}

    def pending_restart(self) -> List[Dict[str, str]]:
        with self._open() as session:
            found = session.rows(_PENDING)
        return [{**row, "in_effect": shown(row["name"], row["in_effect"]), "configured": shown(row["name"], row["configured"])} for row in found]

    def narrower(self, names: Sequence[str]) -> List[Dict[str, str]]:
        """Databases and roles with a value of their own."""
        with self._open() as session:
            return session.rows(_NARROWER, ([name.lower() for name in names],))

    def require_libraries(self, names: Sequence[str]) -> None:
        """Raises BadInput for a library that is not there: the server would not start again."""
        for name in names:
            with self._open() as session:
                try:
                    session.execute("LOAD %s", (name,))
                except OperationError as error:
                    # Other errors come from libraries that are there and want to be loaded at the start only.
                    if error.details.get("sqlstate") == _UNDEFINED_FILE:
                        raise BadInput(
                            f"The server has no library {name!r}; with it in its settings it would not start again.",
                            hint="Use an image that brings the library.",
                            library=name,
                        ) from error

    def write(self, changes: Sequence[SettingChange], seconds: float) -> None:
        """All of them are in effect, or wait for a restart, or none is written."""
        try:
            with self._open() as session:
                for change in changes:
                    if change.write:
                        _alter(session, change.setting.definition, change.value)
            self._load(changes, seconds)
        except OperationError as error:
            self._restore(changes, error)
            raise

    def _load(self, changes: Sequence[SettingChange], seconds: float) -> None:
        until = time.monotonic() + seconds
        self._reload()
        while True:
            missing = not_in_effect(self.look([change.name for change in changes]), list(changes))
            if not missing:
                return
            if time.monotonic() >= until:
                raise self._failure(missing, seconds)
            time.sleep(_POLL_SECONDS)

    def _failure(self, missing: List[str], seconds: float) -> SettingNotInEffect:
        with self._open() as session:
            errors = session.rows(_FILE_ERRORS)
        places = [f"{row['sourcefile']}:{row['sourceline']} {row['error']}" for row in errors]
        return SettingNotInEffect(
            f"Not in effect {seconds:g} s after the reload: {', '.join(missing)}. The values from before were written back.",
            hint=f"The server complains about its files: {'; '.join(places)}" if places else "Read the server's log.",
            settings=missing,
            file_errors=errors,
        )

    def _restore(self, changes: Sequence[SettingChange], cause: OperationError) -> None:
        try:
            with self._open() as session:
                for change in changes:
                    _alter(session, change.setting.definition, change.setting.written)
            self._reload()
        except OperationError as error:
            cause.hint = f"{cause.hint} What was written could not be taken back ({error}): look at postgresql.auto.conf.".strip()

    def _reload(self) -> None:
        with self._open() as session:
            session.value("SELECT pg_catalog.pg_reload_conf()")

    def _open(self) -> PostgresSession:
        # Limits of our own would hide what the server has for them.
        return self._target.open("postgres_settings", limits=SessionLimits(None, None))


def _alter(session: PostgresSession, definition: Definition, value: Optional[str]) -> None:
    name = quoted(*definition.name.split("."))
    if value is None:
        session.execute(f"ALTER SYSTEM RESET {name}")
        return
    # One text with commas would be taken for the name of one library.
    parts = split_list(value) if definition.is_list else [value]
    session.execute(f"ALTER SYSTEM SET {name} = {', '.join(['%s'] * len(parts or ['']))}", parts or [""])


def _read(row: Mapping[str, Any], written: Optional[str]) -> Setting:
    definition = Definition(row["name"], row["vartype"], row["unit"], row["least"], row["most"], tuple(row["choices"]), row["context"])
    return Setting(definition, row["setting"], row["source"], row["pending_restart"], written)
