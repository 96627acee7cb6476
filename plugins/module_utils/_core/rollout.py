# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a service behind the edge is replaced without a lost request: beside the old, in steps; and what a killed run left is worth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from math import gcd
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from .compose_model import ComposeModel, ServiceDefinition
from .container import Container
from .edge_traffic import Backend
from .errors import BadInput, OperationError
from .service_plan import Work

STRATEGIES = ("rolling", "canary", "blue_green")
# How far a rollout got. Up to SHIFTED (not with it) the old containers are what counts, from then on the new ones.
BEGUN, BESIDE, SHIFTING, SHIFTED, BAKING, DRAINED, RETURNING = "begun", "beside", "shifting", "shifted", "baking", "drained", "returning"
_FORWARD = (SHIFTED, BAKING, DRAINED)


class CannotRunBeside(BadInput):
    """Old and new containers of this service cannot run at the same time."""

    reason = "cannot_run_beside"


class ErrorBudgetSpent(OperationError):
    """Requests failed, or took too long, while the edge was steered to the new containers."""

    reason = "error_budget_spent"


class NothingBaking(BadInput):
    """There is no old colour that could be switched back to."""

    reason = "nothing_baking"


class RolloutOpen(BadInput):
    """Two colours of a service run beside each other, and the edge names their addresses."""

    reason = "rollout_open"


class RolloutStuck(OperationError):
    """A rollout failed, and what it had done could not be taken back."""

    reason = "rollout_stuck"


class RolloutBusy(OperationError):
    """Another process replaces containers of this stack."""

    reason = "rollout_busy"


@dataclass(frozen=True)
class RolloutTerms:
    """How a service is replaced. All times in seconds: ``hold`` of a step, ``watch`` of the last one, ``bake`` of the old colour."""

    strategy: str
    steps: Tuple[int, ...]
    hold: float
    watch: float
    bake: int
    health_timeout: float
    drain_timeout: float
    stop_timeout: Optional[int]


@dataclass(frozen=True)
class Rollout:
    """One service's entry in ``rollout.json``. ``old`` are ids of containers; all others of the service are the new ones."""

    service: str
    strategy: str
    phase: str
    old: Tuple[str, ...]
    began: str
    until: str = ""

    def at(self, phase: str, until: str = "") -> "Rollout":
        return replace(self, phase=phase, until=until)


@dataclass(frozen=True)
class Change:
    """A service whose containers are replaced. ``how`` is beside or stop_first, ``why`` what keeps it from the former."""

    service: str
    how: str
    work: Work
    why: str = ""


@dataclass(frozen=True)
class Rollouts:
    """What ``rollout.json`` holds: rollouts that have not come to their end, and how the last one of each service ended (``new`` or ``old`` runs)."""

    open: Mapping[str, Rollout] = field(default_factory=dict)
    ended: Mapping[str, str] = field(default_factory=dict)

    def with_open(self, rollout: Rollout) -> "Rollouts":
        return Rollouts({**self.open, rollout.service: rollout}, self.ended)

    def with_ended(self, service: str, runs: str) -> "Rollouts":
        return Rollouts({name: one for name, one in self.open.items() if name != service}, {**self.ended, service: runs})

    def to_dict(self) -> Dict[str, Any]:
        return {"services": {name: asdict(one) for name, one in sorted(self.open.items())}, "ended": dict(sorted(self.ended.items()))}


def parse_rollouts(text: str) -> Rollouts:
    """Reads the JSON of ``to_dict``; without a text there is none."""
    found = json.loads(text) if text else {"services": {}, "ended": {}}
    return Rollouts({name: Rollout(**{**entry, "old": tuple(entry["old"])}) for name, entry in found["services"].items()}, dict(found["ended"]))


def refuse_open(rollouts: Rollouts, services: Sequence[str]) -> None:
    """Two colours are no matter for anybody who takes them for drift."""
    busy = sorted(set(services) & set(rollouts.open))
    if busy:
        raise RolloutOpen(
            f"A rollout of {', '.join(busy)} has not come to its end, and the edge names its containers. Nothing was done.",
            hint="End it first: playbooks/deploy/bluegreen.yml -e step=finish, or -e step=back.",
            services=busy,
        )


def parse_steps(strategy: str, steps: Sequence[int]) -> Tuple[int, ...]:
    """Percentages of the requests that the new containers get, one after the other; always up to 100."""
    if strategy != "canary":
        return (100,)
    wanted = tuple(steps) if steps and steps[-1] == 100 else (*steps, 100)
    if any(not 1 <= step <= 100 for step in wanted) or list(wanted) != sorted(set(wanted)):
        raise BadInput(f"steps is {list(steps)}, and has to be percentages from 1 to 100, each larger than the one before.", option="steps")
    return wanted


def shares(old: int, new: int, percent: int) -> Tuple[int, int]:
    """The weight of each old and of each new container, so that all new ones together get that many percent of the requests."""
    if not old or percent >= 100:
        return 0, 1
    if not new or percent <= 0:
        return 1, 0
    left, right = (100 - percent) * new, percent * old
    common = gcd(left, right)
    return left // common, right // common


def why_not_beside(model: ComposeModel, service: ServiceDefinition) -> str:
    """What keeps a second set of containers from running; empty when nothing does."""
    if service.fixed_name:
        return "has container_name"
    if service.fixed_port:
        return "has a fixed port of the host"
    if service.fixed_network:
        return "has a fixed address, or the network of the host or of another container"
    if service.volumes:
        return f"owns the volume {service.volumes[0]}"
    return "runs once to its end" if model.is_one_shot(service.name) else ""


def changes_of(model: ComposeModel, work: Sequence[Work], serving: Collection[str], fallback: str) -> Tuple[Change, ...]:
    """Of the planned work, what replaces containers that the edge sends requests to. ``serving`` are services behind it that run."""
    found = []
    for item in work:
        if item.service not in serving or item.action != "recreate":
            continue
        why = why_not_beside(model, model.service(item.service))
        if why and fallback == "refuse":
            raise CannotRunBeside(
                f"Service {item.service} {why}, so its old and new containers cannot run beside each other. Nothing was done.",
                hint="Take that out of the compose file, or accept lost requests with fallback=stop_first (stack_release.fallback).",
                service=item.service,
            )
        found.append(Change(item.service, "stop_first" if why else "beside", item, why))
    return tuple(found)


def goal(rollout: Rollout, containers: Sequence[Container]) -> str:
    """Which containers an unfinished rollout has to leave: old, new, or both while it bakes."""
    running = [one for one in containers if one.running]
    old = any(one.id in rollout.old for one in running)
    new = any(one.id not in rollout.old for one in running)
    if rollout.phase == BAKING and old and new:
        return "both"
    if old and new:
        return "new" if rollout.phase in _FORWARD else "old"
    if old or new:
        return "old" if old else "new"
    return "new" if rollout.phase in _FORWARD else "old"


def sides(rollout: Optional[Rollout], containers: Sequence[Container]) -> Tuple[List[Container], List[Container]]:
    """The old containers and the new ones."""
    known = rollout.old if rollout else ()
    return [one for one in containers if one.id in known], [one for one in containers if one.id not in known]


def backends(port: int, addresses: Mapping[str, str], old: int, percent: int) -> Tuple[Backend, ...]:
    """Those that get requests. ``addresses`` by id, the old containers first; ``old`` is their number."""
    weights = shares(old, len(addresses) - old, percent)
    found = [Backend(known, address, port, weights[number >= old]) for number, (known, address) in enumerate(addresses.items())]
    return tuple(one for one in found if one.weight)


def without_idle(rollouts: Rollouts, containers: Sequence[Container]) -> Tuple[Container, ...]:
    """Without old containers that get no requests any more: they wait for a switch back, or could not be removed yet."""
    idle = {known for one in rollouts.open.values() if one.phase in _FORWARD for known in one.old}
    return tuple(one for one in containers if one.id not in idle)


def settled(rollouts: Mapping[str, Rollout], containers: Sequence[Container], goals: Mapping[str, str]) -> Tuple[Container, ...]:
    """The containers as they will be when every unfinished rollout is brought to its end; of a baking one, without the idle colour."""
    gone = set()
    for name, rollout in rollouts.items():
        old, new = sides(rollout, [one for one in containers if one.service == name])
        gone |= {one.id for one in (new if goals[name] == "old" else old)}
    return tuple(one for one in containers if one.id not in gone)
