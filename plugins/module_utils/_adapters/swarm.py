# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a Docker Swarm through one of its managers."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from .._core.errors import EngineFailed, EngineUnreachable, OperationError
from .._core.stack import Stack
from .._core.swarm import NotASwarmManager, SwarmService, SwarmTask, of_stack, parse_service, parse_task
from .._core.swarm_convergence import Progress, SwarmNotConverged, SwarmRollbackFailed, SwarmUpdateFailed, judge, last_word, troubles, way_back
from .._core.swarm_health import Node, parse_node
from .._core.swarm_release import ImageDigestUnknown
from .engine import Engine

_T = TypeVar("_T")
_POLL_SECONDS = 0.3
# For as long the same tasks have to run; a longer watch of new ones is the service's own (UpdateConfig.Monitor).
_SETTLE_SECONDS = 1.0
# How often a way back is asked for anew, because the swarm wrote into the description of the service meanwhile.
_TRIES = 5


class Swarm:
    def __init__(self, stack: Stack, engine: Engine, settle: float = _SETTLE_SECONDS) -> None:
        self._stack = stack
        self._engine = engine
        self._settle = settle

    @classmethod
    def of_manager(cls, stack: Stack, engine: Engine) -> "Swarm":
        """The swarm that this engine manages; raises NotASwarmManager."""
        swarm = engine.info().get("Swarm") or {}
        if not swarm.get("ControlAvailable"):
            raise _no_manager(swarm)
        return cls(stack, engine)

    def answers(self) -> Tuple[Mapping[str, Any], ...]:
        """The engine's description of each service of the stack (it holds secrets: keep it in memory)."""
        with self._engine.calling("list the services of the swarm"):
            return of_stack(self._stack.name, self._engine.client.services())

    def services(self) -> List[SwarmService]:
        return [parse_service(self._stack.name, answer) for answer in self.answers()]

    def inspect(self, service: SwarmService) -> Mapping[str, Any]:
        with self._engine.calling(f"inspect service {service.name}"):
            return self._engine.client.inspect_service(service.id)

    def tasks(self, service: Optional[SwarmService] = None) -> List[SwarmTask]:
        """Of one service, or of all; ended ones too, as long as the swarm keeps them."""
        with self._engine.calling("list the tasks of the swarm"):
            found = self._engine.client.tasks(filters={"service": service.id} if service else None)
        nodes = {node.id: node.name for node in self.nodes()}
        return [parse_task(answer, nodes) for answer in found]

    def nodes(self) -> List[Node]:
        with self._engine.calling("list the nodes of the swarm"):
            return [parse_node(answer) for answer in self._engine.client.nodes()]

    def digest(self, reference: str) -> str:
        """The digest that the registry has for a reference, asked by the manager's engine."""
        try:
            with self._engine.calling(f"ask the registry for {reference}"):
                answer = self._engine.client.inspect_distribution(reference)
        except EngineFailed as error:
            raise ImageDigestUnknown(
                f"The registry does not say which image {reference} is: {error} Nothing was done.",
                hint="Check the version, the registry and the manager's login to it. Images that are on every node and in no registry: "
                "stack_release.acquire=never.",
                reference=reference,
            ) from error
        digest = (answer.get("Descriptor") or {}).get("digest", "")
        if not digest:
            raise ImageDigestUnknown(f"The registry knows {reference} and gives no digest for it. Nothing was done.", reference=reference)
        return digest

    def update(self, service: SwarmService, spec: Mapping[str, Any]) -> None:
        self._post(service, spec, {"version": service.version, "registryAuthFrom": "spec"})

    def way_back(self, service: SwarmService, wanted: Mapping[str, Any], timeout: float) -> str:
        """What is to be done so that the service is again what it was before it was to become ``wanted`` (see ``way_back`` of the core)."""
        answer = self._patiently(lambda: self.inspect(service), time.monotonic() + timeout)
        now, asked, previous = (parse_service(self._stack.name, {**answer, "Spec": spec}) for spec in (answer["Spec"], wanted, answer.get("PreviousSpec")))
        return way_back(now, previous if answer.get("PreviousSpec") else None, service, asked)

    def take_back(self, service: SwarmService) -> None:
        """Makes the specification before the last update the one in force, by the swarm's own way back, which is never taken back in turn."""
        for tries_left in reversed(range(_TRIES)):
            answer = self.inspect(service)
            now = parse_service(self._stack.name, answer)
            try:
                self._post(now, answer["Spec"], {"version": now.version, "rollback": "previous", "registryAuthFrom": "previous-spec"})
                return
            except EngineFailed:
                # The state of its update is part of the description: it may change between the two requests.
                if not tries_left or parse_service(self._stack.name, self.inspect(service)).version == now.version:
                    raise

    def _post(self, service: SwarmService, spec: Mapping[str, Any], params: Dict[str, Any]) -> None:
        """The SDK's own call builds a specification of the parts it knows, and cannot ask for the way back."""
        import docker

        client = self._engine.client
        with self._engine.calling(f"update service {service.name}"):
            registry = docker.auth.resolve_repository_name(spec["TaskTemplate"]["ContainerSpec"]["Image"])[0]
            login = docker.auth.get_config_header(client, registry)
            response = client._post_json(
                client._url("/services/{0}/update", service.id), data=dict(spec), params=params, headers={"X-Registry-Auth": login} if login else {}
            )
            client._raise_for_status(response)

    def await_converged(self, service: SwarmService, timeout: float, goal: str = "update") -> int:
        """Milliseconds until the service was what its specification says; raises when that fails or time is up."""
        began = time.monotonic()
        since: Tuple[Tuple[str, ...], float] = ((), began)
        while True:
            now, tasks = self._patiently(lambda: self._look(service), began + timeout)
            progress = judge(now, tasks, goal)
            if progress.verdict == "failed":
                raise _failure(now, tasks, progress, goal)
            if progress.verdict == "waiting" or progress.running != since[0]:
                since = (progress.running if progress.verdict == "converged" else (), time.monotonic())
            if progress.verdict == "converged" and time.monotonic() - since[1] >= self._settle:
                return round((time.monotonic() - began) * 1000)
            if time.monotonic() - began > timeout:
                raise _failure(now, tasks, Progress("late", progress.running, f"{progress.message} after {timeout:g} s"), goal)
            time.sleep(_POLL_SECONDS)

    def _look(self, service: SwarmService) -> Tuple[SwarmService, List[SwarmTask]]:
        return parse_service(self._stack.name, self.inspect(service)), self.tasks(service)

    @staticmethod
    def _patiently(ask: Callable[[], _T], until: float) -> _T:
        """While an engine is started again, or the managers choose who leads, what the swarm was told goes on: it is asked again until time is up."""
        while True:
            try:
                return ask()
            except (EngineUnreachable, EngineFailed) as error:
                if int(error.details.get("status") or 500) < 500 or time.monotonic() > until:
                    raise
                time.sleep(_POLL_SECONDS)


def _failure(service: SwarmService, tasks: Sequence[SwarmTask], progress: Progress, goal: str) -> OperationError:
    kind = SwarmRollbackFailed if goal == "return" else SwarmUpdateFailed if progress.verdict == "failed" else SwarmNotConverged
    return kind(
        f"Service {service.name} of the swarm did not become {'what it was' if goal == 'return' else 'what was asked for'}: {progress.message}. "
        f"{last_word(service, tasks)}",
        hint=f"docker service ps --no-trunc {service.name} shows all its tasks.",
        service=service.name,
        running=len(progress.running),
        update=service.update_state,
        tasks=troubles(service, tasks),
    )


def _no_manager(swarm: Mapping[str, Any]) -> NotASwarmManager:
    state = swarm.get("LocalNodeState") or "inactive"
    managers = sorted(manager.get("Addr", "") for manager in swarm.get("RemoteManagers") or [])
    if state == "active":
        message = "The engine of this host is a worker of its swarm, and only a manager knows the services."
        hint = f"Name a manager as the stack's host ({', '.join(managers) or 'docker node ls there shows which'}), or give its address as stack_docker_host."
    elif state == "locked":
        message, hint = "The swarm of this host's engine is locked.", "docker swarm unlock, with the key that is kept elsewhere."
    else:
        message = f"The engine of this host is in no swarm ({state})."
        hint = "Name a manager of the swarm as the stack's host; or leave stack_engine at compose."
    return NotASwarmManager(f"{message} Nothing was done.", hint=hint, state=state, managers=managers)
