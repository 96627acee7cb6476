# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throwaway Redis of a given image that loads one snapshot, without network, gone at the end of the block."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Dict, Optional, Sequence, Tuple, Type

from .._core.errors import OperationError
from .._core.helper_container import HelperTask, Mount
from .._core.rdb_content import Loaded
from .._core.redis_errors import RedisLoading, RedisUnreachable
from .._core.restore_errors import ArchiveRejected, ScratchFailed
from .helper_container import HelperContainer
from .redis_data import RedisHelpers
from .redis_service import RedisAddress
from .redis_session import RedisSession
from .socket_directory import short_path, socket_directory

_SOCKETS = "/run/runbook"
_SIGNALLED = 128
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class ScratchTask:
    """What it reads: ``directory`` inside it, on one of the mounts. ``work_dir`` is a private directory of this host for its socket."""

    work_dir: str
    directory: str
    file: str
    mounts: Tuple[Mount, ...]
    settings: Tuple[str, ...] = ()
    modules: Tuple[str, ...] = ()
    user: str = "0:0"
    memory_bytes: int = 0
    timeout: float = 14400.0


class RedisScratch:
    """Use it as a context. ``session`` talks to it once everything is loaded."""

    def __init__(self, helpers: RedisHelpers, task: ScratchTask) -> None:
        self._task = task
        self._helpers = helpers
        self._contexts = contextlib.ExitStack()
        self._helper: HelperContainer

    def __enter__(self) -> "RedisScratch":
        with contextlib.ExitStack() as stack:
            sockets = stack.enter_context(socket_directory(self._task.work_dir))
            mounts = (*self._task.mounts, Mount(sockets, _SOCKETS, writable=True))
            task = HelperTask("scratch", tuple(self._command()), mounts=mounts, user=self._task.user, memory_bytes=self._task.memory_bytes)
            self._helper = stack.enter_context(self._helpers.made(task))
            self._address = RedisAddress(os.path.join(stack.enter_context(short_path(sockets)), "redis.sock"), 0, "", "")
            self._await(time.monotonic() + self._task.timeout)
            self._contexts = stack.pop_all()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._contexts.close()

    def session(self) -> RedisSession:
        return RedisSession.open(self._address)

    def loaded(self) -> Loaded:
        with self.session() as session:
            return Loaded.from_info(session.info("persistence"), session.info("keyspace"))

    def wait(self, seconds: float) -> int:
        """Until it has ended by itself; its exit code."""
        return self._helper.wait(seconds).exit_code

    def _command(self) -> Sequence[str]:
        task = self._task
        modules = [word for path in task.modules for word in ("--loadmodule", path)]
        # Nothing of it may write over the snapshot that it reads.
        own = ["--port", "0", "--unixsocket", f"{_SOCKETS}/redis.sock", "--unixsocketperm", "777", "--save", "", "--appendonly", "no"]
        place = ["--dir", task.directory, "--dbfilename", task.file, "--sanitize-dump-payload", "yes", "--daemonize", "no", "--logfile", ""]
        return ["redis-server", *own, *place, *modules, *task.settings]

    def _await(self, until: float) -> None:
        while True:
            info = self._persistence()
            if info.get("loading") == "0":
                return
            state = self._helper.state()
            if not state.get("Running"):
                raise self._ended(state)
            if time.monotonic() >= until:
                raise ScratchFailed(f"The throwaway Redis did not load the snapshot within {self._task.timeout:g} s.", hint="Give it more time ('timeout').")
            time.sleep(_POLL_SECONDS)

    def _persistence(self) -> Dict[str, str]:
        try:
            with self.session() as session:
                return session.info("persistence")
        except (RedisUnreachable, RedisLoading):
            return {}

    def _ended(self, state: Dict[str, object]) -> OperationError:
        """A server that was killed says nothing about the snapshot; one that gave up does."""
        code = int(str(state.get("ExitCode", -1)))
        said = self._helper.wait(1).stdout.strip().splitlines()[-3:]
        cause = " | ".join(line[:300] for line in said) or "it gave no reason"
        if state.get("OOMKilled") or code >= _SIGNALLED:
            return ScratchFailed(f"The throwaway Redis was killed (exit code {code}): {cause}", hint="Look at the memory of the host.")
        return ArchiveRejected(f"The throwaway Redis did not load the snapshot (exit code {code}): {cause}", hint="Choose another backup.", exit_code=code)
