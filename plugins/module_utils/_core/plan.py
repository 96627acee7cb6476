# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation decided: the state before, the state after, and the steps between."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Tuple


@dataclass(frozen=True)
class Step:
    """One action on one target, in the words of the result (``actions``). ``detail`` never holds a secret."""

    action: str
    target: str
    detail: str = ""


@dataclass(frozen=True)
class Plan:
    """One decision that feeds check mode, diff and the real run.

    ``before`` and ``after`` are what diff mode shows; ``facts`` are results that are known without acting
    (all of an ``_info`` module's answer).
    """

    before: Dict[str, Any]
    after: Dict[str, Any]
    steps: Tuple[Step, ...] = ()
    facts: Dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    def to_result(self, with_diff: bool = False) -> dict:
        result = dict(self.facts)
        result.update(changed=self.changed, actions=[asdict(step) for step in self.steps])
        if with_diff:
            result["diff"] = {"before": self.before, "after": self.after}
        return result


def facts_only(facts: Dict[str, Any]) -> Plan:
    """The plan of an operation that only looks."""
    return Plan(before={}, after={}, facts=facts)
