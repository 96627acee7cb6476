# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of Redis (SCAN MATCH), as its own ``stringmatchlen`` reads them: https://github.com/redis/redis/blob/7.0/src/util.c."""

from __future__ import annotations

import re
from typing import FrozenSet, List, Optional, Set, Tuple

_SPECIAL = re.compile(rb"[*?\[\]\\^]")
_ANY = frozenset(range(256))

# One place of a pattern: the bytes that fit there, or None for a star.
Place = Optional[FrozenSet[int]]


def escape(name: bytes) -> bytes:
    """A pattern that matches this name and nothing else."""
    return _SPECIAL.sub(rb"\\\g<0>", name)


class Glob:
    """One pattern."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern
        self._places = _places(pattern)

    def matches(self, name: bytes) -> bool:
        if not name and self._places:
            return self.pattern == b"*"  # SCAN does not ask when the pattern is one star; the empty name fits no other
        return any(state == len(self._places) for state in self._states(name))

    def matches_everything(self) -> bool:
        """A star, and nothing beside it but what any byte fits."""
        return None in self._places and all(place is None or place == _ANY for place in self._places)

    def can_match_below(self, prefix: bytes) -> bool:
        """Whether a name that begins with ``prefix`` could match."""
        return any(frozenset() not in self._places[state:] for state in self._states(prefix))

    def lies_below(self, prefix: bytes) -> bool:
        """Whether only names that begin with ``prefix`` match."""
        return len(self._places) >= len(prefix) and all(place == {byte} for place, byte in zip(self._places, prefix))

    def _states(self, name: bytes) -> Set[int]:
        """Places at which the pattern can go on after ``name``."""
        states = self._skipping_stars({0})
        for byte in name:
            following = set()
            for state in states:
                if state == len(self._places):
                    continue
                place = self._places[state]
                if place is None:
                    following.add(state)
                elif byte in place:
                    following.add(state + 1)
            states = self._skipping_stars(following)
            if not states:
                break
        return states

    def _skipping_stars(self, states: Set[int]) -> Set[int]:
        found = set(states)
        for state in states:
            while state < len(self._places) and self._places[state] is None:
                state += 1
                found.add(state)
        return found


def _places(pattern: bytes) -> List[Place]:
    found: List[Place] = []
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        if byte == b"*":
            found.append(None)
        elif byte == b"?":
            found.append(_ANY)
        elif byte == b"[":
            place, at = _class(pattern, at + 1)
            found.append(place)
            continue
        else:
            at += 1 if byte == b"\\" and at + 1 < len(pattern) else 0
            found.append(frozenset((pattern[at],)))
        at += 1
    return found


def _class(pattern: bytes, at: int) -> Tuple[FrozenSet[int], int]:
    """What stands between brackets, and where the pattern goes on. The end of the pattern closes it as well."""
    negated = pattern[at : at + 1] == b"^"
    at += 1 if negated else 0
    members: Set[int] = set()
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
            members.add(pattern[at + 1])
            at += 2
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            members |= _range(pattern[at], pattern[at + 2])
            at += 3
        else:
            members.add(pattern[at])
            at += 1
    return frozenset(_ANY - members if negated else members), at + 1


def _range(first: int, last: int) -> Set[int]:
    """Ends in either order, compared as signed bytes, as the server does on the processors that it is mostly built for."""
    low, high = sorted((_signed(first), _signed(last)))
    return {number % 256 for number in range(low, high + 1)}


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
