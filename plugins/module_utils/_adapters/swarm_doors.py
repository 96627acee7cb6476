# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks ports that a swarm publishes, from this host."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Sequence

from .._core.swarm_health import Door

_SECONDS = 3.0
_AT_ONCE = 16


def closed_doors(doors: Sequence[Door]) -> Dict[Door, str]:
    """What was said where no connection was taken, in the order of ``doors``."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as threads:
        said = dict(zip(doors, threads.map(_knock, doors)))
    return {door: words for door, words in said.items() if words}


def _knock(door: Door) -> str:
    try:
        socket.create_connection((door.address, door.port), timeout=_SECONDS).close()
    except OSError as error:
        return str(error.strerror or error)
    return ""
