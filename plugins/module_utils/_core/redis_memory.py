# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fork of the server may cost."""

from __future__ import annotations

_GROWTH = 2  # while it saves, a server that is written to copies what changes, at worst all


def fork_warning(used: int, limit: int) -> str:
    """A sentence when the container's memory may not do for a snapshot; empty when it does, or has no limit (0)."""
    if not limit or used * _GROWTH <= limit:
        return ""
    return (
        f"Redis uses {used >> 20} MiB of the {limit >> 20} MiB that its container may have: while it saves it may need up to twice as much, and be killed."
        " Give it more, or let it hold less (maxmemory)."
    )
