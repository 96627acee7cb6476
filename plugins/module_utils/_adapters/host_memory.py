# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory this host has left."""

from __future__ import annotations

import re

from .files import read_text

_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB", re.MULTILINE)
_UNKNOWN = 2**62


def available_bytes() -> int:
    """Without the kernel's word, as if there were no end to it."""
    found = _AVAILABLE.search(read_text("/proc/meminfo") or "")
    return int(found.group(1)) * 1024 if found else _UNKNOWN
