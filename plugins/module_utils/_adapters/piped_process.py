# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program with bounded time and bounded output, both of its streams apart."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from typing import IO, Mapping, Optional, Sequence

from .._core.command_output import Capture
from .processes import ChildProcess

_PIECE = 65536
_DRAIN_SECONDS = 2.0


class PipedProcess:
    """One running program. The argv is a list: no shell reads it."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], directory: str, limit: int) -> None:
        self.stdout = Capture(limit)
        self.stderr = Capture(limit)
        self._process = ChildProcess(
            list(argv), env=dict(environment), cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(_pipe(self._process.stdout), selectors.EVENT_READ, self.stdout)
        self._selector.register(_pipe(self._process.stderr), selectors.EVENT_READ, self.stderr)

    def finish(self, stdin: str, deadline: float) -> bool:
        """Feeds the program and takes its output until it has ended; False when the deadline (of the monotonic clock) came first."""
        self._write = memoryview(stdin.encode())
        entrance = _pipe(self._process.stdin)
        os.set_blocking(entrance.fileno(), False)
        self._selector.register(entrance, selectors.EVENT_WRITE)
        while self._selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _events in self._selector.select(left):
                self._move(key)
        return self._wait(deadline - time.monotonic())

    def end(self) -> None:
        """Takes what is still to be read for a moment, then ends the program."""
        until = time.monotonic() + _DRAIN_SECONDS
        while self._selector.get_map() and time.monotonic() < until:
            for key, _events in self._selector.select(until - time.monotonic()):
                self._move(key)
        if not self._wait(max(0.0, until - time.monotonic())):
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for key in list(self._selector.get_map().values()):
            self._leave(key)
        self._selector.close()

    def _move(self, key: selectors.SelectorKey) -> None:
        if key.data is None:
            self._feed(key)
            return
        data = os.read(key.fd, _PIECE)
        if data:
            key.data.add(data)
        else:
            self._leave(key)

    def _feed(self, key: selectors.SelectorKey) -> None:
        try:
            self._write = self._write[os.write(key.fd, self._write[:_PIECE]) :] if self._write else self._write
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._write = self._write[:0]  # the program does not want the rest
        if not self._write:
            self._leave(key)

    def _leave(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fileobj)
        with contextlib.suppress(OSError):
            key.fileobj.close()

    def _wait(self, seconds: float) -> bool:
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True


def _pipe(handle: Optional[IO[bytes]]) -> IO[bytes]:
    if handle is None:  # never: all three were asked for
        raise ValueError("not a pipe")
    return handle
