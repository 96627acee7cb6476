# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead man's switch: what the target does with a window when the run that held it is gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Tuple

from .lease import LeaseRecord, Moment
from .timestamps import parse_timestamp
from .window import ABANDONED, CLOSED, PLANNED, WATCHING, Window, WindowRecord
from .window_change import WindowChange
from .window_tasks import NONE, SCHEMA, SWAP

NOTHING, CLOSE, LIFT, KEEP = "nothing", "close", "lift", "keep"


@dataclass(frozen=True)
class Evidence:
    """What a look at the stack says. ``settled``: containers, files and ledger agree, so no exchange of containers is half done."""

    healthy: bool
    settled: bool
    problems: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    word: str
    because: str = ""


def is_alive(window: Window, operation: LeaseRecord, now: Moment) -> bool:
    """A run works on the stack: by its own lease, or by that of any operation, such as a person's rollback."""
    if window.lease is not None and not window.lease.is_expired(now) and window.phase != ABANDONED:
        return True
    return operation.damaged or (operation.holder is not None and not operation.holder.is_expired(now))


def needs_look(window: Window) -> bool:
    """Whether the stack itself has to be looked at to decide."""
    return window.phase not in (PLANNED, CLOSED, WATCHING) and window.half_applied != SCHEMA and window.kept.get("by") != "run"


def decide(window: Window, evidence: Evidence) -> Verdict:
    """The phase table, for a window whose run is gone."""
    if window.phase in (PLANNED, CLOSED):
        return Verdict(NOTHING)
    if window.phase == WATCHING:
        return Verdict(CLOSE, "traffic was back already")
    if window.phase == ABANDONED and window.kept.get("by") == "run":
        return Verdict(KEEP, f"its run left it to a person: {window.kept['because']}")
    task = f"task {window.number} ({window.task(window.number).title})" if window.number else "the window"
    if window.half_applied == SCHEMA:
        return Verdict(KEEP, f"{task} was cut off, and what it leaves cannot be seen from outside")
    if window.half_applied == SWAP and not evidence.settled:
        return Verdict(KEEP, f"{task} was cut off, and the stack is between two states: {_told(evidence)}")
    if not evidence.healthy:
        return Verdict(KEEP, f"the stack is not healthy: {_told(evidence)}")
    if window.half_applied == NONE:
        return Verdict(LIFT, "nothing is half applied, and the stack is healthy")
    return Verdict(LIFT, f"{task} was cut off, and the stack is whole and healthy all the same")


def ended_by_target(record: WindowRecord, window: Window, verdict: Verdict, now: Moment) -> WindowChange:
    """The window is over: the page is lifted, or traffic was back."""
    over = window.phase == CLOSED
    after = replace(
        window,
        phase=CLOSED,
        outcome=window.outcome if over else "expired",
        ended_at=window.ended_at if over else now.text,
        token="",
        lease=None,
        kept={"because": verdict.because, "since": now.text},
    )
    after = after.did("the target", "lifted" if verdict.word == LIFT else "closed", now)
    facts = {"was": window.phase, "task": window.number, "half_applied": window.half_applied, "because": verdict.because}
    return WindowChange(record, record.with_window(after), verdict.word, verdict.because, facts)


def kept_by_target(record: WindowRecord, window: Window, verdict: Verdict, now: Moment, alarm_minutes: int) -> WindowChange:
    """The page stays. It is said once, and again after ``alarm_minutes``."""
    alarmed = parse_timestamp(window.kept.get("alarmed_at"))
    due = alarmed is None or (now.wall - alarmed).total_seconds() >= alarm_minutes * 60 or (now.wall - alarmed).total_seconds() < 0
    kept = {
        "because": window.kept["because"] if window.kept.get("by") == "run" else verdict.because,
        "since": window.kept.get("since") or now.text,
        "alarmed_at": now.text if due else window.kept["alarmed_at"],
    }
    kept["by"] = window.kept.get("by") or "target"
    after = replace(window, phase=ABANDONED, kept=kept)
    if window.phase != ABANDONED:
        after = after.did("the target", "kept", now)
    facts = {"was": window.phase, "task": window.number, "half_applied": window.half_applied, "because": verdict.because}
    return WindowChange(record, record.with_window(after), "alarm" if due else "", verdict.because, facts)


def _told(evidence: Evidence) -> str:
    return " ".join(evidence.problems) or "nothing is known of it"
