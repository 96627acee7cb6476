# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of a service somebody asks for."""

from __future__ import annotations

from typing import Any

from .errors import BadInput


def replica_count(name: str, count: Any, of: str) -> int:
    """``of`` says what is counted; a count may come as text."""
    try:
        number = int(str(count))
    except ValueError:
        number = -1
    if number < 0:
        raise BadInput(f"{count!r} is no number of {of} for {name}.", hint="Use 0 or more.", replicas={name: str(count)})
    return number
