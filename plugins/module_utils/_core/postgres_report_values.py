# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of a report that are worked out from others, and values that are not shown."""

from __future__ import annotations

from typing import Any, Optional

from .redaction import MASK, Redactor, is_secret_name

_TRANSACTIONS = 2**31  # so many, and the server stops taking new ones
_FEWEST_BLOCKS = 10_000  # below, a hit ratio says nothing
_COMMANDS = ("_command", "conninfo")


def hit_percent(hits: int, reads: int) -> Optional[float]:
    """Blocks found in the server's own cache, of all that were wanted; None when there were too few to tell."""
    wanted = hits + reads
    return round(hits / wanted * 100, 2) if wanted >= _FEWEST_BLOCKS else None


def wraparound_percent(transactions: int, multixacts: int) -> float:
    """How far the oldest row that was not frozen is on its way to where the server stops."""
    return round(max(transactions, multixacts) / _TRANSACTIONS * 100, 1)


def ratio_percent(part: Optional[float], whole: Optional[float]) -> Optional[float]:
    if part is None or not whole:
        return None
    return round(part / whole * 100, 1)


def hidden_setting(name: str, value: Any) -> Any:
    """Commands and connection strings hold what they please; settings of extensions may be secrets by their name."""
    secret = name.endswith(_COMMANDS) or ("." in name and is_secret_name(name))
    return MASK if secret and value else Redactor().text(value or "")
