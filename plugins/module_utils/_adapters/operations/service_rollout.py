# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings services to what the files mean; those behind the edge without a lost request."""

from __future__ import annotations

import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Protocol, Sequence, Tuple

from ..._core.compose_model import ComposeModel
from ..._core.edge_site import EdgeSite
from ..._core.errors import OperationError
from ..._core.plan import Plan, Step
from ..._core.probe_secrets import request_secrets
from ..._core.rollout import Change, Rollout, RolloutBusy, Rollouts, RolloutTerms, changes_of, parse_steps, settled, sides
from ..._core.rollout_endings import Ending, decide_endings, step_of_change, step_of_ending
from ..._core.rollout_probe import Aim, Budget, figures, parse_aim, parse_budget
from ..._core.service_drift import Observed
from ..._core.service_plan import Wanted, Work, plan_services, service_facts, service_summary
from ..._core.stack import Stack
from ..clock import utc_now
from ..compose_cli import ComposeCli
from ..edge_control import EdgeControl
from ..engine import Engine
from ..journal import note
from ..progress_file import ProgressFile
from ..rollout_run import RolloutRun, Tools
from ..rollout_scene import RolloutScene
from ..rollout_store import RolloutStore
from ..service_observation import observe
from ..service_work import ServiceWork


class Host(Protocol):
    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class ServiceRollout:
    def __init__(self, stack: Stack, params: Mapping[str, Any], host: Host) -> None:
        self._stack = stack
        self._params = params
        self._host = host
        self._began = time.monotonic()
        self._site = EdgeSite.of(stack, params["edge"])
        self._terms = _terms(params)
        self._aim, self._budget = _aim(self._site, params, host)
        self._compose = ComposeCli(stack)
        self._engine = Engine.connect(stack)
        self._store = RolloutStore(stack)
        self._rollouts = Rollouts()
        self._observed = Observed(ComposeModel(stack.name, ()), (), {})
        self._view = self._observed
        self._chosen: Tuple[str, ...] = ()
        self._ready: Dict[str, int] = {}
        self._work: Tuple[Work, ...] = ()
        self._changes: Tuple[Change, ...] = ()
        self._endings: Tuple[Ending, ...] = ()
        self._astray: Tuple[Rollout, ...] = ()

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "ServiceRollout":
        return cls(Stack.from_params(params), params, host)

    def plan(self) -> Plan:
        self._store.require_free()  # what another process is in the middle of is not left over
        self._rollouts = self._store.load()
        self._observed = observe(self._stack, self._compose, self._engine)
        self._chosen = self._observed.model.select(self._params["services"])
        self._endings = decide_endings(self._rollouts, self._observed, (self._params["state"], self._chosen), utc_now())
        self._view = _settled(self._rollouts, self._observed, self._endings)
        self._astray = self._find_astray()
        plan = self._plan_services()
        follows = tuple(Step("follow", one.service, "the edge does not name its containers' addresses") for one in self._astray)
        steps = tuple(step_of_ending(one) for one in self._endings) + follows + plan.steps
        facts = {
            "services": service_facts(plan.before, plan.after),
            "rollouts": [{"service": one.service, "how": one.how, "strategy": self._terms.strategy, "why": one.why} for one in self._changes],
            "open": [{"service": one.service, "phase": one.phase, "until": one.until} for one in self._rollouts.open.values()],
            "traffic": {},
            "elapsed_ms": 0,
        }
        return Plan(plan.before, plan.after, steps, facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {"rollouts": self._baking(), "traffic": figures([]), "elapsed_ms": self._elapsed()}
        with self._store.alone(), ProgressFile(self._stack, "rollout", "services", "requests") as progress:
            if self._store.load() != self._rollouts:
                raise RolloutBusy("Another rollout of this stack came in between. Nothing was done.", hint="Run this again.")
            work = ServiceWork(self._stack, self._compose, self._engine, self._view)
            run = self._run(work, progress)
            try:
                done = self._end(run) + self._bring_up(run, work)
            except OperationError as error:
                error.details.update(traffic=figures(run.samples))
                raise
        traffic = figures(run.samples)
        for one in done:
            note(
                self._stack,
                "service_rolled_out",
                service=one["service"],
                how=one["how"],
                state=one["state"],
                errors=traffic["errors"],
                requests=traffic["requests"],
            )
        now = Observed(self._observed.model, tuple(self._engine.containers(self._stack.name)), self._observed.image_ids)
        now = _settled(self._store.load(), now)
        for warning in work.prove(now, self._work):
            self._host.warn(warning)
        for service in sorted(work.killed):
            self._host.warn(f"{service} did not end within its grace period and was killed.")
        return {
            "services": service_facts(plan.before, {name: service_summary(now, name) for name in plan.before}, self._ready, work.killed),
            "rollouts": done,
            "traffic": traffic,
            "elapsed_ms": self._elapsed(),
        }

    # -- planning -----------------------------------------------------------------------------------------------------

    def _plan_services(self) -> Plan:
        if self._params["state"] != "rolled_out":
            summaries = {name: service_summary(self._view, name) for name in self._chosen}
            return Plan({name: service_summary(self._observed, name) for name in self._chosen}, summaries)
        plan, self._work = plan_services(self._view, Wanted("started", tuple(dict.fromkeys(self._chosen))))
        serving = [name for name in self._site.ports if self._edge_runs() and any(one.running for one in self._view.of(name))]
        self._changes = changes_of(self._view.model, self._work, serving, self._params["fallback"])
        rolled = {change.service: change for change in self._changes}
        steps = [step_of_change(rolled[step.target], self._terms) if step.target in rolled else step for step in plan.steps]
        return Plan(plan.before, plan.after, tuple(steps))

    def _find_astray(self) -> Tuple[Rollout, ...]:
        """Both colours go on running, but an engine that was restarted gave them other addresses than the edge was told."""
        ending = {one.service for one in self._endings}
        stay = [one for name, one in self._rollouts.open.items() if name not in ending]
        if not stay or not self._edge_runs():
            return ()
        scene = self._scene(EdgeControl.of(self._stack, self._params["edge"], self._engine))
        return tuple(one for one in stay if not scene.sends(one.service, sides(one, self._observed.of(one.service))[1]))

    def _edge_runs(self) -> bool:
        return self._site.kind != "compose" or any(one.running for one in self._observed.of(self._site.service))

    def _baking(self) -> List[Dict[str, Any]]:
        return [
            {"service": one.service, "how": "beside", "strategy": one.strategy, "state": one.phase, "until": one.until} for one in self._rollouts.open.values()
        ]

    # -- acting -------------------------------------------------------------------------------------------------------

    def _run(self, work: ServiceWork, progress: ProgressFile) -> RolloutRun:
        needs_edge = self._endings or self._astray or any(change.how == "beside" for change in self._changes)
        edge: Optional[EdgeControl] = EdgeControl.of(self._stack, self._params["edge"], self._engine) if needs_edge else None
        tools = Tools(
            scene=self._scene(edge), store=self._store, compose=self._compose, engine=self._engine, work=work, observed=self._observed, progress=progress,
            aim=self._aim, budget=self._budget, probes=bool(edge) and self._can_probe(edge), warn=self._host.warn,
        )  # fmt: skip
        return RolloutRun(tools, self._terms)

    def _scene(self, edge: Optional[EdgeControl]) -> RolloutScene:
        return RolloutScene(edge, self._site, self._engine, self._observed)

    def _can_probe(self, edge: EdgeControl) -> bool:
        """While the edge turns users away on purpose, what it answers to a probe says nothing about a release."""
        traffic = edge.traffic()
        closed = traffic.maintenance and not self._site.operators.secret
        if closed or traffic.attack:
            self._host.warn(f"The edge is {'closed' if closed else 'in its attack profile'}: the rollout is not probed, and judged by health alone.")
        return bool(self._site.url) and not closed and not traffic.attack

    def _end(self, run: RolloutRun) -> List[Dict[str, Any]]:
        for one in self._astray:
            run.follow(one)
        done = [run.keep_new(one.rollout, one.decided) if one.keeps == "new" else run.keep_old(one.rollout) for one in self._endings]
        planned = {change.service for change in self._changes}
        for service, error in run.turned.items():
            # Who settles wants one colour, whichever; for all others the old ones are no answer, unless yet other ones come now.
            if self._params["state"] != "settled" and service not in planned:
                error.hint = "The old ones serve again. The next run tries again."
                raise error
        return done

    def _bring_up(self, run: RolloutRun, work: ServiceWork) -> List[Dict[str, Any]]:
        """Layer by layer, as they depend on each other."""
        done: List[Dict[str, Any]] = []
        if self._params["state"] != "rolled_out":
            return done
        terms = {"wait": "healthy", "stop_timeout": self._params["stop_timeout"], "health_timeout": self._params["health_timeout"]}
        beside = {change.service: change for change in self._changes if change.how == "beside"}
        for change in self._changes:
            if change.how == "stop_first":
                self._host.warn(f"{change.service} {change.why}: its old containers are stopped before the new ones start, and requests are lost meanwhile.")
                done.append({"service": change.service, "how": change.how, "strategy": "", "state": "new", "until": ""})
        plain = [item for item in self._work if item.service not in beside]
        for layer in self._view.model.layers(self._chosen):
            self._ready.update(work.bring_up([name for name in layer if name not in beside], plain, terms))
            done += [run.roll(beside[name]) for name in layer if name in beside]
        return done

    def _elapsed(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


def _settled(rollouts: Rollouts, observed: Observed, endings: Sequence[Ending] = ()) -> Observed:
    """As it is for everybody who does not know of two colours: what ends has ended, and the idle colour is left out."""
    ends = {one.service: one.keeps for one in endings}
    goals = {name: ends.get(name, "both") for name in rollouts.open}
    return Observed(observed.model, settled(rollouts.open, observed.containers, goals), observed.image_ids, observed.changed_keys)


def _terms(params: Mapping[str, Any]) -> RolloutTerms:
    return RolloutTerms(
        strategy=params["strategy"],
        steps=parse_steps(params["strategy"], params["steps"]),
        hold=params["hold"],
        watch=params["watch"],
        bake=params["bake"],
        health_timeout=params["health_timeout"],
        drain_timeout=params["drain_timeout"],
        stop_timeout=params["stop_timeout"],
    )


def _aim(site: EdgeSite, params: Mapping[str, Any], host: Host) -> Tuple[Aim, Budget]:
    probe = params["probe"] or {}
    host.hide(*request_secrets([probe, probe.get("post") or {}]))
    own = {site.operators.header: site.operators.secret} if site.operators.secret else {}
    return parse_aim(site.url or "http://127.0.0.1", probe, own), parse_budget(probe.get("budget") or {})
