# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How rollouts that have not come to their end are ended: because somebody asks for it, because their time is over, or because their run died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Optional, Sequence, Tuple

from .plan import Step
from .rollout import BAKING, Change, NothingBaking, Rollout, Rollouts, RolloutTerms, goal, sides
from .service_drift import Observed, drift_of
from .timestamps import parse_timestamp


@dataclass(frozen=True)
class Ending:
    """``keeps`` says which containers stay: old or new. ``why`` is for people. ``decided``: others in their place are no answer."""

    rollout: Rollout
    keeps: str
    why: str
    decided: bool = False

    @property
    def service(self) -> str:
        return self.rollout.service


def decide_endings(rollouts: Rollouts, observed: Observed, wanted: Tuple[str, Sequence[str]], now: datetime) -> Tuple[Ending, ...]:
    """``wanted`` is the state that is asked for, and the chosen services. A run that died is always brought to its end."""
    state, chosen = wanted
    found = []
    for name in sorted(rollouts.open):
        rollout = rollouts.open[name]
        keeps = goal(rollout, observed.of(name))
        old_runs = any(one.running for one in sides(rollout, observed.of(name))[0])
        if state == "switched_back" and name in chosen and old_runs:
            found.append(Ending(rollout, "old", "asked for", decided=True))
        elif state == "finished" and name in chosen and old_runs and rollout.phase == BAKING:
            found.append(Ending(rollout, "new", "asked for", decided=True))
        elif keeps != "both":
            found.append(Ending(rollout, keeps, f"left over, {rollout.phase}"))
        elif name in chosen:
            found += [one for one in [_end_of_bake(rollout, observed, state, now)] if one]
    back = [name for name in chosen if rollouts.ended.get(name) == "old"] + [one.service for one in found if one.keeps == "old"]
    gone = [one.service for one in found if one.keeps == "new" and one.service in chosen]
    if state == "switched_back" and (gone or not back):
        raise NothingBaking(
            "No old colour runs that could be switched back to. Nothing was done.",
            hint="Go back to the release before: playbooks/incident/rollback.yml.",
            services=gone or list(chosen),
        )
    return tuple(found)


def _end_of_bake(rollout: Rollout, observed: Observed, state: str, now: datetime) -> Optional[Ending]:
    until = parse_timestamp(rollout.until)
    if state == "settled":
        return Ending(rollout, "new", "its bake time is over", decided=True) if until and until <= now else None
    service = observed.model.service(rollout.service)
    old, new = sides(rollout, observed.of(rollout.service))
    if not drift_of(observed, service, new):
        return None
    if not drift_of(observed, service, old):
        return Ending(rollout, "old", "the files mean the old colour")
    return Ending(rollout, "new", "another one comes")


def step_of_ending(ending: Ending) -> Step:
    if ending.keeps == "new":
        return Step("finish", ending.service, ending.why)
    return Step("switch_back" if ending.rollout.phase == BAKING else "undo", ending.service, ending.why)


def step_of_change(change: Change, terms: RolloutTerms) -> Step:
    if change.how == "stop_first":
        return Step("recreate", change.service, f"{change.work.reason}; {change.why}")
    how = {"rolling": "", "canary": f", {', '.join(str(step) for step in terms.steps)} %", "blue_green": f", the old stays for {terms.bake} s"}
    return Step("roll_out", change.service, f"{change.work.reason}; beside{how[terms.strategy]}")
