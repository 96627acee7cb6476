# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done in a maintenance window, and what each task may leave half done when it is cut off."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from .errors import BadInput

NONE, SWAP, SCHEMA = "none", "swap", "schema"
# The kind of a task, and what it can leave. A look at the target cannot tell a schema between two versions from a whole one, nor what a file does.
KINDS = {
    "release": SCHEMA,
    "migrate": SCHEMA,
    "update_images": SWAP,
    "configure": SWAP,
    "vacuum_full": NONE,  # a transaction
    "reindex": NONE,  # what is left is an index that nobody uses
    "os_update": NONE,  # the packages of the host, not the stack
    "file": SCHEMA,
}
_RANK = (NONE, SWAP, SCHEMA)
_OWN_KEYS = ("half_applied", "minutes")
_LONGEST_MINUTES = 24 * 60


@dataclass(frozen=True)
class Task:
    """``value`` is what the inventory gives for the kind; ``minutes`` is how long it may be silent, 0 for what renews the lease itself."""

    number: int
    kind: str
    value: Any
    half_applied: str
    minutes: int = 0

    @property
    def title(self) -> str:
        words = (
            ", ".join(self.value) if isinstance(self.value, Mapping) else ", ".join(map(str, self.value)) if isinstance(self.value, list) else str(self.value)
        )
        return self.kind if self.value in (True, None, "") or not words else f"{self.kind} {words}"

    @property
    def has_settings(self) -> bool:
        return self.kind == "configure" and isinstance(self.value, Mapping)

    def to_dict(self) -> Dict[str, Any]:
        return {**asdict(self), "title": self.title}


def parse_tasks(given: Sequence[Mapping[str, Any]], release_leaves: str = SCHEMA) -> Tuple[Task, ...]:
    """Raises BadInput for a task that is not known, or not one. ``release_leaves`` is what a cut release of this stack can leave."""
    return tuple(_task(number, entry, release_leaves) for number, entry in enumerate(given, 1))


def sealed(tasks: Sequence[Task], seal: Callable[[str], str]) -> Tuple[Task, ...]:
    """The same with fingerprints instead of the values of settings, which may be secrets: plans and reports are read by many."""
    return tuple(replace(task, value={str(name): seal(str(value)) for name, value in task.value.items()}) if task.has_settings else task for task in tasks)


def tasks_from(stored: Sequence[Mapping[str, Any]]) -> Tuple[Task, ...]:
    return tuple(Task(int(one["number"]), str(one["kind"]), one["value"], str(one["half_applied"]), int(one["minutes"])) for one in stored)


def worst(left: Sequence[str]) -> str:
    return max(left, key=_RANK.index, default=NONE)


def _task(number: int, entry: Mapping[str, Any], release_leaves: str) -> Task:
    kinds = [name for name in entry if name not in _OWN_KEYS]
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise BadInput(
            f"Task {number} of the window is {_listed(kinds)}, and has to be one of {', '.join(KINDS)}.", hint="Correct the list of tasks.", task=number
        )
    kind = kinds[0]
    half = entry.get("half_applied") or (release_leaves if kind == "release" else KINDS[kind])
    minutes = int(entry.get("minutes") or 0)
    if half not in _RANK or not 0 <= minutes <= _LONGEST_MINUTES:
        raise BadInput(
            f"Task {number} has half_applied {half} and minutes {minutes}: half_applied is none, swap or schema, minutes 0 to {_LONGEST_MINUTES}.", task=number
        )
    if kind == "configure" and not (entry[kind] and isinstance(entry[kind], Mapping)):
        raise BadInput(f"Task {number} does not say which settings: {{KEY: value}}.", task=number)
    if kind in ("release", "file") and not entry[kind]:
        raise BadInput(f"Task {number} does not say which {'version' if kind == 'release' else 'file'}.", task=number)
    return Task(number, kind, entry[kind], half, minutes)


def _listed(kinds: List[str]) -> str:
    return " and ".join(kinds) or "empty"
