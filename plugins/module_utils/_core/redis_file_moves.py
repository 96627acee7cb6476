# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a stopped Redis go where, for an exchange and for the way back, from whatever point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, List, Tuple

from .redis_restore_record import EXCHANGING, RedisRestoreRecord

Move = Tuple[str, str]


@dataclass(frozen=True)
class FilesThere:
    """Names of the data in the server's directory, in what is coming, and in what was put aside."""

    live: FrozenSet[str] = frozenset()
    coming: FrozenSet[str] = frozenset()
    aside: FrozenSet[str] = frozenset()


def moves_forth(record: RedisRestoreRecord, there: FilesThere) -> List[Move]:
    """Pairs of old and new path in the data directory: first everything that is live aside, then what is coming into its place."""
    out = [(name, f"{record.aside}/{name}") for name in record.names if name in record.held and name not in there.aside]
    return out + [(f"{record.coming}/{name}", name) for name in record.names if name in there.coming]


def moves_back(record: RedisRestoreRecord, there: FilesThere) -> List[Move]:
    """What became live goes back to where it came from, then what was live returns. Nothing, where nothing was moved."""
    if not record.reached(EXCHANGING):
        return []
    # What is live is new where its predecessor lies aside, or where there was none.
    new = [name for name in record.names if name in there.live and (name in there.aside or name not in record.held)]
    return [(name, f"{record.coming}/{name}") for name in new] + [(f"{record.aside}/{name}", name) for name in record.names if name in there.aside]
