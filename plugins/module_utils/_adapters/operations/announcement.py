# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells people what happens to a stack."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Protocol, Sequence

from ..._core.announcement import Announcement, AnnouncementFailed, Target, check_patience, parse_targets
from ..._core.plan import Plan, Step
from ..._core.stack import Stack
from ..announcer import Announcer
from ..journal import note


class Host(Protocol):
    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class AnnouncementOperation:
    def __init__(self, stack: Stack, params: Mapping[str, Any], targets: Sequence[Target], host: Host) -> None:
        self._stack = stack
        self._params = params
        self._targets = targets
        self._host = host
        self._announcement = Announcement.of(params["event"], params["subject"], params["text"], params["facts"])

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "AnnouncementOperation":
        check_patience(params["attempts"], params["timeout"])
        targets = parse_targets(params["targets"])
        host.hide([secret for target in targets for secret in target.secrets], [target.name for target in targets])
        return cls(Stack.from_params(params), params, targets, host)

    def plan(self) -> Plan:
        said = {"event": self._announcement.event, "subject": self._announcement.subject, "text": self._announcement.text}
        steps = tuple(Step("announce", target.name, target.kind) for target in self._targets)
        return Plan({}, {**said, "targets": [target.name for target in self._targets]}, steps, {"subject": said["subject"], "announced": [], "undelivered": 0})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        announcer = Announcer(self._stack.name, self._params["attempts"], self._params["timeout"])
        announced = [announcer.tell(target, self._announcement) for target in self._targets]
        lost = [one for one in announced if not one["delivered"]]
        note(self._stack, "announced", about=self._announcement.event, subject=self._announcement.subject, targets=announced)
        if lost:
            told = "; ".join(f"{one['target']} ({one['kind']}) after {one['attempts']} attempts: {one['error']}" for one in lost)
            if self._params["on_failure"] == "fail":
                raise AnnouncementFailed(f"{self._announcement.subject!r} did not reach {told}.", hint="Tell them yourself.", announced=announced)
            self._host.warn(f"{self._announcement.subject!r} did not reach {told}.")
        return {"announced": announced, "undelivered": len(lost)}
