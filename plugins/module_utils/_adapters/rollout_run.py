# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces the containers of one service: beside, shift, drain, stop; each phase is on the disk before it begins."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Callable, Dict, Iterator, List, Sequence

from .._core.container import Container
from .._core.edge_errors import EdgeRefused
from .._core.edge_traffic import iso
from .._core.errors import OperationError
from .._core.health_wait import Terms
from .._core.rollout import BAKING, BEGUN, BESIDE, DRAINED, RETURNING, SHIFTED, SHIFTING, Change, ErrorBudgetSpent, Rollout, RolloutStuck, RolloutTerms
from .._core.rollout_probe import PHASES, Aim, Budget, Sample, can_judge, spent, too_slow
from .._core.service_drift import Observed
from .clock import utc_now
from .compose_cli import ComposeCli
from .engine import Engine
from .health_watch import HealthWatch
from .progress_file import ProgressFile
from .rollout_probe import RolloutProbe
from .rollout_scene import Answers, RolloutScene, take_away
from .rollout_store import RolloutStore
from .service_work import ServiceWork

# Before the first and after the last change of the edge the probe is listened to that long, to have something to compare with.
_LISTEN_SECONDS = 0.3
_LOOK_SECONDS = 0.05
_LIFE_SECONDS = 0.5


@dataclass(frozen=True)
class Tools:
    """What a rollout works with. ``probes``: whether what the probe says can be judged at all."""

    scene: RolloutScene
    store: RolloutStore
    compose: ComposeCli
    engine: Engine
    work: ServiceWork
    observed: Observed
    progress: ProgressFile
    aim: Aim
    budget: Budget
    probes: bool
    warn: Callable[[str], None]


class RolloutRun:
    """One run of the module. ``samples`` has what the probe of each rolled service said, ``turned`` why one went back that was to go on."""

    def __init__(self, tools: Tools, terms: RolloutTerms) -> None:
        self._tools = tools
        self._scene, self._store = tools.scene, tools.store
        self._terms = terms
        self.samples: List[List[Sample]] = []
        self.turned: Dict[str, OperationError] = {}

    def roll(self, change: Change) -> Dict[str, Any]:
        """New containers beside the old ones, and the old ones away; or everything as it was, and the reason."""
        service = change.service
        self._tools.work.tidy(change.work)
        old = self._scene.containers(service)
        entry = Rollout(service, self._terms.strategy, BEGUN, tuple(one.id for one in old), iso(utc_now()))
        with self._listening() as probe:
            self._begin(entry, old)
            probe.enter_phase(PHASES[1])
            try:
                ready = self._start(entry, change)
                self._shift(entry, probe, ready)
            except OperationError as error:
                self._give_up(entry, error)
                raise
            facts = self._facts(entry)
            if self._terms.strategy == "blue_green":
                until = iso(utc_now() + timedelta(seconds=self._terms.bake))
                self._store.put(entry.at(BAKING, until))
                facts.update(state=BAKING, until=until)
            else:
                facts.update(self._retire_or_warn(entry))
            probe.enter_phase(PHASES[2])
        return facts

    def keep_new(self, entry: Rollout, decided: bool = False) -> Dict[str, Any]:
        """The end of a rollout that got so far that the new containers count, or of a bake time.

        While old ones run, new ones that are not ready are no end: that is said where somebody ``decided`` for them, else the old ones serve again.
        """
        try:
            self._require_ready(entry)
        except OperationError as error:
            if decided:
                error.hint = "Both colours still run, nothing was done. Mend the new one, or let the old one serve: deploy/bluegreen.yml -e step=back."
                raise
            self._tools.warn(f"The new containers of {entry.service} are not ready, so the old ones serve again. {error}")
            self.turned[entry.service] = error
            return self.keep_old(entry)
        return {**self._facts(entry), **self._retire(entry)}

    def _require_ready(self, entry: Rollout) -> None:
        old, new = self._scene.sides(entry)
        if any(one.running for one in old):
            watch = HealthWatch(self._tools.engine, Terms(self._tools.observed.model), self._tools.observed.containers, ignored=entry.old)
            watch.wait({entry.service: len(new)}, self._terms.health_timeout)
            self._scene.require_answers(entry.service, new, self._tools.aim, Answers(self._terms.health_timeout, old))

    def follow(self, entry: Rollout) -> None:
        """Containers that were started again may have got other addresses: the edge names those they have now."""
        self._scene.send(entry.service, [], self._scene.sides(entry)[1], 100)

    def keep_old(self, entry: Rollout) -> Dict[str, Any]:
        """The end of one that did not; and the way back while the old colour still runs."""
        return {**self._facts(entry), **self._return(entry)}

    # -- phases -------------------------------------------------------------------------------------------------------

    def _begin(self, entry: Rollout, old: Sequence[Container]) -> None:
        """From now on a new container gets no request only because it has the service's name."""
        self._tools.progress.begin(f"{entry.service}: fixing the edge on what runs")
        self._store.put(entry)
        try:
            self._scene.send(entry.service, old, [], 0)
        except OperationError:
            self._store.end(entry.service, "old")
            raise

    def _start(self, entry: Rollout, change: Change) -> Callable[[], object]:
        """Returns what waits until all new containers are ready, or fails when one is not any more."""
        self._tools.progress.begin(f"{entry.service}: starting {change.work.replicas} beside")
        self._store.put(entry.at(BESIDE))
        self._scene.start_beside(self._tools.compose, entry.service, change.work.replicas)
        watch = HealthWatch(self._tools.engine, Terms(self._tools.observed.model), self._tools.observed.containers, ignored=entry.old)
        expected = {entry.service: change.work.replicas}
        watch.wait(expected, self._terms.health_timeout)
        old, new = self._scene.sides(entry)
        self._scene.require_answers(entry.service, new, self._tools.aim, Answers(self._terms.health_timeout, old))
        return lambda: watch.wait(expected, self._terms.health_timeout)

    def _shift(self, entry: Rollout, probe: "_Listener", ready: Callable[[], object]) -> None:
        self._store.put(entry.at(SHIFTING))
        for percent in self._terms.steps:
            self._tools.progress.begin(f"{entry.service}: {percent} % of the requests to the new")
            since = time.monotonic()
            counted = self._scene.send(entry.service, *self._scene.sides(entry), percent)
            self._hold(entry, probe, _Step(percent, since, counted))
            ready()
            _require(probe.too_slow(since), percent)
        self._store.put(entry.at(SHIFTED))

    def _hold(self, entry: Rollout, probe: "_Listener", step: "_Step") -> None:
        """A step lasts its time. Old containers that end meanwhile, also at its end, get no more requests; what that cost is not held against the new."""
        until = step.began + (self._terms.watch if step.percent == 100 else self._terms.hold)
        looked, counted = 0.0, step.counted
        while True:
            over = time.monotonic() >= until
            if step.percent < 100 and (over or probe.spent() or time.monotonic() - looked >= _LIFE_SECONDS):
                looked = time.monotonic()
                if self._living(entry) != counted:
                    probe.stop_judging()
                    self._tools.warn(f"An old container of {entry.service} ended during the shift; the others take its requests.")
                    counted = self._scene.send(entry.service, *self._scene.sides(entry), step.percent)
            _require(probe.spent(), step.percent)
            if over:
                return
            time.sleep(_LOOK_SECONDS)

    def _living(self, entry: Rollout) -> List[str]:
        return [one.id for one in self._scene.sides(entry)[0] if one.running]

    def _retire_or_warn(self, entry: Rollout) -> Dict[str, Any]:
        """The release is in effect by now: what goes wrong with the old containers is no reason to take it back."""
        try:
            return self._retire(entry.at(SHIFTED))
        except OperationError as error:
            self._tools.warn(f"The new containers of {entry.service} serve, but the old ones could not be removed; the next rollout tries again. {error}")
            return {"state": SHIFTED}

    def _retire(self, entry: Rollout) -> Dict[str, Any]:
        old, new = self._scene.sides(entry)
        self._tools.progress.begin(f"{entry.service}: waiting for requests of the old")
        self._scene.send(entry.service, [], new, 100)
        began = time.monotonic()
        cut = self._drain(entry.service, old)
        seconds = time.monotonic() - began
        self._store.put(entry.at(DRAINED))
        take_away(self._tools.work, old, self._terms.stop_timeout)
        return {"state": "new", "cut": cut, "drain_ms": round(seconds * 1000), **self._rest(entry.at(DRAINED), "new")}

    def _return(self, entry: Rollout) -> Dict[str, Any]:
        old, new = self._scene.sides(entry)
        self._tools.progress.begin(f"{entry.service}: back to the old")
        began = time.monotonic()
        self._store.put(entry.at(RETURNING))
        self._scene.send(entry.service, old, [], 0)
        effect = time.monotonic() - began
        cut = self._drain(entry.service, new)
        take_away(self._tools.work, new, self._terms.stop_timeout)
        return {"state": "old", "cut": cut, "effect_ms": round(effect * 1000), **self._rest(entry.at(RETURNING), "old")}

    def _drain(self, service: str, containers: Sequence[Container]) -> int:
        cut = self._scene.drain(service, containers, self._terms.drain_timeout)
        if cut:
            self._tools.warn(f"{cut} requests to {service} still ran after {self._terms.drain_timeout:g} s; they end with their containers' grace period.")
        return cut

    def _rest(self, entry: Rollout, runs: str) -> Dict[str, Any]:
        """Where nginx refuses even that, the edge goes on naming containers that run, and the next run tries again."""
        try:
            self._scene.rest(entry.service)
        except EdgeRefused as refused:
            self._store.put(entry)
            self._tools.warn(f"The edge still names the containers of {entry.service} by address: {refused}")
            return {"state": entry.phase}
        self._store.end(entry.service, runs)
        return {}

    def _give_up(self, entry: Rollout, error: OperationError) -> None:
        """Takes back what was done; the error says what came of it."""
        try:
            error.details.update(returned=self._return(entry.at(RETURNING)))
        except OperationError as second:
            raise RolloutStuck(
                f"The rollout of {entry.service} failed ({error.reason}): {error} AND it could not be taken back: {second}",
                hint="Look at the containers and at the edge (playbooks/service/status.yml); the next rollout begins with taking it back.",
                service=entry.service,
                first=error.to_result(),
            ) from second

    # -- what users see -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _listening(self) -> Iterator["_Listener"]:
        if not self._tools.probes:
            yield _Listener(None, self._tools.budget)
            return
        with RolloutProbe(self._tools.aim) as probe:
            try:
                probe.listen(_LISTEN_SECONDS)
                listener = _Listener(probe, self._tools.budget)
                if not listener.judges:
                    self._tools.warn("Requests of the probe failed before anything was done: they are told, and the rollout is judged by health alone.")
                yield listener
                probe.listen(_LISTEN_SECONDS)
            finally:
                self.samples.append(probe.samples)

    def _facts(self, entry: Rollout) -> Dict[str, Any]:
        old, new = self._scene.sides(entry)
        names = {"old": [one.name for one in old], "new": [one.name for one in new]}
        return {"service": entry.service, "how": "beside", "strategy": entry.strategy, "until": "", "cut": 0, "drain_ms": 0, "effect_ms": 0, **names}


@dataclass(frozen=True)
class _Step:
    """``counted`` are the old containers that got requests when it began."""

    percent: int
    began: float
    counted: List[str]


class _Listener:
    """What the probe says, judged; nothing where there is none."""

    def __init__(self, probe: Any, budget: Budget) -> None:
        self._probe = probe
        self._budget = budget
        self._judges = probe is not None and can_judge(probe.samples, budget)

    def enter_phase(self, phase: str) -> None:
        if self._probe:
            self._probe.enter_phase(phase)

    @property
    def judges(self) -> bool:
        return self._judges

    def stop_judging(self) -> None:
        self._judges = False

    def spent(self) -> str:
        return spent(self._probe.samples, self._budget) if self._judges else ""

    def too_slow(self, since: float) -> str:
        return too_slow(self._probe.since(since), self._budget) if self._judges else ""


def _require(complaint: str, percent: int) -> None:
    if complaint:
        raise ErrorBudgetSpent(
            f"With {percent} % of the requests on the new containers {complaint}. The old ones serve again.",
            hint="Look at the log of the new release; the budget is stack_release.probe.budget.",
            percent=percent,
        )
