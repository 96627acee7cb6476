# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of Redis' settings: as they stand in YAML, as the server writes them, and whether two of them mean the same."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .errors import BadInput

# What https://github.com/redis/redis/blob/7.0/src/util.c (memtoull) takes.
_UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3}
_NUMBER = re.compile(r"(-?\d+)([a-zA-Z]*)")
_WORDS = ("maxmemory-policy", "appendfsync", "loglevel")
_LETTERS, _CLASSES = "notify-keyspace-events", "client-output-buffer-limit"


def to_text(name: str, value: Any) -> str:
    """A value of YAML as the server takes it. ``save`` may be a list of pairs."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "save" and isinstance(value, list):
        return " ".join(str(word) for pair in value for word in _pair(pair))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str) and not set(value) & set("\r\n\0"):
        return value.strip() if name == "save" else value
    raise BadInput(f"{name} cannot be {value!r}.", hint="Give a text of one line, a number or a truth value.", setting=name)


def same(name: str, wanted: str, actual: Optional[str]) -> bool:
    """Whether two texts mean the same to the server; of limits for classes of clients only those that are wanted are compared."""
    if actual is None:
        return False
    if name == _CLASSES:
        given, there = _classes(wanted), _classes(actual)
        return all(there.get(kind) == limits for kind, limits in given.items())
    return _canonical(name, wanted) == _canonical(name, actual)


def _canonical(name: str, text: str) -> Any:
    if name == "save":
        return sorted(save_points(text))
    if name == _LETTERS:
        return sorted(set(text))
    if name in _WORDS:
        return text.lower()
    return [_word(word) for word in text.split()]


def _classes(text: str) -> Dict[str, Sequence[Any]]:
    """``normal 0 0 0 pubsub 32mb 8mb 60`` by class."""
    words = text.lower().replace("replica ", "slave ").split()
    return {words[place]: [_word(word) for word in words[place + 1 : place + 4]] for place in range(0, len(words), 4)}


def save_points(text: str) -> List[Tuple[int, int]]:
    """Seconds and changes; refuses what the server would refuse as well."""
    words = text.split()
    if len(words) % 2 or not all(word.isdigit() and int(word) for word in words):
        hint = "Give pairs of seconds and changes: 900 1 300 10. An empty text switches snapshots off."
        raise BadInput(f"{text!r} are no save points.", hint=hint, setting="save")
    numbers = [int(word) for word in words]
    return list(zip(numbers[::2], numbers[1::2]))


def memory_bytes(name: str, text: str) -> int:
    """Bytes of ``1gb``."""
    number = _word(text.strip())
    if not isinstance(number, int) or number < 0:
        raise BadInput(f"{text!r} is no size for {name}.", hint="Give bytes, or a number with k, kb, m, mb, g or gb.", setting=name)
    return number


def directives(name: str, text: str) -> List[Tuple[str, ...]]:
    """The arguments of each line that gives a setting this value. Only save needs more than one: lines add to those before."""
    if name == "save":
        return [("",), *((str(seconds), str(changes)) for seconds, changes in save_points(text))]
    return [(text,)]


def value_of(name: str, lines: Sequence[Sequence[str]]) -> str:
    """What the server makes of the arguments of all lines with this name, in their order."""
    if name == _CLASSES:
        return " ".join(word for words in lines for word in words)
    if name != "save":
        return " ".join(lines[-1])
    points: List[str] = []
    for words in lines:
        if list(words) == [""]:
            points = []
        points += [part for word in words for part in word.split()]
    return " ".join(points)


def _word(word: str) -> Any:
    match = _NUMBER.fullmatch(word)
    factor = _UNITS.get(match[2].lower()) if match else None
    if word.lower() in ("yes", "no"):
        return word.lower()
    return word if match is None or factor is None else int(match[1]) * factor


def _pair(pair: Any) -> Sequence[Any]:
    if isinstance(pair, dict):
        pair = [pair.get("seconds"), pair.get("changes")]
    if not isinstance(pair, list) or len(pair) != 2:
        raise BadInput(f"{pair!r} is no save point.", hint="Give seconds and changes: [900, 1].", setting="save")
    return pair
