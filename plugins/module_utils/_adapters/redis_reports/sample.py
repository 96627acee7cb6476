# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of the keys of a Redis server: which prefixes they have, how big they are, whether they expire."""

from __future__ import annotations

import time
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ..._core.errors import OperationError
from ..._core.redis_prefixes import PrefixSample
from ..._core.redis_words import Monitored, Prefixing, monitored
from ..redis_session import RedisSession
from .asking import OF_ONE_PART, Asking

_BATCH = 200


class Sampler:
    """Looks at ``most`` keys or for ``seconds``, whichever ends first, in small batches that hold nobody up."""

    def __init__(self, asking: Asking, sample: PrefixSample, most: int, seconds: float) -> None:
        self._asking = asking
        self._sample = sample
        self._most = most
        self._until = time.monotonic() + seconds

    def take(self, totals: Mapping[int, int]) -> None:
        """From each database its share of the sample."""
        total = sum(totals.values())
        session = self._asking.session
        for database, count in totals.items():
            share = count if total <= self._most else max(1, self._most * count // total)
            session.command("SELECT", database)
            self._take_from(database, share)

    def _take_from(self, database: int, share: int) -> None:
        seen: set = set()  # SCAN may tell a key twice
        for batch in self._batches():
            new = [key for key in dict.fromkeys(batch) if key not in seen][: share - len(seen)]
            seen.update(new)
            self._look_at(database, new)
            if len(seen) >= share or time.monotonic() >= self._until:
                return

    def _batches(self) -> Iterator[List[bytes]]:
        cursor: Any = b"0"
        while True:
            cursor, batch = self._asking.session.command("SCAN", cursor, "COUNT", _BATCH)
            yield batch
            if cursor == b"0":
                return

    def _look_at(self, database: int, found: Sequence[bytes]) -> None:
        session = self._asking.session
        sizes = session.pipeline([("MEMORY", "USAGE", key) for key in found])
        self._note("MEMORY USAGE", sizes)
        there = [(key, size) for key, size in zip(found, sizes) if size is not None]  # the others are gone by now
        wanted = [key for key, size in there if self._sample.add(database, key, size if isinstance(size, int) else None)]
        answers = session.pipeline([words for key in wanted for words in (("TYPE", key), ("TTL", key))])
        self._note("TYPE and TTL", answers)
        for key, kind, seconds in zip(wanted, answers[::2], answers[1::2]):
            if isinstance(kind, bytes) and isinstance(seconds, int) and kind != b"none":
                self._sample.examine(database, key, kind.decode(), seconds >= 0)

    def _note(self, what: str, answers: Sequence[Any]) -> None:
        refused: Optional[OperationError] = next((answer for answer in answers if isinstance(answer, OperationError)), None)
        if refused is not None and what not in {problem.subject for problem in self._asking.missing}:
            self._asking.note("prefixes", what, refused)


def prefixes(asking: Asking, sample: PrefixSample, totals: Dict[int, int], params: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    try:
        Sampler(asking, sample, params["sample_keys"], params["sample_seconds"]).take(totals)
    except OF_ONE_PART as error:
        asking.note("prefixes", "SCAN", error)
        return None
    return sample.result(totals, params["limit"])


def watch(session: RedisSession, prefixing: Prefixing, params: Mapping[str, Any]) -> Iterator[Monitored]:
    """Commands as they come to the server, within the bounds of ``observe``."""
    for line in session.stream("MONITOR", params["seconds"], params["commands"] + 1):  # the first is its OK
        found = monitored(line, prefixing)
        if found is not None:
            yield found
