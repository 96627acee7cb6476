# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead man's switch of a maintenance window, as the target runs it every minute."""

from __future__ import annotations

import contextlib
import secrets
import socket
from typing import Any, Dict, Iterator, Optional

from .._core.announcement import Announcement, parse_targets
from .._core.errors import OperationError
from .._core.lease import LeaseHeld, Moment
from .._core.lease_change import Claim, free, hold
from .._core.plan import Plan, Step
from .._core.stack import Stack
from .._core.window import CLOSED, PLANNED, Window, WindowKept, WindowRecord
from .._core.window_change import WindowChange
from .._core.window_expiry import KEEP, LIFT, NOTHING, Evidence, Verdict, decide, ended_by_target, is_alive, kept_by_target, needs_look
from .announcer import Announcer
from .clock import moment
from .lease_store import LeaseStore
from .stack_look import StackLook
from .window_edge import WindowEdge
from .window_store import WindowStore

_LEASE_SECONDS = 120


class Watchdog:
    """Ends a window whose run is gone, or keeps the page and says so."""

    def __init__(self, stack: Stack, edge: WindowEdge, alarm_minutes: int) -> None:
        self._stack = stack
        self._edge = edge
        self._alarm_minutes = alarm_minutes
        self._store = WindowStore(stack)
        self._leases = LeaseStore(stack)
        self._verdict = Verdict(NOTHING)
        self._alive = False

    def plan(self) -> Plan:
        window, now = self._concerned(), moment()
        if window is None:
            return Plan({}, {}, facts=self._facts("no window is under way"))
        operation = self._leases.load()
        operation.refuse_damage()
        self._alive = is_alive(window, operation, now)
        if self._alive:
            return Plan({}, {}, facts=self._facts(window.for_people(now)))
        self._verdict = self._decide(window)
        steps = (Step(self._verdict.word, window.change, self._verdict.because),)
        return Plan({"phase": window.phase}, {"verdict": self._verdict.word}, steps, self._facts(self._verdict.because))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        window = self._concerned()
        if window is None:
            return {}
        if self._alive:
            return {"prolonged": self._edge.prolong(window.edge_owner, moment())}
        with self._alone() as token:
            if token is None:  # somebody was quicker, and works on the stack now
                return self._facts("another run took the stack over")
            return self._act()

    def _act(self) -> Dict[str, Any]:
        """Nobody else works on the stack meanwhile. What is decided is decided anew: time has passed."""
        window = self._concerned()
        if window is None:
            return self._facts("no window is under way")
        verdict = self._verdict = self._at_the_edge(window, self._decide(window))
        change = self._store.change(lambda record, now: self._marked(record, window, verdict, now))
        told = self._tell(window, change) if change.action else 0
        if verdict.word == KEEP:
            raise WindowKept(
                f"The run that held window {window.change} of stack {self._stack.name} is gone, and the page stays: {verdict.because}.",
                hint=f"Mend the stack, then go on with the same change (maintenance/window.yml), or end it with --tags after -e change={window.change}.",
                change=window.change,
                phase=window.phase,
                half_applied=window.half_applied,
                task=window.number,
                undelivered=told,
            )
        return {**self._facts(verdict.because), "undelivered": told}

    def _at_the_edge(self, window: Window, verdict: Verdict) -> Verdict:
        """An edge that refuses is a reason to alarm, not to say nothing."""
        try:
            if verdict.word == KEEP:
                self._edge.prolong(window.edge_owner, moment(), for_all=True)
            elif verdict.word == LIFT:
                self._edge.lift(window.edge_owner)
        except OperationError as error:
            return Verdict(KEEP, f"{verdict.because}; and the edge could not be changed: {error}")
        return verdict

    def _marked(self, record: WindowRecord, window: Window, verdict: Verdict, now: Moment) -> WindowChange:
        if verdict.word == KEEP:
            return kept_by_target(record, window, verdict, now, self._alarm_minutes)
        return ended_by_target(record, window, verdict, now)

    def _decide(self, window: Window) -> Verdict:
        if window.phase == CLOSED:  # a task of a dead run closed the edge after all
            return Verdict(LIFT, "its page outlived the window")
        evidence = StackLook(self._stack).evidence() if needs_look(window) else Evidence(True, True)
        return decide(window, evidence)

    def _concerned(self) -> Optional[Window]:
        """The window that is under way, or one that is over and whose page is still there."""
        record = self._store.load()
        record.refuse_damage()
        window = record.window
        if window is None or window.phase == PLANNED:
            return None
        return window if window.under_way or self._edge.is_closed(window.edge_owner) else None

    def _tell(self, window: Window, change: WindowChange) -> int:
        kept = self._verdict.word == KEEP
        subject = f"Maintenance {window.change} of {self._stack.name} {'was cut off: the page stays' if kept else 'was ended by the target'}"
        announcement = Announcement.of("window_kept" if kept else "window_expired", subject, f"Because {self._verdict.because}.", change.facts)
        announcer = Announcer(self._stack.name)
        return sum(not announcer.tell(target, announcement)["delivered"] for target in parse_targets(window.alarms))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Optional[str]]:
        """The operation lease, so that nobody takes the stack over while the page is lifted; None when somebody has it."""
        token = secrets.token_hex(16)
        claim = Claim("the target", "end an expired maintenance window", "", socket.gethostname(), token, expires_after=_LEASE_SECONDS)
        try:
            self._leases.change(lambda record, now: hold(record, claim, now))
        except LeaseHeld:
            yield None
            return
        try:
            yield token
        finally:
            self._leases.change(lambda record, now: free(record, token, self._verdict.word, now))

    def _facts(self, because: str) -> Dict[str, Any]:
        return {"verdict": self._verdict.word, "because": because}
