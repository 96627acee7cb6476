# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the snapshot that was asked for is there, by what the server says before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from .rdb_errors import RedisSaveFailed, RedisSaveLost
from .redis_errors import RedisChanged

_FAILED_HINT = (
    "Look at the log of the container, at the free room in its data directory, and at the memory of the host (vm.overcommit_memory)."
    " Until a snapshot succeeds (BGSAVE), a server with save points refuses writes (stop-writes-on-bgsave-error)."
)


@dataclass(frozen=True)
class SaveState:
    """``saves`` is -1 for servers that do not count them. ``child`` is whatever keeps the server from beginning a snapshot."""

    run_id: str
    saving: bool
    child: bool
    good: bool
    saves: int
    last_save: int
    flushes: int = 0
    keys_done: int = 0
    keys_all: int = 0

    @classmethod
    def from_info(cls, info: Mapping[str, str]) -> "SaveState":
        """Of the sections server, persistence and commandstats together."""
        saving = info.get("rdb_bgsave_in_progress") == "1"
        others = ("aof_rewrite_in_progress", "module_fork_in_progress", "loading")
        return cls(
            run_id=info.get("run_id", ""),
            saving=saving,
            child=saving or any(info.get(name) == "1" for name in others),
            good=info.get("rdb_last_bgsave_status") == "ok",
            saves=_number(info.get("rdb_saves", ""), -1),
            last_save=_number(info.get("rdb_last_save_time", ""), 0),
            flushes=_calls(info.get("cmdstat_flushall", "")),
            keys_done=_number(info.get("current_save_keys_processed", ""), 0),
            keys_all=_number(info.get("current_save_keys_total", ""), 0),
        )


def is_saved(before: SaveState, now: SaveState) -> bool:
    """False while it goes on. Raises for a snapshot that will not come."""
    require_same_server(before, now)
    if now.saving:
        return False
    if not now.good:
        raise RedisSaveFailed("Redis could not write its snapshot (rdb_last_bgsave_status is not ok).", hint=_FAILED_HINT)
    advanced = now.saves > before.saves if before.saves >= 0 else now.last_save > before.last_save
    if not advanced:
        raise RedisSaveLost("The snapshot was stopped before its end.", hint="FLUSHALL does that; look who runs it, and run again.")
    require_unflushed(before, now)
    return True


def require_same_server(before: SaveState, now: SaveState) -> None:
    if now.run_id != before.run_id:
        raise RedisChanged("Redis was restarted while it saved its data.", hint="The snapshot is not to be trusted; run again.")


def require_unflushed(before: SaveState, now: SaveState) -> None:
    """FLUSHALL ends a running snapshot and, where there are save points, writes an empty one in its place."""
    if now.flushes != before.flushes:
        raise RedisSaveLost(
            "All data of Redis were removed (FLUSHALL) while they were saved, and the snapshot may be the empty one that this writes.",
            hint="Restore an earlier backup if that was not meant.",
        )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdigit() else otherwise


def _calls(statistics: str) -> int:
    return _number(dict(part.partition("=")[::2] for part in statistics.split(",")).get("calls", ""), 0)
