# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of one run of a playbook: events go in, a plain structure comes out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .redaction import Redactor
from .run_outcome import CHANGED, FAILED, STATUSES, UNREACHABLE, Outcome

SCHEMA = 1
RUNNING = "running"
SUCCEEDED = "succeeded"
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Step:
    """One task on one host. ``rescued_by`` is the block whose rescue takes over when it fails; ``in_rescue_of`` are
    the blocks in whose rescue it stands, from inside out. Blocks are named by ids that mean nothing else."""

    name: str
    action: str
    host: str
    role: str = ""
    delegated_to: str = ""
    rescued_by: str = ""
    in_rescue_of: Tuple[str, ...] = ()


@dataclass(frozen=True)
class EndedStep:
    """A step with its outcome; times are seconds since the run began."""

    step: Step
    outcome: Outcome
    began: float
    ended: float


@dataclass
class Play:
    """One play, or one batch of a play with ``serial``."""

    name: str
    hosts: Tuple[str, ...]
    began: float
    steps: List[EndedStep] = field(default_factory=list)


class RunLog:
    """Takes in events and tells the record at any moment. Every ``at`` is seconds since ``started``."""

    def __init__(self, started: datetime) -> None:
        self.started = started
        self._plays: List[Play] = []
        self._unfinished: Dict[Tuple[str, str], Tuple[str, float]] = {}

    def play_started(self, name: str, hosts: Sequence[str], at: float) -> None:
        self._plays.append(Play(name, tuple(hosts), at))
        self._unfinished.clear()

    def step_started(self, key: Tuple[str, str], name: str, at: float) -> None:
        """``key`` is (host, id of the task)."""
        self._unfinished[key] = (name, at)

    def step_ended(self, key: Tuple[str, str], step: Step, outcome: Outcome, at: float) -> None:
        began = self._unfinished.pop(key, (step.name, at))[1]
        self._plays[-1].steps.append(EndedStep(step, outcome, began, at))

    def step_dropped(self, key: Tuple[str, str]) -> None:
        """The step was only structure (an include) and is not told."""
        self._unfinished.pop(key, None)

    def result(self) -> str:
        """How the run ended, when it ended by itself."""
        seen = {ended.outcome.status for ended in self._steps()}
        return FAILED if FAILED in seen else UNREACHABLE if UNREACHABLE in seen else SUCCEEDED

    def record(self, facts: Mapping[str, Any], result: str, at: float, redactor: Redactor) -> Dict[str, Any]:
        """All that is known, redacted. ``facts`` are what the run was asked to do and by whom."""
        steps = self._steps()
        told = {
            "schema": SCHEMA,
            **facts,
            "result": result,
            "started_at": self._time(0),
            "finished_at": "" if result == RUNNING else self._time(at),
            "updated_at": self._time(at),
            "duration_ms": round(at * 1000),
            "failure": _with_root_reason(self._failure(steps), facts.get("custom_stats")),
            "unfinished": [
                {"step": name, "host": host, "since": self._time(began)}
                for (host, unused_id), (name, began) in self._unfinished.items()
            ],
            "hosts": _hosts(steps),
            "probes": [_of(ended, probe) for ended in steps for probe in ended.outcome.probes],
            "releases": [_of(ended, release) for ended in steps for release in ended.outcome.releases],
            "plays": [self._play(play) for play in self._plays],
        }
        # To plain JSON first: a value of a type that the redactor does not know must not slip by it as an object.
        return redactor.data(json.loads(json.dumps(told, default=str)))

    def _steps(self) -> List[EndedStep]:
        return [ended for play in self._plays for ended in play.steps]

    def _time(self, at: float) -> str:
        moment = self.started + timedelta(seconds=at)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"

    def _play(self, play: Play) -> Dict[str, Any]:
        return {
            "name": play.name,
            "hosts": list(play.hosts),
            "started_at": self._time(play.began),
            "steps": [self._step(ended) for ended in play.steps],
        }

    def _step(self, ended: EndedStep) -> Dict[str, Any]:
        step, outcome = ended.step, ended.outcome
        told = {
            "name": step.name,
            "module": step.action,
            "host": step.host,
            "status": outcome.status,
            "started_at": self._time(ended.began),
            "duration_ms": round((ended.ended - ended.began) * 1000),
            "reason": outcome.reason,
            "msg": outcome.message,
            "actions": list(outcome.actions),
        }
        extra = {
            "role": step.role,
            "delegated_to": step.delegated_to,
            "hidden": outcome.hidden,
            "attempts": outcome.attempts if outcome.attempts > 1 else 0,
        }
        told.update({name: value for name, value in extra.items() if value})
        return told

    def _failure(self, steps: List[EndedStep]) -> Dict[str, Any]:
        """The first trouble that nothing rescued, and the trouble that led to it; empty when there is none."""
        for position, ended in enumerate(steps):
            if ended.outcome.status in (FAILED, UNREACHABLE):
                cause = _cause(steps, position)
                return {**_trouble(ended), "cause": _trouble(cause) if cause else {}}
        return {}


def _cause(steps: List[EndedStep], position: int) -> Optional[EndedStep]:
    """The failure at the root of one that was made in a rescue: a rescue ends by failing again."""
    step = steps[position].step
    for block in step.in_rescue_of:
        for earlier in range(position - 1, -1, -1):
            candidate = steps[earlier]
            if candidate.step.host == step.host and candidate.step.rescued_by == block and candidate.outcome.reason:
                return _cause(steps, earlier) or candidate
    return None


def _with_root_reason(failure: Dict[str, Any], custom_stats: Any) -> Dict[str, Any]:
    """A role ends with a task that only says that it failed; what its operation reported knows the reason."""
    if failure.get("reason") != FAILED:
        return failure
    found = custom_stats
    for name in ("_run", "runbook", failure["host"], "failure", "reason"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return {**failure, "reason": found} if isinstance(found, str) and found else failure


def _trouble(ended: EndedStep) -> Dict[str, Any]:
    return {
        "host": ended.step.host,
        "step": ended.step.name,
        "reason": ended.outcome.reason,
        "msg": ended.outcome.message,
    }


def _hosts(steps: List[EndedStep]) -> Dict[str, Dict[str, int]]:
    """Steps by status for each host. A changed step counts as ``changed`` only."""
    counts: Dict[str, Counter] = {}
    for ended in steps:
        counts.setdefault(ended.step.host, Counter())[ended.outcome.status] += 1
    return {host: {status: count[status] for status in STATUSES} for host, count in sorted(counts.items())}


def _of(ended: EndedStep, entry: Mapping[str, Any]) -> Dict[str, Any]:
    return {"host": ended.step.host, "step": ended.step.name, **entry}


def changed_anything(record: Mapping[str, Any]) -> bool:
    """Whether a record tells of a changed step."""
    return any(counts[CHANGED] for counts in record["hosts"].values())
