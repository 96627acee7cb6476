# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A maintenance window: what is known of it on the target."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import OperationError
from .lease import Lease, Moment
from .timestamps import parse_timestamp
from .window_tasks import NONE, Task, tasks_from

PLANNED, OPEN, WORKING, PROVEN, WATCHING, ABANDONED, CLOSED = "planned", "open", "working", "proven", "watching", "abandoned", "closed"
# In these phases nobody but this window may work on the stack; in the first four of them the edge is closed.
UNDER_WAY = (OPEN, WORKING, PROVEN, ABANDONED, WATCHING)
EDGE_CLOSED = (OPEN, WORKING, PROVEN, ABANDONED)
_FORMER_KEPT = 20


class WindowOpen(OperationError):
    """Another maintenance window is under way."""

    reason = "window_open"


class WindowMissing(OperationError):
    """There is no such window, or it is not at this point."""

    reason = "window_missing"


class WindowUnreadable(OperationError):
    """The file of the window is damaged."""

    reason = "window_unreadable"


class WindowKept(OperationError):
    """The run that held the window is gone, and the target may not end it."""

    reason = "window_kept"


@dataclass(frozen=True)
class Window:
    """``plan`` is the artifact that an approval refers to; ``lease`` ends it by itself; ``kept`` is why the target did not lift the page.

    ``token`` is that of the operation lease of the run that works on it.
    """

    change: str
    phase: str
    owner: str
    plan: Mapping[str, Any]
    tasks: Tuple[Task, ...] = ()
    token: str = field(default="", repr=False)
    lease: Optional[Lease] = None
    number: int = 0
    half_applied: str = NONE
    began_at: str = ""
    ends_at: str = ""
    ended_at: str = ""
    outcome: str = ""
    approver: str = ""
    baseline: Mapping[str, Any] = field(default_factory=dict)
    watched: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    alarms: Tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    steps: Tuple[Mapping[str, Any], ...] = ()

    @property
    def under_way(self) -> bool:
        return self.phase in UNDER_WAY

    @property
    def edge_owner(self) -> str:
        """Whose the maintenance mode of the edge is."""
        return f"window {self.change}"

    @property
    def tasks_done(self) -> Tuple[int, ...]:
        return tuple(int(step["task"]) for step in self.steps if step["outcome"] == "done" and step["task"])

    def seconds_to_end(self, now: Moment) -> int:
        """To the announced end, and never more than was announced: the clock may have been set back meanwhile."""
        ends, minutes = parse_timestamp(self.ends_at), int(self.plan.get("minutes") or 0)
        return max(0, min(round((ends - now.wall).total_seconds()), minutes * 60)) if ends else 0

    def task(self, number: int) -> Task:
        found = next((task for task in self.tasks if task.number == number), None)
        if found is None:
            raise WindowMissing(f"Window {self.change} has no task {number}.", hint="Its tasks are those of its plan.", change=self.change, task=number)
        return found

    def for_people(self, now: Moment) -> str:
        left = self.lease.seconds_left(now) if self.lease else 0.0
        where = f"task {self.number} ({self.task(self.number).title})" if self.phase == WORKING and self.number else self.phase
        state = f"{left:.0f} s of its lease left" if left > 0 else "its lease is over"
        return f"window {self.change} of {self.owner}, {where}, since {self.began_at or self.plan.get('planned_at', '')} ({state})"

    def did(self, what: str, outcome: str, now: Moment, **more: Any) -> "Window":
        """The same with one more line of what was done."""
        return replace(self, steps=(*self.steps, {"at": now.text, "what": what, "outcome": outcome, "task": 0, "seconds": 0, **more}))

    def facts(self, now: Moment) -> Dict[str, Any]:
        """What results show: all but the token, and what may be secret of the alarms."""
        shown = ("change", "phase", "owner", "half_applied", "began_at", "ends_at", "ended_at", "outcome", "approver", "number")
        return {
            **{name: getattr(self, name) for name in shown},
            **{name: dict(getattr(self, name)) for name in ("plan", "baseline", "watched", "kept")},
            "tasks": [task.to_dict() for task in self.tasks],
            "tasks_done": list(self.tasks_done),
            "steps": [dict(step) for step in self.steps],
            "lease_until": self.lease.until if self.lease else "",
            "lease_seconds_left": max(0, round(self.lease.seconds_left(now))) if self.lease else 0,
        }

    def to_dict(self) -> Dict[str, Any]:
        values = {name: getattr(self, name) for name in _TEXTS}
        values.update({name: dict(getattr(self, name)) for name in _MAPPINGS})
        values.update({name: [dict(one) for one in getattr(self, name)] for name in _LISTS})
        lease = dict(vars(self.lease)) if self.lease else None
        return {**values, "number": self.number, "tasks": [task.to_dict() for task in self.tasks], "lease": lease}


_TEXTS = ("change", "phase", "owner", "token", "half_applied", "began_at", "ends_at", "ended_at", "outcome", "approver")
_MAPPINGS = ("plan", "baseline", "watched", "kept")
_LISTS = ("alarms", "steps")


@dataclass(frozen=True)
class WindowRecord:
    """The window of a stack, and how those before it ended."""

    stack: str
    window: Optional[Window] = None
    former: Tuple[Mapping[str, Any], ...] = ()
    damaged: bool = False

    def with_window(self, window: Window) -> "WindowRecord":
        former = self.former
        if self.window is not None and self.window.change != window.change and self.window.phase == CLOSED:
            last = {name: getattr(self.window, name) for name in ("change", "owner", "outcome", "began_at", "ended_at")}
            former = (*former, last)[-_FORMER_KEPT:]
        return replace(self, window=window, former=former)

    def require(self, change: str, *phases: str) -> Window:
        """The window of this change in one of these phases."""
        self.refuse_damage()
        if self.window is None or self.window.change != change:
            there = f" There is that of {self.window.change} ({self.window.phase})." if self.window else ""
            raise WindowMissing(f"Stack {self.stack} has no window {change}.{there}", hint="Look (state=look), or begin it.", change=change)
        if self.window.phase not in phases:
            ended = f" It ended {self.window.ended_at}: {self.window.outcome}." if self.window.phase == CLOSED else ""
            raise WindowMissing(
                f"Window {change} of stack {self.stack} is {self.window.phase}, and not {' or '.join(phases)}.{ended}",
                hint="Look at the stack and at the window before going on.",
                change=change,
                phase=self.window.phase,
            )
        return self.window

    def refuse_damage(self) -> None:
        if self.damaged:
            raise WindowUnreadable(
                f"The file of the window of stack {self.stack} is damaged, so nobody knows whether one is under way.",
                hint="Look at the stack and its edge. When nobody works on it, take the file window.json away and open the edge.",
                stack=self.stack,
            )

    def to_dict(self) -> Dict[str, Any]:
        return {"window": self.window.to_dict() if self.window else None, "former": [dict(one) for one in self.former]}


def parse_window_record(stack: str, value: Any) -> WindowRecord:
    """Reads what ``to_dict`` wrote; what makes no sense is marked as damaged, not taken for no window."""
    try:
        window = value["window"]
        return WindowRecord(stack, _window(window) if window is not None else None, tuple(dict(one) for one in value["former"]))
    except (KeyError, TypeError, ValueError):
        return WindowRecord(stack, damaged=True)


def _window(value: Mapping[str, Any]) -> Window:
    lease = value["lease"]
    window = Window(
        **{name: str(value[name]) for name in _TEXTS},
        **{name: dict(value[name]) for name in _MAPPINGS},
        **{name: tuple(dict(one) for one in value[name]) for name in _LISTS},
        number=int(value["number"]),
        tasks=tasks_from(value["tasks"]),
        lease=Lease(**{**lease, "expires_after": int(lease["expires_after"]), "boottime_until": float(lease["boottime_until"])}) if lease else None,
    )
    if window.phase not in (PLANNED, CLOSED, *UNDER_WAY):
        raise ValueError(window.phase)
    return window
