# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an application logs in to its Postgres, as the environment of its container says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional
from urllib.parse import unquote, urlsplit

from .errors import BadInput

# Prefixes of variables by which applications are commonly told, the first that has a role and a database counts.
_URLS = ("DATABASE_URL", "POSTGRES_URL", "POSTGRESQL_URL", "PG_URL", "DB_URL")
_PREFIXES = ("DATABASE_", "DB_", "PG", "POSTGRES_", "POSTGRESQL_")
_PARTS = {
    "host": ("HOST", "HOSTNAME"),
    "port": ("PORT",),
    "username": ("USER", "USERNAME"),
    "password": ("PASSWORD", "PASS"),
    "database": ("NAME", "DATABASE", "DB", "DBNAME"),
}


class LoginNotFound(BadInput):
    """The environment of a container does not say how it logs in to Postgres."""

    reason = "application_login_not_found"


@dataclass(frozen=True)
class ApplicationLogin:
    """``host`` is what the application calls the server. The password is never shown."""

    host: str
    port: int
    username: str
    password: str
    database: str

    def __repr__(self) -> str:
        return f"ApplicationLogin({self.username} at {self.host}:{self.port}/{self.database})"


def application_login(environment: Mapping[str, str], container: str) -> ApplicationLogin:
    for variable in _URLS:
        found = _of_url(environment.get(variable, ""))
        if found:
            return found
    for prefix in _PREFIXES:
        found = _of_parts(environment, prefix)
        if found:
            return found
    raise LoginNotFound(
        f"The environment of container {container} does not say how it logs in to Postgres.",
        hint=f"Known are {', '.join(_URLS)}, and HOST, USER, PASSWORD and NAME after {', '.join(_PREFIXES)}. Give username and password instead.",
        container=container,
    )


def _of_url(text: str) -> Optional[ApplicationLogin]:
    """``postgres://``, ``postgresql://`` and the drivers of them (``postgresql+psycopg2://``)."""
    try:
        parts = urlsplit(text)
        port = parts.port or 5432
    except ValueError:
        return None
    if parts.scheme.split("+")[0] not in ("postgres", "postgresql") or not (parts.hostname and parts.username):
        return None
    username = unquote(parts.username)
    return ApplicationLogin(parts.hostname, port, username, unquote(parts.password or ""), unquote(parts.path.lstrip("/")) or username)


def _of_parts(environment: Mapping[str, str], prefix: str) -> Optional[ApplicationLogin]:
    found = {part: next((environment[prefix + name] for name in names if environment.get(prefix + name)), "") for part, names in _PARTS.items()}
    port = found["port"] or "5432"
    if not (found["host"] and found["username"] and port.isdecimal() and int(port) <= 65535):
        return None
    return ApplicationLogin(found["host"], int(port), found["username"], found["password"], found["database"] or found["username"])
