# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys hold the largest or the smallest number: counters, fields of hashes, or how many elements there are."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .redis_key_sample import KeySampler, Sample
from .redis_key_walk import KeyWalk

LARGEST, SMALLEST = "largest", "smallest"
_LONGEST_NUMBER = 32
_LENGTHS = {"list": "LLEN", "set": "SCARD", "zset": "ZCARD", "stream": "XLEN", "hash": "HLEN"}


class KeyRanking:
    """Keeps the first ``most`` and a few more, however many keys there are."""

    def __init__(self, order: str, field: str, most: int) -> None:
        self._smallest = order == SMALLEST
        self._field = field
        self._most = most
        self._numbers: Dict[bytes, float] = {}
        self.without = 0

    def add(self, walk: KeyWalk, keys: Sequence[bytes]) -> None:
        if not keys:
            return
        kinds = [kind.decode() for kind in walk.ask([("TYPE", key) for key in keys])]
        asked = [(key, kind) for key, kind in zip(keys, kinds) if kind in _LENGTHS or kind == "string"]
        for (key, kind), reply in zip(asked, walk.ask([self._question(key, kind) for key, kind in asked])):
            number = _number(reply)
            if number is None:
                self.without += 1
            else:
                self._numbers[key] = number
        if len(self._numbers) > 4 * self._most:
            self._numbers = dict(self._ranked())

    def describe(self, sampler: KeySampler) -> Sample:
        """Rows of the first ones in their order, each with its ``number``."""
        ranked = self._ranked()
        sample = sampler.look([key for key, number in ranked], len(ranked))
        numbers = {row: self._numbers[key] for key, row in sample.described.items()}
        for at, row in enumerate(sample.rows):
            number = numbers[at]
            row["number"] = int(number) if number == int(number) else number
        return sample

    def _question(self, key: bytes, kind: str) -> Tuple[Any, ...]:
        if kind == "string":
            return ("GETRANGE", key, 0, _LONGEST_NUMBER)
        if kind == "hash" and self._field:
            return ("HGET", key, self._field)
        return (_LENGTHS[kind], key)

    def _ranked(self) -> List[Tuple[bytes, float]]:
        sign = 1 if self._smallest else -1
        return sorted(self._numbers.items(), key=lambda item: (sign * item[1], item[0]))[: self._most]


def _number(reply: Any) -> Optional[float]:
    """None for what is no number."""
    try:
        number = float(reply)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
