# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to log in to a Postgres or a Redis, as its own container was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

_VARIABLES = {
    "postgres": {"username": "POSTGRES_USER", "password": "POSTGRES_PASSWORD", "database": "POSTGRES_DB"},
    "redis": {"username": "REDIS_USERNAME", "password": "REDIS_PASSWORD"},
}


@dataclass(frozen=True)
class ServiceLogin:
    """``*_file`` is a path inside the container that holds the value, for parts that are not in the environment."""

    username: str = ""
    password: str = ""
    database: str = ""
    username_file: str = ""
    password_file: str = ""
    database_file: str = ""


def login_of_container(kind: str, environment: Mapping[str, str], command: Sequence[str] = ()) -> ServiceLogin:
    """Reads the variables of the official images (and their ``_FILE`` forms); for Redis also ``--requirepass``."""
    parts = {}
    for part, variable in _VARIABLES[kind].items():
        parts[part] = environment.get(variable, "")
        parts[f"{part}_file"] = "" if parts[part] else environment.get(f"{variable}_FILE", "")
    words = list(command)
    if kind == "redis" and not parts["password"] and "--requirepass" in words[:-1]:
        parts["password"], parts["password_file"] = words[words.index("--requirepass") + 1], ""
    return ServiceLogin(**parts)


def environment_of(variables: Sequence[str]) -> Mapping[str, str]:
    """``NAME=value`` lines, as the engine lists a container's environment, as a mapping."""
    return dict(line.split("=", 1) for line in variables if "=" in line)
