# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steers what the edge does with requests."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Protocol

from ..._core.edge_errors import DrainTimedOut
from ..._core.edge_request import EdgeRequest, Surroundings, decide, drained_places, steps
from ..._core.edge_site import parse_networks
from ..._core.edge_traffic import Backend, Traffic, expired, with_present
from ..._core.plan import Plan, Step
from ..._core.stack import Stack
from ..clock import moment
from ..edge_control import Drained, EdgeControl
from ..edge_questions import prove_closed
from ..engine import Engine


class Host(Protocol):
    check_mode: bool

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class EdgeTraffic:
    """Changes, drain, and the end of what is over."""

    def __init__(self, params: Mapping[str, Any], host: Host) -> None:
        self._check_mode = host.check_mode
        self._request = EdgeRequest.from_params(params)
        self._stack = Stack.from_params(params)
        self._engine = Engine.connect(self._stack)
        self._control = EdgeControl.of(self._stack, params["edge"], self._engine)
        host.hide([secret for secret in (self._control.site.operators.secret, self._control.record().look) if secret])
        self._around = self._look()

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "EdgeTraffic":
        return cls(params, host)

    def plan(self) -> Plan:
        record = self._control.record()
        after = self._decide(self._control.settled())
        # Places are looked for before anything is done, so that a wrong name is refused at once.
        drained = [Step("drain", word) for word in self._request.drain if drained_places(self._request, self._around)]
        moved = steps(record.traffic, after)
        if not moved and not self._control.is_written(after):
            moved = (Step("rewrite", self._control.site.directory),)
        facts = {**self._facts(after), "expired": list(expired(record.ends, moment())), "drained": None, "proof": None}
        if self._check_mode and not moved:
            facts["proof"] = self._prove(after)
        return Plan({"traffic": record.traffic.to_dict()}, {"traffic": after.to_dict()}, (*moved, *self._waited(drained)), facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        after = self._control.change(self._decide)
        proof = self._prove(after)
        drained = self._drain()
        facts = {"drained": {"connections_left": drained.connections_left, "seconds": drained.seconds} if drained else None}
        return {**self._facts(after), **facts, "proof": proof, "changed": plan.changed}

    def _decide(self, traffic: Traffic) -> Traffic:
        if self._request.settled:
            return with_present(traffic, {backend: self._around.backends[backend].address for backend in self._around.backends})
        return decide(traffic, self._request, self._around)

    def _look(self) -> Surroundings:
        """The running containers, and those that the edge reaches as backends."""
        site = self._control.site
        running = [one for one in self._engine.containers(self._stack.name) if one.running]
        reached = {one.id: self._control.nginx.reach(one) for one in running if one.service in site.ports}
        backends = {one.id: Backend(one.id, reached[one.id], site.ports[one.service]) for one in running if reached.get(one.id)}
        return Surroundings(site, tuple(running), backends, moment().wall)

    def _waited(self, drained: List[Step]) -> List[Step]:
        """Waiting is a step only while there is somebody to wait for."""
        return drained if drained and self._control.connections(drained_places(self._request, self._around)) else []

    def _drain(self) -> Optional[Drained]:
        if not self._request.drain:
            return None
        drained = self._control.drain(drained_places(self._request, self._around), self._request.drain_timeout)
        if drained.connections_left:
            raise DrainTimedOut(
                f"{drained.connections_left} requests were still in flight after {drained.seconds:g} s.",
                hint="They go on, and no new ones come. Drain again with a longer drain_timeout, or accept that stopping cuts them off.",
                connections_left=drained.connections_left,
                seconds=drained.seconds,
            )
        return drained

    def _prove(self, traffic: Traffic) -> Dict[str, Any]:
        record = self._control.record()
        proof: Dict[str, Any] = prove_closed(self._control.site, traffic.maintenance, record.look)
        wanted = [parse_networks([entry["address"]], "allow")[0] for entry in self._request.allow]
        proof["allowed"] = {address: self._control.asked(address).get("allowed") for address in wanted}
        return proof

    def _facts(self, traffic: Traffic) -> Dict[str, Any]:
        names = {one.id: one.name for one in self._around.containers}
        shown = traffic.to_dict()
        for pool in shown["pools"].values():
            for backend in pool["backends"]:
                backend["name"] = names.get(backend["container_id"], "")
        record = self._control.record()
        return {"traffic": shown, "generation": record.generation, "old_workers": self._control.old_workers()}
