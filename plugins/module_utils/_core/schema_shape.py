# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of a schema, object by object, and whether what worked with one shape works with another.

Unlike a backup's fingerprint, the shape leaves out what a program does not see: owners, privileges, comments, and the bodies of
views and functions. Partitions are left out too: they come and go with time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import BadInput
from .schema_queries import normalised

SAME, ADDITIVE, DIVERGED, UNKNOWN = "same", "additive", "diverged", "unknown"
# What a new object asks of a program that does not know it.
ASKS_NOTHING, ASKS_ALWAYS, ASKS_FOR_A_VALUE = "", "always", "value"
ASKS_OF_KNOWN_COLUMNS, ASKS_UNLESS_FREE = "known_columns", "unless_free"
_PLAIN_INDEX = "index "  # it makes queries fast, and decides nothing
_DEMANDING = "!"
_FORMAT = 1
_SHOWN = 5


@dataclass(frozen=True)
class SchemaObject:
    """``key`` is kind and name (``column public.orders.note``); ``owner`` the key of what it belongs to, empty when it stands alone.

    ``columns`` are keys: with ASKS_OF_KNOWN_COLUMNS those that it looks at, with ASKS_UNLESS_FREE those that may be left out
    and are then unlike every other.
    """

    key: str
    owner: str
    mark: str
    asks: str = ASKS_NOTHING
    columns: Tuple[str, ...] = ()

    @classmethod
    def described(cls, row: Mapping[str, Any]) -> "SchemaObject":
        """From a row of ``shape_query``."""
        text = f"{row['said']}\0{normalised(row['expression'] or '')}"
        return cls(row["key"], row["owner"] or "", hashlib.sha256(text.encode()).hexdigest()[:12], row["asks"], tuple(row["columns"] or ()))

    @property
    def kept(self) -> str:
        """The mark as it is written down: a column that wants a value says so."""
        return self.mark + (_DEMANDING if self.asks == ASKS_FOR_A_VALUE else "")


@dataclass(frozen=True)
class KeptShape:
    """A shape as it was written down. ``server_version`` is 150018 for 15.18."""

    database: str
    server_version: int
    objects: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        return "sha256:" + hashlib.sha256(json.dumps(self.objects, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> Dict[str, Any]:
        return {"format": _FORMAT, "database": self.database, "server_version": self.server_version, "objects": dict(sorted(self.objects.items()))}


@dataclass(frozen=True)
class LiveShape:
    """A shape as the server tells it now."""

    database: str
    server_version: int
    objects: Tuple[SchemaObject, ...]

    def keep(self) -> KeptShape:
        return KeptShape(self.database, self.server_version, {one.key: one.kept for one in self.objects})


@dataclass(frozen=True)
class ShapeChange:
    """``name`` is same, additive, diverged or unknown; the lists are keys of objects."""

    name: str
    gone: Tuple[str, ...] = ()
    different: Tuple[str, ...] = ()
    demanding: Tuple[str, ...] = ()
    harmless: Tuple[str, ...] = ()

    def breaking(self) -> List[str]:
        """What stands in the way, each in a few words."""
        said = [f"{key} is gone" for key in self.gone] + [f"{key} is not what it was" for key in self.different]
        return said + [f"{key} is new and binding" for key in self.demanding]

    def summary(self) -> str:
        said = self.breaking()
        more = [f"and {len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
        return ", ".join([*said[:_SHOWN], *more])

    def to_dict(self) -> Dict[str, Any]:
        return {name: list(getattr(self, name)) for name in ("gone", "different", "demanding", "harmless")}


NOT_KNOWN = ShapeChange(UNKNOWN)


def parse_shape(value: Any) -> Optional[KeptShape]:
    """What ``KeptShape.to_dict`` wrote; None for anything else."""
    try:
        if value["format"] != _FORMAT or not all(isinstance(mark, str) for mark in value["objects"].values()):
            return None
        return KeptShape(str(value["database"]), int(value["server_version"]), dict(value["objects"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def require_shape(value: Any) -> KeptShape:
    shape = parse_shape(value)
    if shape is None:
        raise BadInput("compare_with is no shape of a schema.", hint="Give what this module returned as 'shape'.")
    return shape


def compare(kept: KeptShape, live: LiveShape) -> ShapeChange:
    """How the database changed since ``kept``, for a program that worked with it then.

    Shapes of two databases, or of two major versions of the server (each writes definitions in its own way), cannot be compared.
    """
    if kept.database != live.database or kept.server_version // 10000 != live.server_version // 10000:
        return NOT_KNOWN
    return _compared(kept.objects, live.objects)


def _compared(kept: Mapping[str, str], live: Sequence[SchemaObject]) -> ShapeChange:
    now = {one.key: one for one in live}
    missing = sorted(key for key in kept if key not in now)
    different = sorted(key for key, one in now.items() if key in kept and _breaks(kept[key], one.kept))
    demanding = sorted(one.key for one in live if one.key not in kept and _demands(one, kept))
    relaxed = [key for key, one in now.items() if key in kept and kept[key] != one.kept and key not in different]
    added = [key for key in now if key not in kept and key not in demanding]
    gone = [key for key in missing if not key.startswith(_PLAIN_INDEX)]
    harmless = sorted([*relaxed, *added, *(key for key in missing if key.startswith(_PLAIN_INDEX))])
    name = DIVERGED if gone or different or demanding else ADDITIVE if harmless else SAME
    return ShapeChange(name, tuple(gone), tuple(different), tuple(demanding), tuple(harmless))


def _breaks(kept: str, now: str) -> bool:
    """A column that wanted a value and has a default now is as good as before."""
    return now not in (kept, kept.rstrip(_DEMANDING))


def _demands(new: SchemaObject, kept: Mapping[str, str]) -> bool:
    """Whether an object that was not there binds a program that does not know it. What belongs to a new table never does."""
    if new.owner not in kept:
        return False
    if new.asks == ASKS_OF_KNOWN_COLUMNS:
        return not new.columns or any(column in kept for column in new.columns)
    if new.asks == ASKS_UNLESS_FREE:
        return all(column in kept for column in new.columns)
    return new.asks != ASKS_NOTHING
