# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What single keys are: type, remaining life, memory, length and, when asked for, their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .._core.errors import OperationError
from .._core.redaction import MASK
from .._core.redis_keys_text import shown
from .redis_session import RedisSession

_LONGEST_TEXT = 1024
_GONE = -2
_LENGTH = {"string": "STRLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN"}


@dataclass
class Sample:
    """``described`` says which row a key has. ``refused`` is the first refusal of each kind; what it would have told is None."""

    rows: List[Dict[str, Any]] = field(default_factory=list)
    described: Dict[bytes, int] = field(default_factory=dict)
    bytes_of_all: Optional[int] = None
    measured: int = 0
    refused: Dict[str, OperationError] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """At most so many rows, so many elements of a value; ``values`` False masks them."""

    rows: int
    elements: int
    values: bool


class KeySampler:
    def __init__(self, session: RedisSession, wanted: Wanted) -> None:
        self._session = session
        self._wanted = wanted

    def look(self, keys: Sequence[bytes], of_all: int) -> Sample:
        """All ``keys`` are weighed, for an estimate of ``of_all``; the first of them are described."""
        sample = Sample()
        weights = self._ask(sample, "memory", [("MEMORY USAGE", key) for key in keys])
        known = [weight for weight in weights if weight is not None]
        sample.measured = len(known)
        if known:
            sample.bytes_of_all = round(sum(known) / len(known) * of_all)
        described = list(zip(keys, weights))[: self._wanted.rows]
        types = [reply and reply.decode() for reply in self._ask(sample, "type", [("TYPE", key) for key, weight in described])]
        lives = self._ask(sample, "expiry", [("PTTL", key) for key, weight in described])
        lengths = self._lengths(sample, [key for key, weight in described], types)
        for (key, weight), kind, left, length in zip(described, types, lives, lengths):
            if kind == "none" or left == _GONE:
                continue
            row = {"name": shown(key), "type": kind, "ttl": _seconds(left), "bytes": weight, "length": length, "number": None, "value": MASK}
            if self._wanted.values:
                row["value"] = self._value(sample, key, kind)
            sample.described[key] = len(sample.rows)
            sample.rows.append(row)
        return sample

    def _lengths(self, sample: Sample, keys: Sequence[bytes], types: Sequence[Optional[str]]) -> List[Any]:
        known = [(key, _LENGTH[kind]) for key, kind in zip(keys, types) if kind in _LENGTH]
        told = dict(zip((key for key, command in known), self._ask(sample, "length", [(command, key) for key, command in known])))
        return [told.get(key) for key in keys]

    def _value(self, sample: Sample, key: bytes, kind: Optional[str]) -> Any:
        if kind not in _READ:
            return None
        words, typed = _READ[kind]
        (reply,) = self._ask(sample, "value", [words(key, self._wanted.elements)])
        return None if reply is None else typed(reply, self._wanted.elements)

    def _ask(self, sample: Sample, what: str, commands: Sequence[Sequence[Any]]) -> List[Any]:
        """A reply each; None for one that was refused."""
        replies = []
        for reply in self._session.pipeline(commands):
            if isinstance(reply, OperationError):
                sample.refused.setdefault(what, reply)
                reply = None
            replies.append(reply)
        return replies


def _seconds(milliseconds: Any) -> Optional[int]:
    """Whole seconds, rounded up: what is there has at least one. -1 never expires."""
    return milliseconds if milliseconds is None or milliseconds < 0 else -(-milliseconds // 1000)


def _text(value: bytes) -> str:
    return shown(value[:_LONGEST_TEXT]) + ("…" if len(value) > _LONGEST_TEXT else "")


def _pairs(flat: Sequence[bytes], most: int) -> List[Tuple[str, str]]:
    return list(zip(map(_text, flat[::2]), map(_text, flat[1::2])))[:most]


def _members(reply: Any, most: int) -> List[str]:
    return sorted(map(_text, reply[1]))[:most]


def _scores(reply: Any, most: int) -> List[Dict[str, Any]]:
    """JSON has no word for an infinite score; it stays a text."""
    return [{"member": member, "score": score if score.lstrip("-") == "inf" else float(score)} for member, score in _pairs(reply, most)]


def _entries(reply: Any, most: int) -> List[Dict[str, Any]]:
    return [{"id": _text(entry[0]), "fields": dict(_pairs(entry[1], most))} for entry in reply]


# Type to the command that reads at most so many elements, and to what becomes of its reply.
_READ: Dict[str, Tuple[Callable[[bytes, int], Tuple], Callable[[Any, int], Any]]] = {
    "string": (lambda key, most: ("GETRANGE", key, 0, _LONGEST_TEXT), lambda reply, most: _text(reply)),
    "list": (lambda key, most: ("LRANGE", key, 0, most - 1), lambda reply, most: [_text(one) for one in reply]),
    "set": (lambda key, most: ("SSCAN", key, 0, "COUNT", most), _members),
    "zset": (lambda key, most: ("ZRANGE", key, 0, most - 1, "WITHSCORES"), _scores),
    "hash": (lambda key, most: ("HSCAN", key, 0, "COUNT", most), lambda reply, most: dict(_pairs(reply[1], most))),
    "stream": (lambda key, most: ("XRANGE", key, "-", "+", "COUNT", most), _entries),
}
