# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one service to a number of containers. Who leaves is taken out of the edge first and ends its requests; who comes has to answer through it."""

from __future__ import annotations

import contextlib
import http.client
import time
from datetime import timedelta
from typing import Any, Dict, Iterator, List, Mapping, Optional, Protocol, Sequence
from urllib.parse import urlsplit

from ..._core.container import Container
from ..._core.edge_site import EdgeSite
from ..._core.edge_traffic import iso
from ..._core.edge_errors import ALTERNATIVES, EdgeMissing
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, Step
from ..._core.service_scale import Scaling, counted, refuse_pinned, require_all, split, without_leaving
from ..._core.stack import Stack
from .. import engine_containers
from ..clock import utc_now
from ..edge_control import EdgeControl
from ..engine import Engine
from .compose_service import ComposeService

_ANSWER_SECONDS = 5.0
_PAUSE_SECONDS = 0.03
# So long a pool stays as it is beyond its drain when nobody ends it any more.
_SPARE_SECONDS = 300


class Host(Protocol):
    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Sequence[str], harmless: Sequence[str] = ()) -> None: ...


class ServiceScale:
    def __init__(self, stack: Stack, params: Mapping[str, Any], host: Host) -> None:
        self._stack = stack
        self._params = params
        self._host = host
        self._service = params["service"]
        self._engine = Engine.connect(stack)
        self._compose = ComposeService.from_params(_request(params), host)
        edge = params["edge"]
        self._site = EdgeSite.of(stack, edge) if edge and self._service in (edge.get("pools") or {}) else None
        self._edge: Optional[EdgeControl] = None
        self._scaling = Scaling((), ())
        self._left_over = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "ServiceScale":
        if min(params[name] for name in ("replicas", "drain_timeout", "serve_timeout")) < 0:
            raise BadInput("replicas, drain_timeout and serve_timeout must be 0 or more.", replicas=params["replicas"])
        return cls(Stack.from_params(params), params, host)

    def plan(self) -> Plan:
        plan = self._compose.plan()
        if self._site:
            self._host.hide([self._site.operators.secret] if self._site.operators.secret else [])
            self._edge = EdgeControl.of(self._stack, self._params["edge"], self._engine)
            pool = self._edge.settled().pool(self._service)
            refuse_pinned(self._service, pool)
            self._left_over = pool.pinned
        running = [one for one in self._containers() if one.running]
        self._scaling = split(running, self._params["replicas"])
        drains = self._edge is not None and self._scaling.leaving and self._scaling.staying
        steps = [Step("drain", one.name) for one in self._scaling.leaving] if drains else []
        if self._left_over and not drains:
            steps.append(Step("rest", self._service, "left by a run that was killed"))
        facts = {**plan.facts, "drained": {}, "answered": {}}
        return Plan(plan.before, plan.after, (*steps, *plan.steps), facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        drained: Dict[str, Any] = {}
        if any(step.action == "drain" for step in plan.steps):
            drained = self._take_leave()
        elif self._left_over:
            self._require_edge().change(lambda traffic: traffic.at_rest(self._service))
        done = self._compose.apply(Plan(plan.before, plan.after, tuple(step for step in plan.steps if step.action not in ("drain", "rest")), plan.facts))
        return {**done, "drained": drained, "answered": self._proof()}

    def _containers(self) -> List[Container]:
        return [one for one in self._engine.containers(self._stack.name) if one.service == self._service]

    def _take_leave(self) -> Dict[str, Any]:
        """Those who leave get nothing new, end what they are at, and go."""
        edge, port = self._require_edge(), self._site.require_pool(self._service)
        addresses = self._addresses()
        until = iso(utc_now() + timedelta(seconds=self._params["drain_timeout"] + _SPARE_SECONDS))
        pool = without_leaving(self._scaling, port, addresses, until)
        with self._at_rest_afterwards(edge):
            edge.change(lambda traffic: traffic.with_pool(self._service, pool))
            places = [backend.place for backend in pool.backends if backend.weight == 0]
            drained = edge.drain(places, self._params["drain_timeout"])
            if drained.connections_left:
                self._host.warn(
                    f"{drained.connections_left} requests to {self._service} still ran after {self._params['drain_timeout']:g} s; "
                    "they end with their containers' grace period."
                )
            for container in self._scaling.leaving:
                engine_containers.stop(self._engine, container, self._params["stop_timeout"])
                engine_containers.remove(self._engine, container.id)
        names = [one.name for one in self._scaling.leaving]
        return {"containers": names, "connections_left": drained.connections_left, "seconds": drained.seconds}

    def _addresses(self) -> Dict[str, str]:
        """Of those that stay and leave, on a network that the edge is on as well."""
        edges = [one for one in self._engine.containers(self._stack.name) if self._site.kind == "compose" and one.service == self._site.service]
        shared = {network for one in edges for network, unused in one.addresses}
        found = {}
        for one in (*self._scaling.staying, *self._scaling.leaving):
            found[one.id] = next((address for network, address in one.addresses if address and network in shared), one.address)
        return found

    @contextlib.contextmanager
    def _at_rest_afterwards(self, edge: EdgeControl) -> Iterator[None]:
        """Whatever happens, those that are still there get requests again."""
        try:
            yield
        except OperationError as error:
            try:
                edge.change(lambda traffic: traffic.at_rest(self._service))
            except OperationError as second:
                error.hint += f" The edge still sends nothing to those that were to leave ({second}); the next run ends that."
            raise
        edge.change(lambda traffic: traffic.at_rest(self._service))

    def _require_edge(self) -> EdgeControl:
        if self._edge is None:
            raise EdgeMissing(f"Service {self._service} is not behind an edge.", hint=ALTERNATIVES, service=self._service)
        return self._edge

    def _proof(self) -> Dict[str, int]:
        """Every container answers through the edge, where answers say who gave them."""
        header, names = self._params["served_by"], self._own_names()
        if not (header and self._site and self._site.url and names):
            return {}
        answers: List[str] = []
        until = time.monotonic() + self._params["serve_timeout"]
        while not set(names) <= set(answers) and time.monotonic() < until:
            answers.append(self._ask(header))
            time.sleep(_PAUSE_SECONDS)
        counts = counted(names, answers)
        require_all(self._service, counts, header)
        return counts

    def _own_names(self) -> Dict[str, str]:
        found = {}
        for one in self._containers():
            hostname = ((self._engine.inspect(one.id) or {}).get("Config") or {}).get("Hostname", "")
            if one.running and hostname:
                found[hostname] = one.name
        return found

    def _ask(self, header: str) -> str:
        """Who answered one request on a connection of its own; empty when nobody did."""
        site = self._site
        url = urlsplit(site.url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.hostname or "127.0.0.1", url.port, timeout=_ANSWER_SECONDS)
        passes = {site.operators.header: site.operators.secret} if site.operators.secret else {}
        try:
            connection.request("GET", self._params["path"], headers={**passes, "Connection": "close"})
            return connection.getresponse().getheader(header) or ""
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()


def _request(params: Mapping[str, Any]) -> Dict[str, Any]:
    """As the module compose_service is asked. Edits that wait are not applied in passing: that is a deploy."""
    own = {name: params[name] for name in params if name not in ("service", "replicas", "drain_timeout", "serve_timeout", "served_by", "path", "edge")}
    fixed = {"state": "scaled", "services": [], "restart_when": "always", "on_drift": "fail", "wait": "healthy", "orphans": []}
    return {**own, **fixed, "replicas": {params["service"]: params["replicas"]}}
