# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's own client programs (pg_dump and the like), in a helper container of the server's image."""

from __future__ import annotations

from typing import Mapping, Sequence, Tuple

from .._core.helper_container import HelperTask, Mount
from .._core.stack import Stack
from .engine import Engine
from .helper_container import HelperContainer
from .postgres_service import PostgresService

_PASSFILE = "/.runbook-pgpass"


class PostgresClient:
    """Makes helpers that share the network of the server's container, so that it is 127.0.0.1 for them."""

    def __init__(self, stack: Stack, engine: Engine, service: PostgresService) -> None:
        self._stack = stack
        self._engine = engine
        self._service = service

    def helper(self, purpose: str, argv: Sequence[str], mounts: Tuple[Mount, ...] = (), **environment: str) -> HelperContainer:
        """A helper with the login in its environment (PGHOST, PGUSER, ...; the password in a file of its own, gone with it)."""
        return HelperContainer(self._engine, self._stack.name, self._service.container.image_id, self.task(purpose, argv, mounts, environment))

    def task(self, purpose: str, argv: Sequence[str], mounts: Tuple[Mount, ...], environment: Mapping[str, str]) -> HelperTask:
        address = self._service.address
        login = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(address.port),
            "PGUSER": address.username,
            "PGPASSFILE": _PASSFILE,
            "PGCONNECT_TIMEOUT": str(self._service.access.connect_timeout),
            "PGAPPNAME": f"runbook.compose {purpose}",
            "LC_ALL": "C.UTF-8",
        }
        return HelperTask(
            purpose=purpose,
            argv=tuple(argv),
            network=f"container:{self._service.container.id}",
            mounts=mounts,
            files={_PASSFILE: passfile(address.password)} if address.password else {},
            environment={**login, **environment},
        )


def passfile(password: str) -> bytes:
    """A line of libpq's password file that fits every server."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{escaped}\n".encode()


def version_of(said: str) -> str:
    """``pg_dump (PostgreSQL) 17.9 (Debian ...)`` as 17.9; empty when it is something else."""
    words = said.split()
    return words[2] if len(words) > 2 and words[1] == "(PostgreSQL)" else ""
