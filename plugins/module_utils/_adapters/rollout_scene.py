# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of one service behind the edge: the old ones and the new ones, and the share of requests that each gets."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import Collection, Dict, List, Optional, Sequence, Set, Tuple

from .._core.container import Container
from .._core.edge_site import EdgeSite
from .._core.edge_traffic import Pool
from .._core.errors import ComposeFailed
from .._core.health_wait import ServiceUnhealthy, StartFailed
from .._core.rollout import Rollout, backends, sides
from .._core.rollout_probe import Aim
from .._core.service_drift import Observed
from .._core.tcp_table import Place
from .compose_cli import ComposeCli
from .edge_control import EdgeControl
from .engine import Engine
from .service_work import ServiceWork

_UP_SECONDS = 600
_OWNER = "service_rollout"
_GOOD_ANSWERS, _ANSWER_SECONDS = 3, 5


@dataclass(frozen=True)
class Answers:
    """How long new containers may take to answer, and the ``old`` ones they are compared with."""

    seconds: float
    old: Sequence[Container] = ()


class RolloutScene:
    """Does single steps and keeps no record of them: the one who calls them does."""

    def __init__(self, edge: EdgeControl, site: EdgeSite, engine: Engine, observed: Observed) -> None:
        self._edge = edge
        self._site = site
        self._engine = engine
        self._project = observed.model.project
        networks = [name for one in observed.of(site.service) if site.kind == "compose" for name, unused in one.addresses]
        self._networks = frozenset(networks)
        self._named: Dict[str, Set[Place]] = {}

    def containers(self, service: str) -> List[Container]:
        return [one for one in self._engine.containers(self._project) if one.service == service]

    def sides(self, rollout: Rollout) -> Tuple[List[Container], List[Container]]:
        """The old containers and the new ones, as they are now."""
        return sides(rollout, self.containers(rollout.service))

    def send(self, service: str, old: Sequence[Container], new: Sequence[Container], percent: int) -> List[str]:
        """Requests go to those that run, that many percent of them to the new ones. Without any, to whoever has the service's name.

        Returns the ids of the old ones that ran.
        """
        pool = self._pool(service, old, new, percent)
        self._named.setdefault(service, set()).update(self._now_named(service))
        self._edge.change(lambda traffic: traffic.with_pool(service, pool))
        return [one.id for one in old if one.running]

    def sends(self, service: str, containers: Sequence[Container]) -> bool:
        """Whether the edge sends all requests to just these containers, where they are now."""
        return self._edge.is_written(self._edge.traffic().with_pool(service, self._pool(service, [], containers, 100)))

    def _pool(self, service: str, old: Sequence[Container], new: Sequence[Container], percent: int) -> Pool:
        old, new = [one for one in old if one.running], [one for one in new if one.running]
        addresses = {one.id: self._address(one) for one in (*old, *new)}
        return Pool(backends(self._site.require_pool(service), addresses, len(old), percent), owner=_OWNER)

    def rest(self, service: str) -> None:
        """Requests go to the service's name again, as the site's own configuration says."""
        self._edge.change(lambda traffic: traffic.at_rest(service))

    def drain(self, service: str, containers: Sequence[Container], seconds: float) -> int:
        """Waits until the edge has no connection to them, nor asks for one; how many were left at the deadline.

        A request that still waits for a container that died goes on to another one that was named with it.
        """
        port = self._site.require_pool(service)
        places = {(self._address(one), port) for one in containers if one.running}
        if not places:
            return 0
        elsewhere = self._named.get(service, set()) - self._now_named(service)
        return self._edge.drain(sorted(places | elsewhere), seconds).connections_left

    def _now_named(self, service: str) -> Set[Place]:
        return {one.place for one in self._edge.traffic().pool(service).backends}

    def start_beside(self, compose: ComposeCli, service: str, replicas: int) -> None:
        """As many new containers from the files as they are now; those that are there are left alone."""
        total = len(self.containers(service)) + replicas
        try:
            compose.up([service], _UP_SECONDS, ["--no-recreate", "--scale", f"{service}={total}"])
        except ComposeFailed as error:
            raise StartFailed(f"New containers of {service} could not be started. {error}", hint="Those that ran before run on.", services=[service]) from error

    def require_answers(self, service: str, containers: Sequence[Container], aim: Aim, terms: "Answers") -> None:
        """Each new container answers before it gets the first request of a user: well, or as the old ones do."""
        deadline = time.monotonic() + terms.seconds
        port = self._site.require_pool(service)
        usual = {_ask(self._address(one), port, aim) for one in terms.old if one.running}
        for container in containers:
            good = 0
            while good < _GOOD_ANSWERS:
                said = _ask(self._address(container), port, aim)
                good = good + 1 if _is_good(said, usual) else 0
                if not good and time.monotonic() > deadline:
                    raise ServiceUnhealthy(
                        f"{container.name} runs, but {aim.path} at its own address does not answer well ({said}) after {terms.seconds:g} s.",
                        hint="It got no request of a user. Check its port in stack_edge.pools, and stack_release.probe.path.",
                        service=service,
                        container=container.name,
                    )
                if not good:
                    time.sleep(0.1)

    def _address(self, container: Container) -> str:
        """On a network that the edge is on as well."""
        return next((address for network, address in container.addresses if address and network in self._networks), container.address)


def take_away(work: ServiceWork, containers: Sequence[Container], stop_timeout: Optional[int]) -> None:
    work.stop(containers, stop_timeout)
    work.remove(containers)


def _is_good(said: str, usual: Collection[str]) -> bool:
    """``usual`` is what the old containers say. A page that is not there is no error when it was not there before."""
    return said.isdecimal() and (int(said) < 400 or (int(said) < 500 and said in usual))


def _ask(address: str, port: int, aim: Aim) -> str:
    """The status, or what kept the container from answering."""
    connection = http.client.HTTPConnection(address, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", aim.path, headers={"Host": aim.authority, "User-Agent": "runbook.compose rollout"})
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
