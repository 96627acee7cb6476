# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is still open on a stack: nobody plans work on it as if all were well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Mapping, Optional, Sequence

from .edge_traffic import Traffic
from .errors import OperationError
from .ledger import FAILED, Release
from .rollout import Rollout


class IncidentOpen(OperationError):
    """Something of the stack is not at its end."""

    reason = "incident_open"


@dataclass(frozen=True)
class Restore:
    """A restore that has not come to its end. Without a ``stage`` its record cannot be read."""

    what: str
    stage: str = ""


def of_release(current: Optional[Release]) -> Iterator[str]:
    if current is not None and current.verdict == FAILED:
        yield f"release {current.title} runs and was judged as failed{': ' + current.verdict_reason if current.verdict_reason else ''}"


def of_rollouts(rollouts: Mapping[str, Rollout]) -> Iterator[str]:
    for service, rollout in sorted(rollouts.items()):
        yield f"the {rollout.strategy} rollout of {service} of {rollout.began} is {rollout.phase} (deploy/bluegreen.yml ends it)"


def of_restores(restores: Sequence[Restore]) -> Iterator[str]:
    for one in restores:
        yield f"{one.what} was cut off when it was {one.stage}" if one.stage else f"the record of {one.what} cannot be read"


def of_edge(traffic: Traffic, rolling: Sequence[str]) -> Iterator[str]:
    """``rolling`` are services whose rollout is told already: it is what steers their pools."""
    if traffic.maintenance:
        whose = f" by {traffic.maintenance.owner}" if traffic.maintenance.owner else ""
        yield f"the edge is closed{whose} since {traffic.maintenance.since}"
    if traffic.attack:
        yield f"the edge limits clients because of an attack since {traffic.attack.since}"
    for name, pool in sorted(traffic.pools.items()):
        idle = [one.container_id[:12] for one in pool.backends if not one.weight]
        if name not in rolling:
            whose = f" by {pool.owner}" if pool.owner else ""
            yield f"the edge is steered for {name}{whose}{', and ' + ', '.join(idle) + ' gets no requests' if idle else ''}"


def require_none(stack: str, found: Sequence[str], reason: str) -> None:
    """``reason`` says why it cannot wait for their end."""
    if not found or reason.strip():
        return
    raise IncidentOpen(
        f"Stack {stack} is not as it should be before work on it: {'; '.join(found)}. Nothing was done.",
        hint="Bring it to its end first. If it cannot wait: -e incident_reason='<why>'.",
        incidents=list(found),
    )
