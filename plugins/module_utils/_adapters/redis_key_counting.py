# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts all keys of a server by group, part by part, whatever their number."""

from __future__ import annotations

import time
from typing import Optional

from .._core.rdb_content import databases_of
from .._core.redis_key_groups import LASTS, KeyCounter, KeyGroups
from .redis_session import RedisSession

_PART, _GONE = 1000, "-"
# For a server that is ours alone: a part of the keys, and which of them expire, in one answer. What is gone by now is neither.
_WITH_EXPIRY = """
local part = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2])
local expires = {}
for number, key in ipairs(part[2]) do
  local left = redis.call('PTTL', key)
  expires[number] = left == -1 and '0' or left >= 0 and '1' or '-'
end
return {part[1], part[2], table.concat(expires)}
"""


def count_snapshot(session: RedisSession, counter: KeyCounter) -> Optional[KeyGroups]:
    """Of a throwaway server. None when it showed keys twice, as it may while very many expire."""
    for database in sorted(databases_of(session.info("keyspace"))):
        session.command("SELECT", database)
        cursor = b""
        while cursor != b"0":
            cursor, keys, expires = session.command("EVAL", _WITH_EXPIRY, 0, cursor or b"0", _PART)
            marks = expires.decode()
            there = [key for key, mark in zip(keys, marks) if mark != _GONE] if _GONE in marks else keys
            counter.add(database, there, marks.replace(_GONE, ""))
    # What never expires stays, so that its number tells whether each key was met once.
    lasting = sum(keys - expires for keys, expires in databases_of(session.info("keyspace")).values())
    return counter.result() if counter.lasting() == lasting else None


def count_live(session: RedisSession, expected: KeyGroups, seconds: float) -> Optional[KeyGroups]:
    """The groups of ``expected``, by names alone, beside whatever others ask of the server. None when there was not enough time."""
    until, counter = time.monotonic() + seconds, KeyCounter.like(expected)
    for database in sorted(databases_of(session.info("keyspace"))):
        session.command("SELECT", database)
        for part in session.scan("COUNT", _PART):
            counter.add(database, part, LASTS * len(part))
            if time.monotonic() >= until:
                return None
    return counter.result()
