# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy of eviction may take away."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

NO_EVICTION = "noeviction"
PART_OF_LIMIT = 75  # percent of the container's memory: the rest is for copies while saving, for clients and for fragmentation


def endangered(policy: str, protected: Mapping[str, int]) -> Sequence[str]:
    """Protected prefixes of which a full server might take keys. ``protected`` is prefix to the number of keys with an expiry, -1 for unknown."""
    if policy.startswith("allkeys-"):
        return sorted(protected)
    if policy.startswith("volatile-"):
        return sorted(prefix for prefix, expiring in protected.items() if expiring)
    return []


def most_memory(container_limit: int) -> Optional[int]:
    """The largest maxmemory that is safe in a container with this limit of bytes; None without a limit."""
    return container_limit * PART_OF_LIMIT // 100 if container_limit else None
