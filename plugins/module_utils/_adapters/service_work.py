# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the planned work on services: layer by layer up with proof after each, or down in reverse."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set

from .._core.container import Container
from .._core.errors import ComposeFailed
from .._core.health_wait import StartFailed, Terms
from .._core.service_drift import NotInEffect, Observed, drift_of, final_name, has_other_image
from .._core.service_plan import UP_ACTIONS, Work, is_ready
from .._core.stack import Stack
from . import engine_containers
from .compose_cli import ComposeCli
from .engine import Engine
from .health_watch import HealthWatch

_UP_SECONDS = 600
_PARALLEL = 8
_REPLACING = {"changed": [], "all": ["--force-recreate"], "none": ["--no-recreate"]}


class ServiceWork:
    """One piece of work for one stack. ``killed`` are the services that did not end within their grace period."""

    def __init__(self, stack: Stack, compose: ComposeCli, engine: Engine, observed: Observed) -> None:
        self._stack = stack
        self._compose = compose
        self._engine = engine
        self._observed = observed
        self.killed: Set[str] = set()

    def bring_up(self, services: Sequence[str], work: Sequence[Work], params: Mapping[str, Any]) -> Dict[str, int]:
        """Each layer of the chosen services, the next one when it is ready; returns ms from a layer's beginning to a service's readiness."""
        doing = {item.service: item for item in work}
        until = params["wait"]
        watch = HealthWatch(self._engine, Terms(self._observed.model, until=until), self._observed.containers)
        ready: Dict[str, int] = {}
        for number, layer in enumerate(self._observed.model.layers(services), 1):
            began = time.monotonic()
            self._act([doing[name] for name in layer if name in doing], number, params["stop_timeout"])
            acted_ms = round((time.monotonic() - began) * 1000)
            if until != "none":
                waited = watch.wait(self._to_wait_for(layer, doing), params["health_timeout"], number)
                ready.update({name: acted_ms + ms for name, ms in waited.items()})
        return ready

    def take_down(self, work: Sequence[Work], stop_timeout: Optional[int]) -> None:
        """Stops, and removes what is to be removed, each layer before those that it depends on."""
        doing = {item.service: item for item in work}
        for layer in reversed(self._observed.model.layers(doing)):
            containers = [container for name in layer for container in self._observed.of(name)]
            self.stop(containers, stop_timeout)
            self._each([one for one in containers if doing[one.service].action == "remove"], self._remove)

    def stop(self, containers: Sequence[Container], stop_timeout: Optional[int]) -> None:
        self._unpause(containers)
        self._each(containers, lambda one: self._note_killed(one, engine_containers.stop(self._engine, one, stop_timeout)))

    def remove(self, containers: Sequence[Container]) -> None:
        self._each(containers, self._remove)

    def tidy(self, item: Work) -> None:
        """What an interrupted replacement left goes, and the container that stays gets the name it was meant to have."""
        kept = [one for one in self._observed.of(item.service) if one.id not in item.leftovers]
        self.remove([one for one in self._observed.of(item.service) if one.id in item.leftovers])
        for container in kept:
            if final_name(container):
                engine_containers.rename(self._engine, container.id, final_name(container))

    def remove_orphans(self, orphans: Sequence[Container], stop_timeout: Optional[int]) -> None:
        self.stop(orphans, stop_timeout)
        self.remove(orphans)

    def remove_networks(self) -> None:
        """Compose knows what is its own: containers and networks go, volumes and images stay."""
        self._compose.command(["down"], _UP_SECONDS)

    def prove(self, now: Observed, work: Sequence[Work]) -> List[str]:
        """Services that were made anew run the image their reference means; returns warnings about what is odd but works."""
        made = [now.model.service(item.service) for item in work if item.action in ("create", "recreate")]
        wrong = [service.name for service in made if has_other_image(now, service, now.of(service.name))]
        if wrong:
            raise NotInEffect(
                f"{', '.join(wrong)} was made anew and does not run the image that the files name.",
                hint="Look whether somebody else changes the stack or its images, and run this again.",
                services=wrong,
            )
        odd = [service.name for service in made if drift_of(now, service, now.of(service.name))]
        return [f"{name} was made from other files than are there now: they were changed meanwhile." for name in odd]

    # -- one layer ----------------------------------------------------------------------------------------------------

    def _act(self, work: Sequence[Work], layer: int, stop_timeout: Optional[int]) -> None:
        for item in work:
            self.tidy(item)
        self._unpause([one for item in work for one in self._observed.of(item.service) if one.id not in item.leftovers])
        for replaces, options in _REPLACING.items():
            self._up([item for item in work if item.action in UP_ACTIONS and item.replaces == replaces], options, layer, stop_timeout)
        restarts = [one for item in work if item.action == "restart" for one in self._observed.of(item.service) if one.id not in item.leftovers]
        self._each(restarts, lambda one: self._note_killed(one, engine_containers.restart(self._engine, one, stop_timeout)))

    def _up(self, work: Sequence[Work], options: Sequence[str], layer: int, stop_timeout: Optional[int]) -> None:
        if not work:
            return
        names = [item.service for item in work]
        words = list(options)
        for item in work:
            words += ["--scale", f"{item.service}={item.replicas}"]
        if stop_timeout is not None:
            words += ["--timeout", str(stop_timeout)]
        try:
            self._compose.up(names, _UP_SECONDS, words)
        except ComposeFailed as error:
            raise StartFailed(
                f"{', '.join(names)} (layer {layer}) could not be started. {error}",
                hint="No later layer was touched.",
                services=names,
                layer=layer,
            ) from error

    def _to_wait_for(self, layer: Sequence[str], doing: Mapping[str, Work]) -> Dict[str, int]:
        """Services with the number of their containers: those that are acted on, and those not known to be ready."""
        expected = {name: doing[name].replicas for name in layer if name in doing}
        expected.update({name: len(self._observed.of(name)) for name in layer if name not in doing and not is_ready(self._observed, name)})
        return expected

    # -- one container ------------------------------------------------------------------------------------------------

    def _unpause(self, containers: Sequence[Container]) -> None:
        self._each([one for one in containers if one.state == "paused"], lambda one: engine_containers.unpause(self._engine, one.id))

    def _remove(self, container: Container) -> None:
        engine_containers.remove(self._engine, container.id)

    def _note_killed(self, container: Container, killed: bool) -> None:
        if killed:
            self.killed.add(container.service)

    def _each(self, containers: Sequence[Container], act: Callable[[Container], None]) -> None:
        """Containers of one layer do not wait for each other."""
        if containers:
            with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
                for unused in pool.map(act, containers):
                    pass
