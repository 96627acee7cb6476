# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throwaway Postgres server of a given image, without network, gone at the end of the block."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, Optional, Tuple, Type

from .._core.container import parse_container
from .._core.errors import OperationError
from .._core.helper_container import HelperTask, Mount
from .._core.postgres_errors import PostgresLoginRefused, PostgresUnreachable
from .._core.restore_errors import ScratchFailed
from .._core.stack import Stack
from .engine import Engine
from .helper_container import HelperContainer
from .postgres_client import PostgresClient
from .postgres_dump import Server
from .postgres_ping import PostgresAddress
from .postgres_service import PostgresAccess, PostgresService
from .socket_directory import short_path, socket_directory
from .stack_containers import ServiceContainer

_PORT = 5432
_SOCKETS = "/run/runbook"
# The socket of the image itself stays: its entrypoint needs it while it makes the cluster.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": f"/var/run/postgresql,{_SOCKETS}",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "autovacuum": "off",
    "log_line_prefix": "<%e> ",
    "log_min_error_statement": "panic",  # statements hold data
    "logging_collector": "off",
    "log_destination": "stderr",
}
_LOGGED_STATE = re.compile(r"^<([0-9A-Z]{5})> ", re.MULTILINE)
# Out of memory, disk, connections or files; killed; reading or writing failed.
_WANT = ("53", "57P02", "58030")
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class ScratchSettings:
    """``work_dir`` is a private directory of this host for the server's socket. 0 bytes of memory sets no limit."""

    work_dir: str
    bootstrap_role: str = "postgres"
    memory_bytes: int = 0
    start_timeout: float = 120.0
    mounts: Tuple[Mount, ...] = ()


class ScratchServer:
    """Use it as a context; ``server`` reaches it. Sessions go through a socket in a directory of this host."""

    def __init__(self, stack: Stack, engine: Engine, image: str, settings: ScratchSettings) -> None:
        self._stack = stack
        self._engine = engine
        self._settings = settings
        self._password = secrets.token_hex(16)  # some images insist on one
        self._stack_of_contexts = contextlib.ExitStack()
        described = engine.image(image)
        if described is None:
            raise ScratchFailed(f"The image {image[:19]} is not on this host.", hint="Start the service, or pull its image.")
        self._image = described["Id"]
        self._entrypoint = tuple((described.get("Config") or {}).get("Entrypoint") or ())
        self._helper: HelperContainer

    def __enter__(self) -> "ScratchServer":
        with contextlib.ExitStack() as stack:
            sockets = stack.enter_context(socket_directory(self._settings.work_dir))
            self._helper = stack.enter_context(HelperContainer(self._engine, self._stack.name, self._image, self._task(sockets)))
            self.server = self._reached(stack.enter_context(short_path(sockets)))
            self._await()
            self._stack_of_contexts = stack.pop_all()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._stack_of_contexts.close()

    def want(self) -> str:
        """What the server lacked when something went wrong in it, so that it says nothing about the backup; empty if nothing."""
        state = self._helper.state()
        if state.get("OOMKilled"):
            return "the throwaway server ran out of memory"
        if not state.get("Running"):
            return f"the throwaway server ended (exit code {state.get('ExitCode')})"
        lacking = [code for code in _LOGGED_STATE.findall(self._helper.logged()) if code.startswith(_WANT)]
        return f"the throwaway server ran out of memory, disk or connections (SQLSTATE {lacking[0]})" if lacking else ""

    def _task(self, sockets: str) -> HelperTask:
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        return HelperTask(
            purpose="scratch",
            argv=(*self._entrypoint, "postgres", *settings),
            mounts=(Mount(sockets, _SOCKETS, writable=True), *self._settings.mounts),
            environment={
                "POSTGRES_USER": self._settings.bootstrap_role,
                "POSTGRES_PASSWORD": self._password,
                "POSTGRES_DB": "postgres",
                "POSTGRES_INITDB_ARGS": "--no-sync",
            },
            memory_bytes=self._settings.memory_bytes,
        )

    def _reached(self, socket_directory: str) -> Server:
        inspected: Dict[str, Any] = self._engine.inspect(self._helper.id) or {}
        access = PostgresAccess(service="scratch", maintenance_database="postgres", connect_timeout=10)
        address = PostgresAddress(socket_directory, _PORT, self._settings.bootstrap_role, self._password, "postgres")
        service = PostgresService(access, address, ServiceContainer(parse_container(inspected), inspected))
        return Server(self._engine, service, PostgresClient(self._stack, self._engine, service))

    def _await(self) -> None:
        """The server that the entrypoint starts to fill the cluster listens nowhere: it is not the one to wait for."""
        until = time.monotonic() + self._settings.start_timeout
        while not self._answers():
            state = self._helper.state()
            if not state.get("Running"):
                cause = "it ran out of memory" if state.get("OOMKilled") else " | ".join(self._helper.logged().strip().splitlines()[-5:])
                raise ScratchFailed(f"The throwaway server did not start (exit code {state.get('ExitCode')}): {cause}", hint="Look at the image.")
            if time.monotonic() >= until:
                raise ScratchFailed(f"The throwaway server did not start within {self._settings.start_timeout:g} s.", hint="Look at the load of the host.")
            time.sleep(_POLL_SECONDS)

    def _answers(self) -> bool:
        try:
            with self.server.maintenance("scratch") as session:
                return session.value("SHOW listen_addresses") == _SETTINGS["listen_addresses"]
        except (PostgresUnreachable, PostgresLoginRefused):
            return False


def is_inconclusive(error: OperationError, scratch: Optional[ScratchServer]) -> str:
    """Why the error is no verdict on the backup; empty when it is one."""
    if isinstance(error, (ScratchFailed, PostgresUnreachable)):
        return str(error)
    return scratch.want() if scratch is not None else ""
