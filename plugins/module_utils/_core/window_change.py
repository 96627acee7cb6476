# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a maintenance window goes from one phase to the next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from .lease import Lease, Moment
from .plan import Step
from .timestamps import parse_timestamp
from .window import ABANDONED, CLOSED, OPEN, PLANNED, PROVEN, UNDER_WAY, WATCHING, WORKING, Window, WindowOpen, WindowRecord
from .window_plan import refuse_drift
from .window_tasks import NONE, Task

BEGUN, DONE, FAILED, ROLLED_BACK = "begun", "done", "failed", "rolled_back"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class WindowChange:
    """What becomes of a record. Without ``action`` nothing does."""

    before: WindowRecord
    after: WindowRecord
    action: str = ""
    detail: str = ""
    facts: Dict[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> Tuple[Step, ...]:
        change = self.after.window.change if self.after.window else ""
        return (Step(self.action, change, self.detail),) if self.action else ()


Decision = Callable[[WindowRecord, Moment], WindowChange]


@dataclass(frozen=True)
class Wish:
    """Who wants a window for what. ``plan`` was made of what is there now; ``token`` is the operation lease's."""

    change: str
    owner: str
    plan: Mapping[str, Any]
    tasks: Tuple[Task, ...] = ()
    minutes: int = 30
    token: str = ""
    host: str = ""
    expires_after: int = 180
    approved: str = ""
    needs_approval: bool = False
    approver: str = ""
    starts_at: str = ""
    override_reason: str = ""
    incidents: Tuple[str, ...] = ()
    incident_reason: str = ""
    alarms: Tuple[Mapping[str, Any], ...] = ()

    def lease(self, now: Moment) -> Lease:
        lease = Lease(self.owner, f"window {self.change}", self.override_reason, self.token, self.host, self.expires_after, since=now.text)
        return lease.renewed(now)

    def planned(self, now: Moment) -> Dict[str, Any]:
        times = {"minutes": self.minutes, "planned_at": now.text, "starts_at": self.starts_at, "override_reason": self.override_reason}
        return {**self.plan, **times, "incidents": list(self.incidents), "incident_reason": self.incident_reason}


def plan_window(record: WindowRecord, wish: Wish, now: Moment) -> WindowChange:
    """A plan replaces the plan before; a window that is under way stays as it is."""
    record.refuse_damage()
    window = record.window
    if window is not None and window.under_way:
        raise _window_open(record, window, now)
    same = window is not None and window.phase == PLANNED and (window.change, window.plan.get("hash")) == (wish.change, wish.plan["hash"])
    planned = Window(wish.change, PLANNED, wish.owner, wish.planned(now), wish.tasks, baseline=window.baseline if same and window else {})
    action = "" if same else "plan"
    after = record.with_window(planned)
    return WindowChange(record, after, action, str(wish.plan["hash"])[:12], {"hash": wish.plan["hash"], "override_reason": wish.override_reason})


def begin(record: WindowRecord, wish: Wish, now: Moment) -> WindowChange:
    """Opens the window that was planned, or one that is planned just now; a run that died in it is taken over by one of the same change."""
    record.refuse_damage()
    window = record.window
    if window is not None and window.under_way:
        return _taken_over(record, window, wish, now)
    known = window if window is not None and window.phase == PLANNED and window.change == wish.change else None
    refuse_drift(known.plan if known else {}, wish.plan, wish.approved, wish.needs_approval)
    opened = Window(
        **{"change": wish.change, "phase": OPEN, "owner": wish.owner, "plan": wish.planned(now), "tasks": wish.tasks, "token": wish.token},
        lease=wish.lease(now),
        began_at=now.text,
        ends_at=(now.wall + timedelta(minutes=wish.minutes)).strftime(_TIME),
        approver=wish.approver or (wish.owner if wish.approved else ""),
        baseline=known.baseline if known else {},
        alarms=wish.alarms,
    ).did("window", BEGUN, now)
    facts = {"owner": wish.owner, "hash": wish.plan["hash"], "ends_at": opened.ends_at, "approver": opened.approver, "override_reason": wish.override_reason}
    return WindowChange(record, record.with_window(opened), "begin", f"until {opened.ends_at}", facts)


def _taken_over(record: WindowRecord, window: Window, wish: Wish, now: Moment) -> WindowChange:
    mine = bool(wish.token) and window.token == wish.token
    alive = window.lease is not None and not window.lease.is_expired(now)
    # Whoever holds the operation lease knows that nobody else does; without one only the window's own lease can tell.
    if window.change != wish.change or window.phase == WATCHING or (alive and not mine and not wish.token):
        raise _window_open(record, window, now)
    if window.plan["tasks"] != [task.to_dict() for task in wish.tasks]:
        raise _window_open(record, window, now)
    taken = replace(window, token=wish.token, lease=wish.lease(now), owner=wish.owner, alarms=wish.alarms)
    if mine:
        return WindowChange(record, record.with_window(taken))
    ends = max(parse_timestamp(window.ends_at) or now.wall, now.wall + timedelta(minutes=wish.minutes))
    taken = replace(taken, phase=WORKING if window.phase == ABANDONED else window.phase, kept={}, ends_at=ends.strftime(_TIME))
    taken = taken.did("window", "taken_over", now, by=wish.owner)
    return WindowChange(record, record.with_window(taken), "take_over", window.for_people(now), {"owner": wish.owner, "from": window.owner})


def note_step(record: WindowRecord, change: str, what: str, now: Moment) -> WindowChange:
    """Something beside the tasks that people will want to read in the report."""
    window = record.require(change, *UNDER_WAY)
    return WindowChange(record, record.with_window(window.did(what, DONE, now)), "note", what, {"what": what})


def task_step(record: WindowRecord, change: str, number: int, outcome: str, now: Moment) -> WindowChange:
    """A task begins (and with that may leave something half done), or ends. ``rolled_back`` after a failure: nothing is half done any more."""
    window = record.require(change, OPEN, WORKING)
    task = window.task(number)
    facts = {"task": number, "title": task.title, "outcome": outcome}
    if outcome == BEGUN:
        after = replace(window, phase=WORKING, number=number, half_applied=task.half_applied).did(task.title, BEGUN, now, task=number)
        return WindowChange(record, record.with_window(after), "begin_task", task.title, facts)
    began = next((step for step in reversed(window.steps) if step["task"] == number and step["outcome"] == BEGUN), None)
    at = parse_timestamp(began["at"]) if began else None
    seconds = max(0, round((now.wall - at).total_seconds())) if at else 0
    half = window.half_applied if outcome == FAILED else NONE
    after = replace(window, phase=WORKING, half_applied=half).did(task.title, outcome, now, task=number, seconds=seconds)
    return WindowChange(record, record.with_window(after), "end_task", f"{task.title}: {outcome}", {**facts, "seconds": seconds})


def move(record: WindowRecord, change: str, phase: str, now: Moment, **facts: Any) -> WindowChange:
    """To ``proven`` (all is done and answers, the edge still closed), ``watching`` (traffic is back) or ``abandoned`` (a person is needed)."""
    window = record.require(change, *_FROM[phase])
    if window.phase == phase:
        return WindowChange(record, record)
    kept = {"because": facts["because"], "since": now.text, "alarmed_at": "", "by": "run"} if phase == ABANDONED else {}
    half = window.half_applied if phase == ABANDONED else NONE
    after = replace(window, phase=phase, half_applied=half, kept=kept).did(phase, DONE, now)
    return WindowChange(record, record.with_window(after), {PROVEN: "prove", WATCHING: "watch", ABANDONED: "abandon"}[phase], "", dict(facts))


_FROM = {PROVEN: (OPEN, WORKING, ABANDONED, PROVEN), WATCHING: (PROVEN, WATCHING), ABANDONED: (OPEN, WORKING, PROVEN, ABANDONED)}


def end(record: WindowRecord, change: str, outcome: str, now: Moment) -> WindowChange:
    """A plan, or a window whose traffic is back, is over. Ending it again changes nothing."""
    record.refuse_damage()
    if record.window is None or (record.window.change == change and record.window.phase == CLOSED):
        return WindowChange(record, record)
    window = record.require(change, PLANNED, WATCHING, OPEN, WORKING, PROVEN)
    after = replace(window, phase=CLOSED, outcome=outcome, ended_at=now.text, token="", lease=None, half_applied=NONE).did("window", outcome, now)
    return WindowChange(record, record.with_window(after), "end", outcome, {"outcome": outcome})


def renewed(record: WindowRecord, now: Moment, token: str, expires_after: Optional[int] = None) -> WindowRecord:
    """The lease of what is under way is renewed by whoever does something to it."""
    window = record.window
    if window is None or window.phase not in UNDER_WAY or window.lease is None:
        return record
    return replace(record, window=replace(window, token=token or window.token, lease=window.lease.renewed(now, expires_after)))


def _window_open(record: WindowRecord, window: Window, now: Moment) -> WindowOpen:
    return WindowOpen(
        f"Stack {record.stack} has a maintenance window already: {window.for_people(now)}. Nothing was done.",
        hint=f"Wait until it ends, or go on with it: the same change ({window.change}) and the same tasks.",
        change=window.change,
        phase=window.phase,
        owner=window.owner,
        tasks=[task.title for task in window.tasks],
    )
