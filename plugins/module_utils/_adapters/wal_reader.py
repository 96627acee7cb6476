# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads times of commits out of received segments, with the server's own pg_waldump."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Dict, List, Optional, Tuple

from .._core.helper_container import HelperTask, Mount
from .._core.timestamps import parse_timestamp
from .._core.wal import Wal, segment_name
from .engine import Engine
from .helper_container import run_helper
from .pitr_store import PitrStore

_WAL = "/wal"
_SECONDS = 300.0
# Not translated, whatever the locale is. Both ends of a transaction count where a recovery looks for its time.
_ENDED = re.compile(r"\bdesc: (?:COMMIT|ABORT)(?:_PREPARED)? (?:\d+: )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC")


class WalReader:
    """Remembers what it has read: one question is asked about the end of several rows."""

    def __init__(self, engine: Engine, stack: str, image_id: str, store: PitrStore) -> None:
        self._engine = engine
        self._stack = stack
        self._image_id = image_id
        self._store = store
        self._known: Dict[int, Optional[datetime]] = {}

    def last_commit(self, wal: Wal, first: int, last: int) -> Optional[datetime]:
        """Of these segments; looks from the end, and no further than it has to."""
        for number in range(last, first - 1, -1):
            if number not in self._known:
                self._known[number] = self._in_segment(wal, number)
            if self._known[number] is not None:
                return self._known[number]
        return None

    def _in_segment(self, wal: Wal, number: int) -> Optional[datetime]:
        files = wal.row(number, number)
        with self._store.recovery_directory() as directory:
            self._store.link_wal(files, wal.segment_bytes, f"{directory}{_WAL}")
            timeline = max(file.timeline for file in files)
            name = segment_name(timeline, number, wal.segment_bytes)
            task = HelperTask(
                "last-commit",
                ("pg_waldump", f"--path={_WAL}", "--rmgr=Transaction", f"--timeline={timeline}", name, name),
                mounts=(Mount(f"{directory}{_WAL}", _WAL),),
                environment={"TZ": "UTC", "LC_ALL": "C.UTF-8"},
            )
            # A part ends in the middle of nothing, which is no failure: what was read before it is right.
            said = run_helper(self._engine, self._stack, self._image_id, task, _SECONDS).stdout
        return max(_times(said), default=None)


def _times(said: str) -> List[datetime]:
    found: Tuple[Optional[datetime], ...] = tuple(parse_timestamp(match.group(1) + "Z") for match in _ENDED.finditer(said))
    return [moment for moment in found if moment is not None]
