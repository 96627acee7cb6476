# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call of edge_traffic asks for, and the traffic that it makes of the one in force."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .container import Container
from .edge_page import check_words
from .edge_site import EdgeSite, parse_networks
from .edge_traffic import Allowed, Attack, Backend, Maintenance, Pool, Traffic, iso
from .errors import BadInput
from .plan import Step
from .timestamps import parse_timestamp

LONGEST = timedelta(hours=24)


@dataclass(frozen=True)
class Share:
    """A container (its name, id, or ``service-number``) and its part of new requests."""

    container: str
    weight: int = 1


@dataclass(frozen=True)
class EdgeRequest:
    """``settled`` only ends what is over; all else is a change."""

    settled: bool = False
    pools: Mapping[str, Tuple[Share, ...]] = field(default_factory=dict)
    ends: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    maintenance: Optional[Mapping[str, Any]] = None
    attack: Optional[Mapping[str, Any]] = None
    allow: Tuple[Mapping[str, Any], ...] = ()
    drain: Tuple[str, ...] = ()
    drain_timeout: float = 30.0
    owner: str = ""

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "EdgeRequest":
        settled = params["state"] == "settled"
        wishes = [name for name in ("pools", "maintenance", "attack", "allow", "drain") if params[name]]
        if settled and wishes:
            raise BadInput("state=settled only ends what is over.", hint=f"Leave out {', '.join(wishes)}.", options=wishes)
        if params["drain_timeout"] < 0:
            raise BadInput(f"drain_timeout must be at least 0, but is {params['drain_timeout']}.", drain_timeout=params["drain_timeout"])
        maintenance = params["maintenance"]
        if maintenance:
            check_words(maintenance["title"], maintenance["notice"])
        return cls(
            settled=settled,
            pools={service: tuple(_shares(service, pool)) for service, pool in (params["pools"] or {}).items()},
            ends={service: pool or {} for service, pool in (params["pools"] or {}).items()},
            maintenance=maintenance,
            attack=params["attack"],
            allow=tuple(params["allow"] or ()),
            drain=tuple(params["drain"] or ()),
            drain_timeout=float(params["drain_timeout"]),
            owner=params["owner"],
        )


@dataclass(frozen=True)
class Surroundings:
    """What a decision is made of besides the traffic: the site, the running containers as backends by service, and the time."""

    site: EdgeSite
    containers: Tuple[Container, ...]
    backends: Mapping[str, Backend]
    now: datetime

    def find(self, word: str) -> Container:
        """The running container that is meant."""
        fitting = [one for one in self.containers if word in (one.name, one.id, f"{one.service}-{one.number}") or (len(word) >= 12 and one.id.startswith(word))]
        if len(fitting) != 1:
            raise BadInput(
                f"{word!r} is not one running container of the stack.",
                hint="Give its name, its id, or <service>-<number>.",
                container=word,
                running=[one.name for one in self.containers],
            )
        return fitting[0]

    def backend(self, container: Container, weight: int) -> Backend:
        self.site.require_pool(container.service)
        if container.id not in self.backends:
            raise BadInput(
                f"The edge and {container.name} are on no common network.", hint="Correct the networks of the compose file.", container=container.name
            )
        return replace(self.backends[container.id], weight=weight)

    def of(self, service: str) -> List[Container]:
        return [one for one in self.containers if one.service == service]


def decide(traffic: Traffic, request: EdgeRequest, around: Surroundings) -> Traffic:
    """The traffic that was asked for; raises BadInput for what cannot be."""
    for service, shares in request.pools.items():
        traffic = traffic.with_pool(service, _pool(traffic, service, shares, request, around))
    for container in (around.find(word) for word in request.drain if word not in around.site.ports):
        traffic = traffic.with_pool(container.service, _drained(traffic.pool(container.service), container, around))
    if request.maintenance:
        traffic = traffic.with_maintenance(_maintenance(traffic.maintenance, request, around.now))
    if request.attack:
        traffic = traffic.with_attack(_attack(traffic.attack, request, around))
    for entry in request.allow:
        traffic = _allow(traffic, entry, request.owner, around.now)
    return traffic


def drained_places(request: EdgeRequest, around: Surroundings) -> List[Tuple[str, int]]:
    """Where no request shall be in flight: of a whole service, all its containers."""
    found: List[Tuple[str, int]] = []
    for word in request.drain:
        meant = around.of(word) if word in around.site.ports else [around.find(word)]
        found += [around.backend(container, 0).place for container in meant]
    return found


def steps(before: Traffic, after: Traffic) -> Tuple[Step, ...]:
    """What turns one into the other, in words."""
    return tuple(_steps(before, after))


def _steps(before: Traffic, after: Traffic) -> Iterator[Step]:
    for service in sorted({*before.pools, *after.pools}):
        pool = after.pool(service)
        if pool != before.pool(service):
            yield Step("pin" if pool.pinned else "rest", service, ", ".join(f"{one.container_id[:12]} {one.weight}" for one in pool.backends))
    if before.maintenance != after.maintenance:
        verb = "open" if not after.maintenance else "change" if before.maintenance else "close"
        share = f", {after.maintenance.admits} % of the clients let in" if after.maintenance and after.maintenance.admits else ""
        yield Step(verb, "edge", f"until {after.maintenance.until}{share}" if after.maintenance else "")
    if before.attack != after.attack:
        yield Step("limit" if after.attack else "unlimit", "clients", f"{after.attack.rate} a second" if after.attack else "")
    for entry in after.allowed:
        if entry not in before.allowed:
            yield Step("allow", entry.address, f"until {entry.until}" if entry.until else "")
    kept = {entry.address for entry in after.allowed}
    for entry in before.allowed:
        if entry.address not in kept:
            yield Step("disallow", entry.address)


def _pool(traffic: Traffic, service: str, shares: Sequence[Share], request: EdgeRequest, around: Surroundings) -> Pool:
    around.site.require_pool(service)
    meant = [(around.find(share.container), share.weight) for share in shares]
    strangers = [container.name for container, unused in meant if container.service != service]
    if strangers:
        raise BadInput(f"{', '.join(strangers)} does not belong to {service}.", hint="Give containers of the service.", containers=strangers)
    pool = Pool(tuple(around.backend(container, weight) for container, weight in meant), "", request.owner)
    if pool.pinned and not pool.serving:
        raise BadInput(f"No container would serve {service}.", hint="Give one of them a weight, or close the edge (maintenance).", service=service)
    if not pool.pinned:
        return Pool()
    return replace(pool, until=_until(request.ends[service], "", around.now) or traffic.pool(service).until)


def _drained(pool: Pool, container: Container, around: Surroundings) -> Pool:
    backends = pool.backends or tuple(around.backend(one, 1) for one in around.of(container.service))
    rest = tuple(replace(one, weight=0) if one.container_id == container.id else one for one in backends)
    drained = replace(pool, backends=rest)
    if not drained.serving:
        raise BadInput(
            f"Without {container.name} nothing would serve {container.service}.",
            hint="Start another container first, or close the edge (maintenance) and drain the whole service.",
            container=container.name,
        )
    return drained


def _maintenance(known: Optional[Maintenance], request: EdgeRequest, now: datetime) -> Optional[Maintenance]:
    given: Mapping[str, Any] = request.maintenance or {}
    if given["state"] == "off":
        return None
    since = known.since if known and known.since else iso(now)
    until = _until(given, since, now, None if given["stays"] else LONGEST) or (known.until if known else "")
    if not until:
        raise BadInput("Maintenance needs an announced end.", hint="Give until or minutes.")
    if not 0 <= given["admits"] < 100:
        raise BadInput(f"admits must be 0 to 99 percent, not {given['admits']}.", hint="To let everybody in, state is off.", admits=given["admits"])
    words = {name: given[name] for name in ("title", "notice", "exempt_health", "stays", "admits")}
    return Maintenance(until, request.owner, since=since, **words)


def _attack(known: Optional[Attack], request: EdgeRequest, around: Surroundings) -> Optional[Attack]:
    given: Mapping[str, Any] = request.attack or {}
    if given["state"] == "off":
        return None
    since = known.since if known and known.since else iso(around.now)
    rate, burst = given["rate"] or around.site.attack_rate, given["burst"] or around.site.attack_burst
    if rate < 1 or burst < 1:
        raise BadInput("rate and burst of an attack profile must be at least 1.", rate=rate, burst=burst)
    return Attack(rate, burst, _until(given, since, around.now), request.owner, since)


def _allow(traffic: Traffic, given: Mapping[str, Any], owner: str, now: datetime) -> Traffic:
    address = parse_networks([given["address"]], "allow")[0]
    if given["state"] == "absent":
        return traffic.without_allowed(address)
    known = next((entry for entry in traffic.allowed if entry.address == address), None)
    since = known.since if known else iso(now)
    return traffic.with_allowed(Allowed(address, _until(given, since, now), owner, since))


def _until(given: Mapping[str, Any], since: str, now: datetime, longest: Optional[timedelta] = None) -> str:
    """``minutes`` count from the beginning, so that asking again for the same is no change."""
    text, minutes = given.get("until") or "", given.get("minutes")
    began = parse_timestamp(since) or now
    end = parse_timestamp(text) if text else began + timedelta(minutes=int(minutes)) if minutes else None
    if text and (minutes or end is None):
        raise BadInput(f"{text!r} is not the one end that is needed.", hint="Give until as 2026-01-31T22:30:00Z, or minutes.", until=text)
    if end is None:
        return ""
    if end <= now or (longest and end > now + longest):
        raise BadInput(
            f"The end {iso(end)} is over, or more than {LONGEST.days * 24} hours away.",
            hint="Give another until, or more minutes: they count from the beginning.",
            until=iso(end),
        )
    return iso(end)


def _shares(service: str, pool: Any) -> Iterator[Share]:
    given: Dict[str, Any] = pool or {}
    for entry in given.get("containers") or ():
        try:
            share = Share(str(entry["name"]), int(entry.get("weight", 1)))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise BadInput(f"{entry!r} is no container of pool {service}.", hint="Write {name: ..., weight: 1}.", service=service) from error
        if not 0 <= share.weight <= 1000:
            raise BadInput(f"The weight {share.weight} of {share.container} is not from 0 to 1000.", hint="0 takes no new requests.", service=service)
        yield share
