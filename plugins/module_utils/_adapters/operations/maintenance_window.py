# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A maintenance window: planned, begun, step by step, watched, ended; and ended by the target when nobody is left to do it."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, Mapping, Optional, Protocol, Tuple

from ..._core.announcement import parse_targets
from ..._core.errors import BadInput
from ..._core.incidents import require_none
from ..._core.lease import Moment
from ..._core.plan import Plan, facts_only
from ..._core.redaction import fingerprint
from ..._core.stack import Stack
from ..._core.window import ABANDONED, OPEN, PLANNED, PROVEN, WATCHING, Window, WindowRecord
from ..._core.window_change import BEGUN, DONE, FAILED, ROLLED_BACK, Decision, Wish, WindowChange, begin, end, move, note_step, plan_window, renewed, task_step
from ..._core.window_hours import announced_begin, parse_hours, require_announced, require_hours
from ..._core.window_plan import make_plan
from ..._core.window_tasks import Task, parse_tasks, sealed
from ..._core.window_watch import Limits, WatchBreached, breaches, require_useful, summary
from ..clock import moment
from ..incident_look import open_incidents
from ..local_hours import local_now
from ..request_sampler import Sampler
from ..stack_look import StackLook
from ..stack_salt import StackSalt
from ..window_edge import WindowEdge
from ..window_store import WindowStore
from ..window_watchdog import Watchdog

_SHORTEST_LEASE, _LONGEST_LEASE = 2, 86400
_LONGEST_WINDOW = 24 * 60
_FEW = 20  # requests, before a watch is given up for what it saw
_RETURNING = (PROVEN, WATCHING)  # clients are let in
_MEASURED = (PLANNED, OPEN, *_RETURNING)
_MOVES = {"proven": PROVEN, "watching": WATCHING, "abandoned": ABANDONED}


class Host(Protocol):
    check_mode: bool

    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...

    def show_as(self, option: str, value: Any) -> None: ...


class MaintenanceWindow:
    """All states but ``measured`` and ``expired`` are one decision on the record."""

    def __init__(self, stack: Stack, params: Mapping[str, Any], tasks: Tuple[Task, ...], salt: StackSalt) -> None:
        self._stack = stack
        self._params = params
        self._tasks = tasks
        self._salt = salt
        self._store = WindowStore(stack)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> Any:
        stack = Stack.from_params(params)
        targets = parse_targets(params["alarms"])
        host.hide([secret for target in targets for secret in target.secrets], [target.name for target in targets])
        _check(params)
        if params["state"] == "expired":
            return Watchdog(stack, WindowEdge(stack, params["edge"]), params["alarm_minutes"])
        if params["state"] == "measured":
            return Measure.from_params(stack, params)
        tasks, salt = parse_tasks(params["tasks"], params["release_leaves"]), StackSalt(stack)
        if any(task.has_settings for task in tasks):
            tasks = sealed(tasks, lambda value: fingerprint(value, salt.value))
            host.show_as("tasks", [{task.kind: task.value, "half_applied": task.half_applied, "minutes": task.minutes} for task in tasks])
        return cls(stack, {**params, "alarms": tuple(target.stored() for target in targets)}, tasks, salt)

    def plan(self) -> Plan:
        if self._params["state"] == "look":
            observed = StackLook(self._stack).observed() if self._params["with_stack"] else {}
            return facts_only({**facts_of(self._store.load(), moment()), "observed": observed})
        self._decide = self._decision()
        change = self._decide(self._store.load(), moment())
        return Plan(_summary(change.before), _summary(change.after), change.steps, facts_of(change.after, moment()))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if self._params["state"] == "look":
            return {}
        if any(task.has_settings for task in self._tasks):
            self._salt.keep()
        return facts_of(self._store.change(self._renewing).after, moment())

    def _renewing(self, record: WindowRecord, now: Moment) -> WindowChange:
        change = self._decide(record, now)
        seconds = self._params["expires_after"]
        if self._params["state"] == "proven" and change.after.window:  # nobody may be there until somebody lets traffic back
            seconds = max(seconds, change.after.window.seconds_to_end(now))
        if self._params["state"] == "step" and self._params["outcome"] == BEGUN and self._params["task"] and change.after.window:
            seconds = max(seconds, change.after.window.task(self._params["task"]).minutes * 60)
        return replace(change, after=renewed(change.after, now, self._params["lease_token"], seconds))

    def _decision(self) -> Decision:
        params = self._params
        state, name = params["state"], params["change"]
        if state in ("planned", "begun"):
            wish = self._wish()
            act = plan_window if state == "planned" else begin
            return lambda record, now: act(record, wish, now)
        if state == "step" and not params["task"]:
            return lambda record, now: note_step(record, name, params["because"], now)
        if state == "step":
            return lambda record, now: task_step(record, name, params["task"], params["outcome"], now)
        if state == "ended":
            return lambda record, now: end(record, name, params["outcome"] or "succeeded", now)
        facts = {"because": params["because"]} if state == "abandoned" else {}
        return lambda record, now: move(record, name, _MOVES[state], now, **facts)

    def _wish(self) -> Wish:
        params = self._params
        current = self._store.load().window
        under_way = current is not None and current.under_way
        allowed = "" if under_way else self._within_hours(current)
        incidents: Tuple[str, ...] = () if under_way else tuple(open_incidents(self._stack))
        require_none(self._stack.name, incidents, params["incident_reason"])
        return Wish(
            change=params["change"],
            owner=params["owner"],
            plan=make_plan(params["change"], self._tasks, StackLook(self._stack).observed()),
            tasks=self._tasks,
            minutes=params["minutes"],
            token=params["lease_token"],
            host=socket.gethostname(),
            expires_after=params["expires_after"],
            approved=params["approved"],
            needs_approval=params["approval"] == "required",
            approver=params["approver"],
            starts_at=params["starts_at"],
            override_reason=allowed,
            incidents=incidents,
            incident_reason=params["incident_reason"] if incidents else "",
            alarms=params["alarms"],
        )

    def _within_hours(self, known: Optional[Window]) -> str:
        """Why it is allowed at this time, if it is an exception."""
        params = self._params
        local, announced = local_now(params["timezone"]), ""
        if params["starts_at"] and params["state"] == "planned":
            local = announced_begin(params["starts_at"], local)
        elif params["state"] == "begun" and known is not None and known.phase == PLANNED and known.change == params["change"]:
            announced = require_announced(str(known.plan.get("starts_at") or ""), local, params["override_reason"])
        return require_hours(parse_hours(params["hours"]), local, params["minutes"], params["override_reason"]) or announced


@dataclass
class Measure:
    """Asks for a while: before the window to know what is normal, after it to compare with that."""

    stack: Stack
    change: str
    sampler: Sampler
    seconds: float
    limits: Limits
    token: str

    @classmethod
    def from_params(cls, stack: Stack, params: Mapping[str, Any]) -> "Measure":
        if not 1 <= params["seconds"] <= 4 * 3600:
            raise BadInput(f"seconds must be 1 to {4 * 3600}, not {params['seconds']}.", seconds=params["seconds"])
        sampler = Sampler.of(params["urls"], params["interval"], params["headers"])
        return cls(stack, params["change"], sampler, params["seconds"], Limits.of(params["limits"]), params["lease_token"])

    def plan(self) -> Plan:
        record = WindowStore(self.stack).load()
        record.require(self.change, *_MEASURED)
        return facts_only({**facts_of(record, moment()), "measured": {}, "breaches": []})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        store = WindowStore(self.stack)
        window = store.load().require(self.change, *_MEASURED)
        compared = window.phase in _RETURNING

        def enough(answers: Any) -> bool:
            return compared and len(answers) >= _FEW and bool(breaches(summary(answers, 0), window.baseline, self.limits))

        seconds = self.sampler.run(self.seconds, enough)
        measured = summary(self.sampler.answers, seconds)
        found = list(breaches(measured, window.baseline, self.limits)) if compared else []
        if not compared:
            require_useful(measured)
        kept = {"watched": {**measured, "breaches": found}} if compared else {"baseline": measured}

        def note(record: WindowRecord, now: Moment) -> WindowChange:
            current = replace(record.require(self.change, *_MEASURED), **kept)
            return WindowChange(record, renewed(record.with_window(current), now, self.token))

        after = store.change(note).after
        if found:
            raise WatchBreached(
                f"After window {self.change} stack {self.stack.name} answers worse than before: {'; '.join(found)}.",
                hint="Look at health/check.yml; to go back, incident/rollback.yml.",
                measured=measured,
                baseline=dict(window.baseline),
            )
        return {**facts_of(after, moment()), "measured": measured, "breaches": found}


def facts_of(record: WindowRecord, now: Moment) -> Dict[str, Any]:
    window = record.window
    return {
        "window": window.facts(now) if window else {},
        "under_way": bool(window and window.under_way),
        "hash": str(window.plan.get("hash", "")) if window else "",
        "former": [dict(one) for one in record.former],
    }


def _summary(record: WindowRecord) -> Dict[str, Any]:
    window = record.window
    if window is None:
        return {}
    return {"change": window.change, "phase": window.phase, "task": window.number, "half_applied": window.half_applied, "outcome": window.outcome}


def _check(params: Mapping[str, Any]) -> None:
    state = params["state"]
    needed = {
        "planned": ("change", "owner", "tasks"),
        "begun": ("change", "owner", "tasks"),
        "step": ("change", "outcome" if params["task"] else "because"),
        "abandoned": ("change", "because"),
    }
    missing = [name for name in needed.get(state, () if state in ("look", "expired") else ("change",)) if not params[name]]
    if missing:
        raise BadInput(f"state={state} needs {', '.join(missing)}.", hint="Nothing was done.", missing=missing)
    if state == "step" and params["task"] and params["outcome"] not in (BEGUN, DONE, FAILED, ROLLED_BACK):
        raise BadInput(f"A task's outcome is begun, done, failed or rolled_back, not {params['outcome']}.", outcome=params["outcome"])
    if not params["change"].isprintable() or len(params["change"]) > 80:
        raise BadInput("change has to be one line of at most 80 characters.", hint="Give the number of the change.")
    Limits.of(params["limits"])
    for name, least, most in (("minutes", 1, _LONGEST_WINDOW), ("expires_after", _SHORTEST_LEASE, _LONGEST_LEASE), ("alarm_minutes", 1, 1440)):
        if not least <= params[name] <= most:
            raise BadInput(f"{name} must be {least} to {most}, not {params[name]}.", **{name: params[name]})
