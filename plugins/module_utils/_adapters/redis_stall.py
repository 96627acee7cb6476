# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another client of a Redis server notices while we work."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Optional, Type

from .._core.errors import OperationError
from .redis_session import RedisSession
from .redis_target import RedisTarget
from .repeating import Repeating

_EVERY_SECONDS = 0.002
# Else the interpreter lets the thread that asks wait for the one that works, up to 5 ms, and that would be told as the server's.
_SWITCH_SECONDS = 0.0005


class StallWatch:
    """Asks PING on a connection of its own, again and again; ``longest`` is the longest answer in seconds, None without any."""

    def __init__(self, target: RedisTarget) -> None:
        self._target = target
        self._session: Optional[RedisSession] = None
        self._asking = Repeating(self._ask, _EVERY_SECONDS)
        self.longest: Optional[float] = None

    def __enter__(self) -> "StallWatch":
        self._switching = sys.getswitchinterval()
        try:
            self._session = self._target.open()
        except OperationError:
            return self  # no connection is free: the work goes on unwatched, and nothing is told
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._asking.__enter__()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        if self._session is None:
            return
        self._asking.__exit__(kind, error, trace)
        sys.setswitchinterval(self._switching)
        self._session.close()

    @property
    def longest_ms(self) -> Optional[float]:
        return None if self.longest is None else round(self.longest * 1000, 1)

    def _ask(self) -> None:
        began = time.perf_counter()
        self._session.command("PING")
        self.longest = max(self.longest or 0.0, time.perf_counter() - began)
