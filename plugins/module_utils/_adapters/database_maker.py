# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an empty database like another one was, and gives it what no dump holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable, List, Set

from .._core.database_properties import DatabaseProperties, Grant, default_grants, setting_values
from .._core.errors import OperationError
from .postgres_session import PostgresSession, quoted

_PROVIDERS_SINCE, _ICU_RULES_SINCE = 150000, 160000
_DEFAULT_TABLESPACE = "pg_default"  # template0 is there


def create_database(session: PostgresSession, name: str, properties: DatabaseProperties, closed: bool = False) -> None:
    """From template0, to which dumps are relative. Without limits and privileges yet: those come last.

    ``closed``: nobody but this login, and superusers, may connect until ``open_database``. The owner neither, unless he is this login.
    """
    words: List[str] = [f"CREATE DATABASE {_formatted(name)} TEMPLATE template0 OWNER {_formatted(properties.owner)}"]
    parameters: List[Any] = [properties.encoding, properties.collate, properties.ctype]
    words.append("ENCODING %s LC_COLLATE %s LC_CTYPE %s")
    if session.version >= _PROVIDERS_SINCE:
        words.append(f"LOCALE_PROVIDER {properties.provider}")
        if properties.provider != "libc" and properties.locale:
            words.append("ICU_LOCALE %s" if properties.provider == "icu" else "BUILTIN_LOCALE %s")
            parameters.append(properties.locale)
        if properties.icu_rules and session.version >= _ICU_RULES_SINCE:
            words.append("ICU_RULES %s")
            parameters.append(properties.icu_rules)
    # Naming the default one asks for a right that only superusers have, and changes nothing.
    if properties.tablespace != _DEFAULT_TABLESPACE and session.value("SELECT 1 FROM pg_tablespace WHERE spcname = %s", (properties.tablespace,)):
        words.append(f"TABLESPACE {_formatted(properties.tablespace)}")
    words += ["ALLOW_CONNECTIONS false"] if closed else []  # whoever slips in before the privileges are gone would stay
    session.execute(" ".join(words), parameters)
    if closed:
        session.execute(f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC, {quoted(properties.owner)}")
        session.execute(f"GRANT ALL ON DATABASE {quoted(name)} TO CURRENT_USER")
        session.execute(f"ALTER DATABASE {quoted(name)} WITH ALLOW_CONNECTIONS true")


def apply_properties(session: PostgresSession, name: str, properties: DatabaseProperties) -> List[str]:
    """Comment, limit, privileges, settings; warnings for settings that this server does not take."""
    if properties.comment is not None:
        session.execute(f"COMMENT ON DATABASE {_formatted(name)} IS %s", (properties.comment,))
    session.execute(f"ALTER DATABASE {quoted(name)} CONNECTION LIMIT {properties.connection_limit:d}")
    if properties.grants is not None:
        _grant(session, name, properties)
    warnings = []
    for role, setting, value in properties.settings:
        subject = f"ROLE {_formatted(role)} IN DATABASE {_formatted(name)}" if role is not None else f"DATABASE {_formatted(name)}"
        values = setting_values(setting, value)
        try:
            session.execute(f"ALTER {subject} SET {_formatted(*setting.split('.'))} TO {', '.join(['%s'] * len(values))}", values)
        except OperationError as error:
            warnings.append(f"The setting {setting} was left out: {error}")
    return warnings


def open_database(session: PostgresSession, name: str, properties: DatabaseProperties) -> None:
    """Its own privileges again, and none that it was closed with."""
    session.execute(f"REVOKE ALL ON DATABASE {quoted(name)} FROM CURRENT_USER")
    _grant(session, name, properties if properties.grants is not None else replace(properties, grants=default_grants(properties.owner)))


def create_roles(session: PostgresSession, wanted: Iterable[str]) -> List[str]:
    """Makes missing roles without any rights or password, for a server that is thrown away; those that were made."""
    missing = missing_roles(session, wanted)
    for role in sorted(missing):
        session.execute(f"CREATE ROLE {quoted(role)} NOLOGIN")
    return sorted(missing)


def missing_roles(session: PostgresSession, wanted: Iterable[str]) -> Set[str]:
    return set(wanted) - {row["rolname"] for row in session.rows("SELECT rolname::text FROM pg_roles")}


def _grant(session: PostgresSession, name: str, properties: DatabaseProperties) -> None:
    """Exactly these privileges. As the owner, so that they are his to revoke."""
    session.execute(f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC, {quoted(properties.owner)}")
    for grant in properties.grants or ():
        session.execute(_grant_statement(name, grant))


def _grant_statement(name: str, grant: Grant) -> str:
    grantee = "PUBLIC" if grant.grantee is None else quoted(grant.grantee)
    return f"GRANT {grant.privilege} ON DATABASE {quoted(name)} TO {grantee}{' WITH GRANT OPTION' if grant.grantable else ''}"


def _formatted(*names: str) -> str:
    """An identifier in a statement that has parameters too, where a per cent sign is written twice."""
    return quoted(*names).replace("%", "%%")
