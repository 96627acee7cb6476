# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More or fewer containers of one service: which of them leave, and who has to have answered afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence, Tuple

from .container import Container
from .edge_traffic import Backend, Pool
from .errors import BadInput, OperationError

OWNER = "service_scale"


class PoolPinned(BadInput):
    """Somebody chose which containers get the service's requests: others would get none."""

    reason = "pool_pinned"


class ReplicaNotReached(OperationError):
    """A container runs and got no request through the edge."""

    reason = "replica_not_reached"


@dataclass(frozen=True)
class Scaling:
    """``leaving`` are the newest ones, that compose would take too."""

    staying: Tuple[Container, ...]
    leaving: Tuple[Container, ...]


def split(containers: Sequence[Container], replicas: int) -> Scaling:
    in_order = sorted(containers, key=lambda one: one.number)
    return Scaling(tuple(in_order[:replicas]), tuple(in_order[replicas:]))


def refuse_pinned(service: str, pool: Pool) -> None:
    if pool.pinned and pool.owner != OWNER:
        raise PoolPinned(
            f"The edge sends requests of {service} to containers that {pool.owner or 'somebody'} chose"
            f"{f', until {pool.until}' if pool.until else ''}. Nothing was done.",
            hint="End that first: a release that bakes (playbooks/deploy/bluegreen.yml), or a pool that was set by hand.",
            service=service,
            owner=pool.owner,
            until=pool.until,
        )


def without_leaving(scaling: Scaling, port: int, addresses: Mapping[str, str], until: str) -> Pool:
    """Who stays gets all new requests; who leaves none, and ends those it has."""
    staying = [Backend(one.id, addresses[one.id], port) for one in scaling.staying if addresses.get(one.id)]
    leaving = [Backend(one.id, addresses[one.id], port, 0) for one in scaling.leaving if addresses.get(one.id)]
    return Pool((*staying, *leaving), until, OWNER)


def counted(names: Mapping[str, str], answers: Sequence[str]) -> Dict[str, int]:
    """Requests that each container answered; ``names`` maps what it calls itself to its name."""
    return {name: answers.count(own) for own, name in sorted(names.items(), key=lambda item: item[1])}


def require_all(service: str, counts: Mapping[str, Any], header: str) -> None:
    silent = [name for name, count in counts.items() if not count]
    if silent:
        raise ReplicaNotReached(
            f"{', '.join(silent)} answered none of {sum(counts.values())} requests that went through the edge to {service}.",
            hint=f"Look whether the edge asks the resolver for the name of the service, and whether answers carry the header {header}.",
            service=service,
            answered=dict(counts),
        )
