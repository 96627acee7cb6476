# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a Redis write a snapshot, and waits for its proof."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

from .._core.errors import TimedOut
from .._core.rdb_save import SaveState, is_saved, require_same_server, require_unflushed
from .._core.redis_errors import RedisFailed
from .redis_session import RedisSession

_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 0.5
_CLOCK_SECONDS = 1.1  # older servers tell snapshots apart by the second only


@dataclass(frozen=True)
class Saved:
    """``requested`` is the server's own clock, in whole seconds, just before the snapshot was asked for."""

    before: SaveState
    requested: int


class RdbSnapshot:
    """``on_keys`` is told how many keys are written, of how many. Times of the monotonic clock."""

    def __init__(self, session: RedisSession, deadline: float, on_keys: Callable[[int, int], None]) -> None:
        self._session = session
        self._deadline = deadline
        self._on_keys = on_keys

    def save(self) -> Saved:
        """Raises RedisSaveFailed, RedisSaveLost or RedisChanged unless the server wrote what was asked for now."""
        saved = self._request()
        pause = _POLL_SECONDS
        while True:
            now = self._state()
            if is_saved(saved.before, now):
                return saved
            self._on_keys(now.keys_done, now.keys_all)
            self._wait(pause, "write its snapshot")
            pause = min(_LONGEST_POLL_SECONDS, pause * 1.5)

    def require_undisturbed(self, saved: Saved) -> None:
        """To be asked once the file is in safe hands."""
        now = self._state()
        require_same_server(saved.before, now)
        require_unflushed(saved.before, now)

    def _request(self) -> Saved:
        """Waits for whatever the server's only child works at: it may have begun before us, or begin just now."""
        while True:
            before = self._state()
            while before.child:
                self._wait(_LONGEST_POLL_SECONDS, "end another snapshot or rewrite")
                before = self._state()
            if before.saves < 0:
                time.sleep(_CLOCK_SECONDS)
            saved = Saved(before, int(self._session.command("TIME")[0]))
            try:
                self._session.command("BGSAVE")
            except RedisFailed:
                if not self._state().child:
                    raise
                continue
            return saved

    def _state(self) -> SaveState:
        info = [self._session.info(section) for section in ("server", "persistence", "commandstats")]
        return SaveState.from_info({name: value for part in info for name, value in part.items()})

    def _wait(self, seconds: float, what: str) -> None:
        if time.monotonic() >= self._deadline:
            raise TimedOut(f"Redis did not {what} within its time. Nothing was published.", hint="Give it more time ('timeout').")
        time.sleep(seconds)
