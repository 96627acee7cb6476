# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an application logs in to its Postgres or Redis, as the environment of its container says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from .errors import BadInput

# Prefixes of variables by which applications are commonly told, the first that has a role and a database counts.
_PARTS = {
    "host": ("HOST", "HOSTNAME"),
    "port": ("PORT",),
    "username": ("USER", "USERNAME"),
    "password": ("PASSWORD", "PASS"),
    "database": ("NAME", "DATABASE", "DB", "DBNAME"),
}


@dataclass(frozen=True)
class Server:
    """How environments name a kind of server. Whoever logs in to Postgres has a name, and a database of that name unless it says otherwise."""

    name: str
    urls: Tuple[str, ...]
    prefixes: Tuple[str, ...]
    schemes: Tuple[str, ...]
    port: int
    named: bool


POSTGRES = Server(
    "Postgres",
    ("DATABASE_URL", "POSTGRES_URL", "POSTGRESQL_URL", "PG_URL", "DB_URL"),
    ("DATABASE_", "DB_", "PG", "POSTGRES_", "POSTGRESQL_"),
    ("postgres", "postgresql"),
    5432,
    named=True,
)
REDIS = Server("Redis", ("REDIS_URL", "REDIS_URI", "CACHE_URL"), ("REDIS_", "CACHE_"), ("redis",), 6379, named=False)


class LoginNotFound(BadInput):
    """The environment of a container does not say how it logs in to its server."""

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


def application_login(environment: Mapping[str, str], container: str, server: Server = POSTGRES) -> ApplicationLogin:
    for variable in server.urls:
        found = _of_url(environment.get(variable, ""), server)
        if found:
            return found
    for prefix in server.prefixes:
        found = _of_parts(environment, prefix, server)
        if found:
            return found
    names = "HOST, USER, PASSWORD and NAME" if server.named else "HOST and PASSWORD"
    raise LoginNotFound(
        f"The environment of container {container} does not say how it logs in to {server.name}.",
        hint=f"Known are {', '.join(server.urls)}, and {names} after {', '.join(server.prefixes)}. Give username and password instead.",
        container=container,
    )


def _of_url(text: str, server: Server) -> Optional[ApplicationLogin]:
    """``postgres://``, ``postgresql://`` and the drivers of them (``postgresql+psycopg2://``); ``redis://``."""
    try:
        parts = urlsplit(text)
        port = parts.port or server.port
    except ValueError:
        return None
    if parts.scheme.split("+")[0] not in server.schemes or not parts.hostname or (server.named and not parts.username):
        return None
    username = unquote(parts.username or "")
    return ApplicationLogin(parts.hostname, port, username, unquote(parts.password or ""), unquote(parts.path.lstrip("/")) or username)


def _of_parts(environment: Mapping[str, str], prefix: str, server: Server) -> Optional[ApplicationLogin]:
    found = {part: next((environment[prefix + name] for name in names if environment.get(prefix + name)), "") for part, names in _PARTS.items()}
    port = found["port"] or str(server.port)
    if not (found["host"] and (found["username"] or not server.named) and port.isdecimal() and int(port) <= 65535):
        return None
    return ApplicationLogin(found["host"], int(port), found["username"], found["password"], found["database"] or found["username"])
