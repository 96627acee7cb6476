# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many keys of a snapshot begin with what and belong to which family, and whether a server that has it has them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from .errors import BadInput
from .redis_glob import Glob
from .redis_key_families import members
from .redis_keys_text import key_bytes, shown
from .redis_words import Prefixing

PREFIX, FAMILY, OTHERS = "prefix", "family", "others"
SEPARATOR = b":"
LASTS, EXPIRES = "0", "1"
_TOLD_APART = 10_000  # prefixes; keys with others are only counted
_KEPT = 100
_LONGEST_PREFIX = 200
_SPECIAL = re.compile(rb"[*?\[\\]")


@dataclass(frozen=True)
class Family:
    """Keys by their names alone: ``way`` is keys, prefix or pattern."""

    name: str
    way: str
    texts: Tuple[str, ...]

    def matcher(self) -> Callable[[bytes], bool]:
        if self.way == "keys":
            return frozenset(map(key_bytes, self.texts)).__contains__
        if self.way == "prefix":
            prefix = key_bytes(self.texts[0])
            return lambda key: key.startswith(prefix)
        pattern = self.texts[0].encode()
        glob, head = Glob(pattern), _SPECIAL.split(pattern, maxsplit=1)[0]
        return lambda key: key.startswith(head) and glob.matches(key)  # most keys differ at once


@dataclass(frozen=True)
class Grouping:
    """``depth`` separators end a prefix."""

    depth: int = 1
    families: Tuple[Family, ...] = ()

    @classmethod
    def described(cls, families: Mapping[str, Any], depth: int) -> "Grouping":
        """A family that does not say what all of it is cannot be counted, and is left out."""
        if not 1 <= depth <= 5:
            raise BadInput(f"prefix_depth must be 1 to 5, but is {depth}.", hint="Correct the option.")
        found = []
        for name in sorted(families):
            if not isinstance(families[name], Mapping) or not any(families[name].get(way) for way in ("key", "prefix", "pattern")):
                continue
            chosen = members(families, name, None)
            way = next(way for way in ("keys", "prefix", "pattern") if way in chosen)
            texts = chosen[way] if way == "keys" else [chosen[way]]
            found.append(Family(str(name), way, tuple(texts)))
        return cls(depth, tuple(found))


@dataclass(frozen=True)
class Group:
    """``expires`` of its ``keys`` have an expiry, so that not more of them can be gone by themselves."""

    database: int
    kind: str
    name: str
    keys: int
    expires: int

    @property
    def place(self) -> Tuple[int, str, str]:
        return (self.database, self.kind, self.name)

    def to_row(self) -> Dict[str, Any]:
        return {"database": self.database, "group": self.kind, "name": self.name, "count": self.keys, "expiring": self.expires}


@dataclass(frozen=True)
class KeyGroups:
    """What is kept of a snapshot's keys."""

    grouping: Grouping
    groups: Tuple[Group, ...]

    def to_dict(self) -> Dict[str, Any]:
        return {"depth": self.grouping.depth, "families": [asdict(one) for one in self.grouping.families], "groups": [asdict(one) for one in self.groups]}

    @classmethod
    def from_dict(cls, value: Any) -> Optional["KeyGroups"]:
        """None for what is not one: of an older version, or damaged."""
        try:
            families = tuple(Family(str(one["name"]), str(one["way"]), tuple(map(str, one["texts"]))) for one in value["families"])
            groups = tuple(Group(int(one["database"]), str(one["kind"]), str(one["name"]), int(one["keys"]), int(one["expires"])) for one in value["groups"])
            return cls(Grouping(int(value["depth"]), families), groups)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return None

    def rows_beside(self, found: "KeyGroups") -> List[Dict[str, Any]]:
        """What was counted, and how many there are now."""
        there = found._keys()
        return [{**group.to_row(), "restored": there.get(group.place, 0)} for group in self.groups]

    def _keys(self) -> Dict[Tuple[int, str, str], int]:
        return {group.place: group.keys for group in self.groups}

    def missing_from(self, found: "KeyGroups") -> List[str]:
        """A sentence for each group that has fewer keys than can have expired."""
        there, said = found._keys(), []
        for group in self.groups:
            keys = there.get(group.place, 0)
            if keys < group.keys - group.expires:
                said.append(
                    f"{_named(group)} of database {group.database} has {keys} keys, expected {group.keys} of which at most {group.expires} can have expired"
                )
        return said


@dataclass
class _Count:
    keys: int = 0
    expires: int = 0

    def add(self, keys: int, expire: bool) -> None:
        self.keys += keys
        self.expires += keys if expire else 0


@dataclass
class KeyCounter:
    """Takes keys as they come. ``known`` are the only prefixes that are told apart; without it, those that come first, and of them the biggest are kept."""

    grouping: Grouping
    known: Optional[FrozenSet[Tuple[int, bytes]]] = None
    _prefixes: Dict[Tuple[int, bytes], _Count] = field(default_factory=dict)
    _families: Dict[Tuple[int, str], _Count] = field(default_factory=dict)
    _others: Dict[int, _Count] = field(default_factory=dict)

    @classmethod
    def like(cls, expected: KeyGroups) -> "KeyCounter":
        return cls(expected.grouping, frozenset((group.database, key_bytes(group.name)) for group in expected.groups if group.kind == PREFIX))

    def __post_init__(self) -> None:
        prefixing = Prefixing(SEPARATOR, self.grouping.depth)
        # The usual depth in a third of the time, which counts where there are a million keys.
        self._prefix_of = (lambda key: key[: key.find(SEPARATOR) + 1]) if self.grouping.depth == 1 else prefixing.of
        self._matchers = [(family.name, family.matcher()) for family in self.grouping.families]

    def add(self, database: int, keys: Sequence[bytes], marks: str) -> None:
        """A part of the keys of a database, and for each a mark: 1 when it expires, 0 when it never does."""
        for (prefix, mark), number in Counter(zip(map(self._prefix_of, keys), marks)).items():
            self._prefix(database, prefix[:_LONGEST_PREFIX]).add(number, mark == EXPIRES)
        for name, matches in self._matchers:
            for mark, number in Counter(mark for key, mark in zip(keys, marks) if matches(key)).items():
                self._families.setdefault((database, name), _Count()).add(number, mark == EXPIRES)

    def _prefix(self, database: int, prefix: bytes) -> _Count:
        place = (database, prefix)
        if place in self._prefixes:
            return self._prefixes[place]
        told_apart = place in self.known if self.known is not None else len(self._prefixes) < _TOLD_APART
        return self._prefixes.setdefault(place, _Count()) if told_apart else self._others.setdefault(database, _Count())

    def lasting(self) -> int:
        """Keys that never expire."""
        return sum(count.keys - count.expires for count in (*self._prefixes.values(), *self._others.values()))

    def result(self) -> KeyGroups:
        ranked = sorted(self._prefixes.items(), key=lambda item: (-item[1].keys, item[0]))
        kept: Sequence[Tuple[Tuple[int, bytes], _Count]] = ranked[:_KEPT] if self.known is None else ranked
        others = {database: _Count(count.keys, count.expires) for database, count in self._others.items()}
        for (database, unused), count in ranked[len(kept) :]:
            rest = others.setdefault(database, _Count())
            rest.keys, rest.expires = rest.keys + count.keys, rest.expires + count.expires
        groups = [Group(database, PREFIX, shown(prefix), count.keys, count.expires) for (database, prefix), count in kept]
        groups += [Group(database, FAMILY, name, count.keys, count.expires) for (database, name), count in self._families.items()]
        groups += [Group(database, OTHERS, "", count.keys, count.expires) for database, count in others.items()]
        return KeyGroups(self.grouping, tuple(sorted(groups, key=lambda group: (group.database, group.kind, -group.keys, group.name))))


def _named(group: Group) -> str:
    if group.kind == OTHERS:
        return "what has another prefix"
    return f"{group.kind} {group.name!r}" if group.name else "what has no prefix"
