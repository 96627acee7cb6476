# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands pieces of a stream to a thread of their own, so that two slow neighbours need not wait for each other."""

from __future__ import annotations

import queue
import threading
import time
from types import TracebackType
from typing import Callable, Optional, Type

from .._core.errors import TimedOut

_DEPTH = 16  # of pieces of at most one MiB


class Conveyor:
    """``consume`` gets the pieces in their order. Its first error is raised by the next ``put`` or by ``finish``; the rest is thrown away.

    What ``consume`` writes to must have ended before the block does, or end by itself.
    """

    def __init__(self, consume: Callable[[bytes], None], deadline: float) -> None:
        self._consume = consume
        self._deadline = deadline
        self._pieces: "queue.Queue[bytes]" = queue.Queue(_DEPTH)
        self._failure: Optional[BaseException] = None
        self._given_up = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Conveyor":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.abandon()

    def put(self, piece: bytes) -> None:
        """Raises TimedOut when there is no room until the deadline (of the monotonic clock)."""
        if self._failure is not None:
            raise self._failure
        try:
            self._pieces.put(piece, timeout=max(0.1, self._deadline - time.monotonic()))
        except queue.Full:
            raise TimedOut("Writing the backup did not end within its time.", hint="Give it more time ('timeout').") from None

    def finish(self) -> None:
        """Waits until all was consumed."""
        self.put(b"")
        self._thread.join(max(0.1, self._deadline - time.monotonic()))
        if self._thread.is_alive():
            raise TimedOut("Writing the backup did not end within its time.", hint="Give it more time ('timeout').")
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        """Throws away what waits, and ends the thread."""
        self._given_up = True
        while self._thread.is_alive():
            try:
                self._pieces.put(b"", timeout=0.05)
            except queue.Full:
                continue
            self._thread.join(0.05)

    def _run(self) -> None:
        while True:
            piece = self._pieces.get()
            if not piece:
                return
            if self._failure is None and not self._given_up:
                try:
                    self._consume(piece)
                except BaseException as failure:  # told by the thread that fills the belt
                    self._failure = failure
