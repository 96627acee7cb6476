# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops and starts the container of a stack's Redis, and knows when it has ended cleanly and when it has loaded its data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional

from .._core.errors import OperationError
from .._core.rdb_errors import RedisNotStarted, RedisNotStopped
from .._core.redis_errors import RedisLoading, RedisNotInStack, RedisUnreachable
from .._core.stack import Stack
from .engine import Engine
from .engine_containers import stop
from .redis_data import RedisData
from .redis_server import RedisServer
from .redis_service import RedisAccess, RedisService

_POLL_SECONDS = 0.1
_LAST_LINES = 5


@dataclass(frozen=True)
class RedisControl:
    """Times in seconds. ``given`` are settings for a server that does not tell them."""

    stack: Stack
    engine: Engine
    access: RedisAccess
    given: Mapping[str, str]
    stop_timeout: int
    timeout: int

    def found(self) -> RedisService:
        """The container, running or not."""
        return RedisService.in_any_state(self.stack, self.engine, self.access)

    def server(self) -> RedisServer:
        """The running server, which has loaded its data."""
        return RedisServer.find(self.stack.name, self.engine, RedisService.find(self.stack, self.engine, self.access), self.given)

    def server_if_up(self) -> Optional[RedisServer]:
        """None for one that does not run or does not answer, when the caller told where its files are."""
        try:
            return self.server()
        except (RedisUnreachable, RedisLoading, RedisNotInStack) as error:
            if self.given.get("dir") and self.given.get("appendonly"):
                return None
            error.hint = f"{error.hint} One that cannot start any more is restored with data_dir, appendonly and safety_backup=false.".strip()
            raise

    def stopped_server(self, directory: str) -> RedisServer:
        """For its files only: it may not run."""
        service = self.found()
        return RedisServer(self.stack.name, self.engine, service, self.given, RedisData.find(service, {**self.given, "dir": directory}))

    def stop(self) -> None:
        """Raises RedisNotStopped unless it ended by itself and well: a server that could not save its data does not."""
        container = self.found().container
        if not container.running:
            return
        killed = stop(self.engine, container, self.stop_timeout)
        code = self._state(container.id).get("ExitCode")
        if killed or code != 0:
            raise RedisNotStopped(
                f"Redis did not end cleanly (exit code {code}): {self._last_words(container.id)}",
                hint="A server that cannot write its data does not end. Look at the room in its data directory.",
                exit_code=code,
            )

    def discard(self) -> None:
        """However it ends: its files are about to be put away."""
        container = self.found().container
        if container.running or container.state == "restarting":
            stop(self.engine, container, self.stop_timeout)

    def start(self) -> RedisServer:
        """Starts it, unless it runs, and waits until everything is loaded. Raises RedisNotStarted."""
        container = self.found().container
        with self.engine.calling(f"start container {container.name}"):
            self.engine.client.start(container.id)
        until = time.monotonic() + self.timeout
        while True:
            state = self._state(container.id)
            if not state.get("Running") or state.get("Restarting"):
                raise RedisNotStarted(f"Redis ended at once: {self._last_words(container.id)}", hint="Its log says why (compose_logs).")
            try:
                return self.server()
            except (RedisUnreachable, RedisLoading, RedisNotInStack) as error:
                if time.monotonic() >= until:
                    raise RedisNotStarted(f"Redis did not load its data within {self.timeout} s: {error}", hint="Give it more time ('timeout').") from error
            time.sleep(_POLL_SECONDS)

    def _state(self, container: str) -> Mapping[str, Any]:
        return (self.engine.inspect(container) or {}).get("State") or {}

    def _last_words(self, container: str) -> str:
        try:
            with self.engine.calling("read its log"):
                said: bytes = self.engine.client.logs(container, stdout=True, stderr=True, tail=_LAST_LINES)
        except OperationError:
            return "its log cannot be read"
        lines: List[str] = [line[:200] for line in said.decode(errors="replace").splitlines() if line.strip()]
        return " | ".join(lines) or "it gave no reason"
