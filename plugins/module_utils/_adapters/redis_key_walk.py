# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goes over the keys that are meant, in batches that leave the server time for others."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from .._core.errors import OperationError, TimedOut
from .._core.redis_errors import RedisWrongType
from .._core.redis_key_request import NAMES, Protection, Selection
from .._core.redis_keys_text import shown
from .._core.redis_pace import Pace
from .redis_session import RedisSession, all_done

_GONE, _NEVER = -2, -1


@dataclass(frozen=True)
class Batch:
    """``chosen`` are to be touched; the others are left alone, by why."""

    chosen: List[bytes]
    protected: List[bytes]
    expiring_already: int = 0
    missing: Sequence[bytes] = ()


@dataclass(frozen=True)
class Meant:
    """``soon_ms``: keys that expire within it anyway are left alone."""

    selection: Selection
    protection: Protection
    soon_ms: Optional[int] = None


class KeyWalk:
    """Each pass sees every key that is there from its begin to its end; one that the server shows twice is met twice.

    The server already looks for the next keys while the caller works on those of a batch: what the caller wants of the server meanwhile, it asks
    with ``ask``, on the same connection.
    """

    def __init__(self, session: RedisSession, meant: Meant, until: float) -> None:
        self._session = session
        self._meant = meant
        self._until = until
        self._ahead: Sequence[Sequence[Any]] = ()
        self._found: Any = None
        self.pace = Pace()

    def batches(self) -> Iterator[Batch]:
        """Raises TimedOut at the deadline, between two batches."""
        named = self._meant.selection.kind == NAMES
        for found, missing in self._named() if named else self._scanned():
            self._require_time()
            free, protected = self._meant.protection.split(found)
            chosen, soon = self._by_expiry(free)
            yield Batch(chosen, protected, soon, missing)

    def ask(self, commands: Sequence[Sequence[Any]]) -> List[Any]:
        """A reply each. Raises the first refusal, when the others are done."""
        if not commands:
            return []
        self._session.send(commands)
        self._take()
        return all_done(self._session.receive(commands))

    def _scanned(self) -> Iterator[Tuple[List[bytes], Sequence[bytes]]]:
        """A batch takes as long as the server looks for keys, and then does with them what the caller asks."""
        selection = self._meant.selection
        began = self._look_ahead(b"0")
        try:
            cursor = b""
            while cursor != b"0":
                self._take()
                cursor, keys = self._found
                self.pace.took(time.perf_counter() - began)
                if cursor != b"0":
                    began = self._look_ahead(cursor)
                yield selection.meant(keys), ()
        except GeneratorExit:
            # The caller has enough. Whoever asks next on this connection must not get this reply.
            with contextlib.suppress(OperationError):
                self._take()
            raise

    def _look_ahead(self, cursor: bytes) -> float:
        selection = self._meant.selection
        words = [*(("MATCH", selection.match) if selection.match else ()), *(("TYPE", selection.type) if selection.type else ())]
        self._ahead = [("SCAN", cursor, *words, "COUNT", self.pace.size)]
        self._session.send(self._ahead)
        return time.perf_counter()

    def _take(self) -> None:
        """Replies come in the order of the commands, so that of the look ahead is taken before any other."""
        if self._ahead:
            (self._found,), self._ahead = self._session.receive(self._ahead), ()
            if isinstance(self._found, OperationError):
                raise self._found

    def _named(self) -> Iterator[Tuple[List[bytes], Sequence[bytes]]]:
        names, at = self._meant.selection.names, 0
        while at < len(names):
            part, began = names[at : at + self.pace.size], time.perf_counter()
            at += len(part)
            types = dict(zip(part, (reply.decode() for reply in self.ask([("TYPE", key) for key in part]))))
            there = [key for key in part if types[key] != "none"]
            self._require_type([(key, types[key]) for key in there])
            yield there, [key for key in part if types[key] == "none"]
            self.pace.took(time.perf_counter() - began)

    def _require_type(self, found: Sequence[Tuple[bytes, str]]) -> None:
        wanted = self._meant.selection.type
        wrong = [f"{shown(key)} ({kind})" for key, kind in found if wanted and kind != wanted]
        if wrong:
            raise RedisWrongType(
                f"Not of type {wanted}: {', '.join(wrong[:10])}. Nothing of them was touched.",
                hint="Look at what they are (state=listed without type), or leave them out.",
                wrong=len(wrong),
            )

    def _by_expiry(self, keys: List[bytes]) -> Tuple[List[bytes], int]:
        """Those to be touched, and how many expire soon anyway."""
        only_lasting, soon_ms = self._meant.selection.without_expiry, self._meant.soon_ms
        if not keys or not (only_lasting or soon_ms is not None):
            return keys, 0
        lives = list(zip(keys, self.ask([("PTTL", key) for key in keys])))
        lives = [(key, left) for key, left in lives if left != _GONE and (left == _NEVER or not only_lasting)]
        if soon_ms is None:
            return [key for key, left in lives], 0
        chosen = [key for key, left in lives if left == _NEVER or left > soon_ms]
        return chosen, len(lives) - len(chosen)

    def _require_time(self) -> None:
        if time.monotonic() >= self._until:
            raise TimedOut("The time is up before all keys were seen.", hint="Run again to go on, or give it more time (timeout).")
