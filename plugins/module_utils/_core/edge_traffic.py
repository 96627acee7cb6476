# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the edge does with requests: which containers get them, who is let in, and until when."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Dict, Mapping, Optional, Tuple

from .edge_errors import EdgeStateDamaged
from .lease import Moment
from .timestamps import parse_timestamp

MAINTENANCE, ATTACK = "maintenance", "attack"


@dataclass(frozen=True)
class Backend:
    """One container behind the edge. ``weight`` is its share of new requests; 0 takes none (drained)."""

    container_id: str
    address: str
    port: int
    weight: int = 1

    @property
    def place(self) -> Tuple[str, int]:
        return (self.address, self.port)


@dataclass(frozen=True)
class Pool:
    """The containers of one service that get its requests. Without any it is at rest: whoever answers to the service's name."""

    backends: Tuple[Backend, ...] = ()
    until: str = ""
    owner: str = ""

    @property
    def pinned(self) -> bool:
        return bool(self.backends)

    @property
    def serving(self) -> Tuple[Backend, ...]:
        return tuple(backend for backend in self.backends if backend.weight > 0)


@dataclass(frozen=True)
class Maintenance:
    """Everybody but operators gets a 503. ``stays``: it does not end by itself at ``until``, only its owner ends it.

    ``admits`` is how many percent of the clients are let in all the same, on the way back.
    """

    until: str
    owner: str = ""
    title: str = ""
    notice: str = ""
    exempt_health: bool = True
    stays: bool = False
    since: str = ""
    admits: int = 0


@dataclass(frozen=True)
class Attack:
    """Fewer requests for each client: ``rate`` a second, and ``burst`` more at once."""

    rate: int
    burst: int
    until: str = ""
    owner: str = ""
    since: str = ""


@dataclass(frozen=True)
class Allowed:
    """An address (or network) that no request limit holds for."""

    address: str
    until: str = ""
    owner: str = ""
    since: str = ""


@dataclass(frozen=True)
class Traffic:
    """All of it. A pool that is not named is at rest. ``until`` of each part is UTC in ISO 8601, empty: without end."""

    pools: Mapping[str, Pool] = field(default_factory=dict)
    maintenance: Optional[Maintenance] = None
    attack: Optional[Attack] = None
    allowed: Tuple[Allowed, ...] = ()

    def pool(self, service: str) -> Pool:
        return self.pools.get(service, Pool())

    def with_pool(self, service: str, pool: Pool) -> "Traffic":
        """The same with another pool for this service; one without backends puts it to rest."""
        others = {name: known for name, known in self.pools.items() if name != service}
        return replace(self, pools={**others, service: pool} if pool.pinned else others)

    def at_rest(self, service: str) -> "Traffic":
        return self.with_pool(service, Pool())

    def with_maintenance(self, maintenance: Optional[Maintenance]) -> "Traffic":
        return replace(self, maintenance=maintenance)

    def with_attack(self, attack: Optional[Attack]) -> "Traffic":
        return replace(self, attack=attack)

    def with_allowed(self, entry: Allowed) -> "Traffic":
        return replace(self, allowed=tuple(sorted((*self.without_allowed(entry.address).allowed, entry), key=lambda known: known.address)))

    def without_allowed(self, address: str) -> "Traffic":
        return replace(self, allowed=tuple(known for known in self.allowed if known.address != address))

    def ends(self) -> Dict[str, str]:
        """Each temporary part and when it ends."""
        found = {f"pool:{name}": pool.until for name, pool in self.pools.items()}
        found.update({f"allowed:{entry.address}": entry.until for entry in self.allowed})
        if self.maintenance and not self.maintenance.stays:
            found[MAINTENANCE] = self.maintenance.until
        if self.attack:
            found[ATTACK] = self.attack.until
        return {part: until for part, until in found.items() if until}

    def without(self, part: str) -> "Traffic":
        """The same without one part, as ``ends`` names it."""
        kind, unused, name = part.partition(":")
        if kind == "pool":
            return self.at_rest(name)
        if kind == "allowed":
            return self.without_allowed(name)
        return self.with_maintenance(None) if kind == MAINTENANCE else self.with_attack(None)

    def to_dict(self) -> Dict[str, Any]:
        """For our record and for results; it holds no secret."""
        return {
            "pools": {name: {**asdict(pool), "backends": [asdict(backend) for backend in pool.backends]} for name, pool in sorted(self.pools.items())},
            "maintenance": asdict(self.maintenance) if self.maintenance else None,
            "attack": asdict(self.attack) if self.attack else None,
            "allowed": [asdict(entry) for entry in self.allowed],
        }


def parse_traffic(value: Any) -> Traffic:
    """Reads what ``to_dict`` wrote."""
    try:
        pools = {name: Pool(tuple(Backend(**backend) for backend in pool["backends"]), pool["until"], pool["owner"]) for name, pool in value["pools"].items()}
        maintenance, attack = value["maintenance"], value["attack"]
        return Traffic(
            pools,
            Maintenance(**maintenance) if maintenance else None,
            Attack(**attack) if attack else None,
            tuple(Allowed(**entry) for entry in value["allowed"]),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise EdgeStateDamaged("Our record of the edge makes no sense.", hint="Move it away; then the edge is at rest for us.") from error


@dataclass(frozen=True)
class End:
    """When a part ends, by both clocks: within one boot the one counts that nobody can set."""

    until: str
    boot_id: str = ""
    boottime: float = 0.0

    def seconds_left(self, now: Moment) -> float:
        if self.boot_id and self.boot_id == now.boot_id:
            return self.boottime - now.boottime
        until = parse_timestamp(self.until)
        return (until - now.wall).total_seconds() if until else 0.0


def ends_of(traffic: Traffic, known: Mapping[str, End], now: Moment) -> Dict[str, End]:
    """The ends of all temporary parts: those that are known already as they are, new or moved ones from now."""
    found = {}
    for part, until in traffic.ends().items():
        end = known.get(part)
        found[part] = end if end and end.until == until else End(until, now.boot_id, now.boottime + End(until).seconds_left(now))
    return found


def expired(ends: Mapping[str, End], now: Moment) -> Tuple[str, ...]:
    """The parts whose time is over."""
    return tuple(sorted(part for part, end in ends.items() if end.seconds_left(now) <= 0))


def without_expired(traffic: Traffic, ends: Mapping[str, End], now: Moment) -> Traffic:
    for part in expired(ends, now):
        traffic = traffic.without(part)
    return traffic


def with_present(traffic: Traffic, addresses: Mapping[str, str]) -> Traffic:
    """Follows the containers: ``addresses`` has the address of each that runs. A pool of which none serves any more goes to rest."""
    for name, pool in traffic.pools.items():
        there = tuple(replace(one, address=addresses[one.container_id]) for one in pool.backends if addresses.get(one.container_id))
        kept = replace(pool, backends=there)
        traffic = traffic.with_pool(name, kept if kept.serving else Pool())
    return traffic


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
