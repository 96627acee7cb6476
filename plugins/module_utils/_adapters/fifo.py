# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named pipes between this process and a helper container: neither waits for a partner that has died."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import time
from types import TracebackType
from typing import Callable, Optional, Type

from .._core.errors import TimedOut

PIECE = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, which the fcntl module names only since Python 3.10
_LOOK_SECONDS = 0.25
_RETRY_SECONDS = 0.01
# Programs write in small pieces. A moment's rest lets the pipe fill up, so that fewer and larger ones are moved.
_SMALL, _REST_SECONDS = PIECE // 4, 0.001


def make_fifo(path: str) -> str:
    """To be made before the partner starts; each end waits for the other."""
    os.mkfifo(path, 0o600)
    return path


class FifoSource:
    """The reading end of ``make_fifo``. ``writer_lives`` is asked while nothing comes; without a writer the stream is at its end."""

    def __init__(self, path: str, writer_lives: Callable[[], bool], deadline: float) -> None:
        self._path = path
        self._writer_lives = writer_lives
        self._deadline = deadline
        self._last = PIECE
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        widen(self._descriptor)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def __enter__(self) -> "FifoSource":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        os.close(self._descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def read(self) -> bytes:
        """The next piece; empty at the end. Raises TimedOut at the deadline (of the monotonic clock)."""
        lives = True
        if self._last < _SMALL:
            time.sleep(_REST_SECONDS)
        while True:
            # The kernel tells of a hang-up only once a writer was there.
            if self._poll.poll(_LOOK_SECONDS * 1000 if lives else 0):
                piece = os.read(self._descriptor, PIECE)
                self._last = len(piece)
                return piece
            if not lives:
                return b""
            if time.monotonic() >= self._deadline:
                raise TimedOut("The dump did not end within its time.", hint="Give it more time ('timeout').")
            lives = self._writer_lives()


class FifoSink:
    """The writing end. A reader that leaves before the end is no error here; ``left_early`` tells.

    A reader that stops reading ends in TimedOut at the ``deadline`` (of the monotonic clock).
    """

    def __init__(self, path: str, reader_lives: Callable[[], bool], deadline: float) -> None:
        self._path = path
        self._reader_lives = reader_lives
        self._deadline = deadline
        self._descriptor: Optional[int] = None
        self.left_early = False

    def __enter__(self) -> "FifoSink":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def write(self, piece: bytes) -> None:
        if self.left_early or not self._opened():
            return
        view = memoryview(piece)
        try:
            while view:
                self._await_room()
                view = view[os.write(self._descriptor or 0, view) :]
        except BrokenPipeError:
            self.left_early = True

    def close(self) -> None:
        """Tells the reader that this was all."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _await_room(self) -> None:
        waiting = select.poll()
        waiting.register(self._descriptor or 0, select.POLLOUT)
        if not waiting.poll(max(0.0, self._deadline - time.monotonic()) * 1000):
            raise TimedOut("The program that reads the archive did not end within its time.", hint="Give it more time ('timeout').")

    def _opened(self) -> bool:
        """Without blocking: then writing takes what there is room for, and ``_await_room`` waits for more."""
        while self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                if not self._reader_lives():
                    self.left_early = True
                    return False
                time.sleep(_RETRY_SECONDS)
            else:
                widen(self._descriptor)
        return True


def widen(descriptor: int) -> None:
    """Fewer turns for the same bytes; the kernel may refuse it to ordinary users."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, _SET_PIPE_SIZE, PIECE)
