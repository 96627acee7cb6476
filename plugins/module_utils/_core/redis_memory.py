# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot may cost: memory for the fork, room for the file."""

from __future__ import annotations

from .rdb_errors import RedisSaveFailed

_GROWTH = 2  # while it saves, a server that is written to copies what changes, at worst all


def fork_warning(used: int, limit: int) -> str:
    """A sentence when the container's memory may not do for a snapshot; empty when it does, or has no limit (0)."""
    if not limit or used * _GROWTH <= limit:
        return ""
    return (
        f"Redis uses {used >> 20} MiB of the {limit >> 20} MiB that its container may have: while it saves it may need up to twice as much, and be killed."
        " Give it more, or let it hold less (maxmemory)."
    )


def require_room(free: int, needed: int, directory: str) -> None:
    """Before the server is asked: a snapshot that fails may make it refuse writes."""
    if free < needed:
        raise RedisSaveFailed(
            f"{directory} of the server has {free >> 20} MiB free, and its snapshot may need {needed >> 20} MiB. It was not asked for one.",
            hint="Make room on that disk.",
            free_bytes=free,
            needed_bytes=needed,
        )
