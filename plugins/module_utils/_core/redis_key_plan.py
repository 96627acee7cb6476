# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the keys that were found, and how it is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Mapping, Sequence

from .backup_report import size
from .errors import OperationError
from .plan import Plan, Step
from .redis_key_request import ABSENT, EXPIRING, FLUSHED, LISTED, Selection
from .redis_keys_text import shown
from .text_table import aligned

_ACTIONS = {ABSENT: "delete", EXPIRING: "expire", FLUSHED: "flush"}
_DONE = {ABSENT: "deleted", EXPIRING: "given an expiry", FLUSHED: "deleted"}
_PREFIXES_AT_MOST = 20
_PREFIXES_COUNTED = 10_000  # more different ones are not told apart: memory has to stay small
_SEPARATOR = b":"
_LONGEST_CELL = 80


class TooManyKeys(OperationError):
    """More keys match than may be touched at once."""

    reason = "too_many_keys"


@dataclass
class Tally:
    """What a walk over the keys has met. ``chosen`` are those to be touched."""

    chosen: int = 0
    expiring_already: int = 0
    protected: Dict[bytes, int] = field(default_factory=dict)
    prefixes: Counter = field(default_factory=Counter)
    first: List[bytes] = field(default_factory=list)
    missing: List[bytes] = field(default_factory=list)

    @property
    def matched(self) -> int:
        return self.chosen + self.expiring_already + sum(self.protected.values())

    def add_protected(self, counted: Mapping[bytes, int]) -> None:
        for prefix, number in counted.items():
            self.protected[prefix] = self.protected.get(prefix, 0) + number

    def add_prefixes(self, keys: Sequence[bytes], start: int) -> None:
        """Counts by what comes up to the next separator behind the first ``start`` bytes; without one, these bytes are it."""
        for key in keys:
            end = key.find(_SEPARATOR, start)
            prefix = key[: end + 1 if end >= 0 else start]
            if prefix in self.prefixes or len(self.prefixes) < _PREFIXES_COUNTED:
                self.prefixes[prefix] += 1

    def facts(self) -> Dict[str, Any]:
        left = [{"why": "protected", "prefix": shown(prefix), "count": number} for prefix, number in sorted(self.protected.items())]
        if self.expiring_already:
            left.append({"why": "expiring_already", "prefix": "", "count": self.expiring_already})
        groups = sorted(self.prefixes.items(), key=lambda group: (-group[1], group[0]))[:_PREFIXES_AT_MOST]
        return {
            "matched": self.matched,
            "left_alone": left,
            "missing": [shown(key) for key in self.missing],
            "prefixes": [{"prefix": shown(prefix), "count": number} for prefix, number in groups],
        }


def require_few(tally: Tally, selection: Selection, max_keys: int) -> None:
    if tally.chosen > max_keys:
        raise TooManyKeys(
            f"{tally.chosen} keys match {selection}, and at most {max_keys} may be touched at once. None was.",
            hint="Narrow it, or raise max_keys after a look (state=listed, or check mode).",
            matched=tally.matched,
            max_keys=max_keys,
        )


def plan_keys(state: str, selection: Selection, tally: Tally, facts: Mapping[str, Any]) -> Plan:
    """``facts`` are what the look has told beside the counts, with ``spread``, and whether it ``counted_all``."""
    told = {**_nothing_done(), **facts, **tally.facts(), "selection": str(selection)}
    spread, counted_all = told.pop("spread"), told.pop("counted_all")
    told["table"] = keys_table(told, _words(state, tally.chosen, planned=True))
    if state == LISTED or not tally.chosen:
        return Plan({}, {}, facts=told)
    counted = ("" if counted_all else "at least ") + _counted(tally.chosen)
    after = f"{counted}, gone within {spread} s" if state == EXPIRING else _counted(0)
    return Plan({str(selection): counted}, {str(selection): after}, (_step(state, selection, facts["database"], counted),), told)


def done_facts(state: str, selection: Selection, tally: Tally, facts: Mapping[str, Any]) -> Dict[str, Any]:
    """The same in the end; ``facts`` tell how many were touched."""
    touched = facts["deleted"] + facts["expiring"]
    told = {**facts, **tally.facts(), "changed": bool(touched), "selection": str(selection)}
    told["actions"] = [asdict(_step(state, selection, facts["database"], _counted(touched)))] if touched else []
    return {**told, "table": keys_table(told, _words(state, touched, planned=False))}


def _step(state: str, selection: Selection, database: int, counted: str) -> Step:
    return Step(_ACTIONS[state], str(selection), f"{counted} of database {database}")


def keys_table(told: Mapping[str, Any], words: str) -> str:
    """One sentence with the counts, then the sample."""
    about = f", about {size(told['bytes'])}" if told["bytes"] else ""
    lines = [f"Database {told['database']}, {told['selection']}: {_counted(told['matched'])}{about}{words}."]
    lines += [f"Left alone: {_counted(one['count'])}, {one['why']} {one['prefix']}".rstrip() for one in told["left_alone"]]
    lines += [f"Not there: {name}" for name in told["missing"]]
    if told["came_anew"]:
        lines.append(f"Came anew meanwhile: {_counted(told['came_anew'])}")
    if told["sample"]:
        ranked = told["sample"][0]["number"] is not None
        rows = [("KEY", "TYPE", "EXPIRES IN", "SIZE", "LENGTH", *(["NUMBER"] if ranked else []), "VALUE")]
        lines += aligned([*rows, *(_row(one, ranked) for one in told["sample"])])
    return "\n".join(lines)


def _row(one: Mapping[str, Any], ranked: bool) -> Sequence[str]:
    ttl = "never" if one["ttl"] == -1 else f"{one['ttl']} s" if one["ttl"] is not None else "?"
    weight = "?" if one["bytes"] is None else size(one["bytes"])
    length = "?" if one["length"] is None else str(one["length"])
    number = [one["number"]] if ranked else []
    return tuple(_cell(cell) for cell in (one["name"], one["type"], ttl, weight, length, *number, one["value"]))


def _cell(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def _words(state: str, touched: int, planned: bool) -> str:
    if state == LISTED:
        return ""
    return f"; {_counted(touched)} {'to be ' if planned else ''}{_DONE[state]}"


def _counted(number: int) -> str:
    return f"{number:,} {'key' if number == 1 else 'keys'}"


def _nothing_done() -> Dict[str, Any]:
    return {"deleted": 0, "expiring": 0, "came_anew": 0, "longest_stall_ms": None, "without_number": 0}
