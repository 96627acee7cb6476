# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one command in a container of a service: in a running one, or in one of its own."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional, Protocol

from ..._core.configuration import secret_values
from ..._core.container import parse_container
from ..._core.container_command import CommandRequest, Ended, ServiceNotRunning, choose_container, report
from ..._core.errors import OperationError
from ..._core.plan import Plan, Step, facts_only
from ..._core.redaction import MASK, Redactor, is_secret_name
from ..._core.release_images import ImageMissing
from ..._core.service_login import environment_of
from ..._core.stack import Stack
from ..compose_cli import ComposeCli
from ..engine import Engine
from ..engine_exec import run_in_container
from ..journal import note
from ..one_off import OneOffContainer, leftover_hint

# A shorter secret is masked in the output where it is known to be; looking for it everywhere would blacken half the result.
_SHORTEST_HIDDEN = 8


class Host(Protocol):
    check_mode: bool

    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...

    def show_as(self, option: str, value: Any) -> None: ...


class Place(Protocol):
    """Where a command runs. ``look`` raises what would keep it from running there."""

    name: str
    redactor: Redactor

    def look(self) -> None: ...

    def run(self) -> Ended: ...


class ComposeExec:
    def __init__(self, stack: Stack, request: CommandRequest, host: Host) -> None:
        self._stack = stack
        self._request = request
        self._host = host
        self._place: Optional[Place] = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "ComposeExec":
        """Hides the secrets of the options first, so that no refusal can show them."""
        given = dict(params)  # hiding replaces what the options show
        hide_given(given, host)
        return cls(Stack.from_params(given), CommandRequest.from_params(given), host)

    def plan(self) -> Plan:
        """In check mode a command that only reads is run, as it changes nothing; any other is only told."""
        place, ready = self._open(), True
        try:
            place.look()
        except (ImageMissing, ServiceNotRunning) as error:
            if not self._host.check_mode:
                raise
            # An earlier task of the same run would perhaps have brought it.
            self._host.warn(f"Check mode: {error}")
            ready = False
        self._place = place
        if self._request.read_only:
            return facts_only(self._run(place) if self._host.check_mode and ready else self._facts(place, ran=False))
        command = self._request.shown_argv(place.redactor)
        step = Step("run", self._request.service, self._request.mode)
        return Plan({}, {"command": command, "in": place.name}, (step,), self._facts(place, ran=False))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        place = self._place or self._open()
        return self._run(place) if self._request.read_only else self._run_and_note(place)

    def _open(self) -> Place:
        place = OneOffPlace if self._request.one_off else RunningPlace
        return place(self._stack, self._request, self._host)

    def _facts(self, place: Place, ran: bool) -> Dict[str, Any]:
        return {"service": self._request.service, "container": place.name, "ran": ran}

    def _run(self, place: Place) -> Dict[str, Any]:
        return {**self._facts(place, ran=True), **report(self._request, place.run(), place.redactor)}

    def _run_and_note(self, place: Place) -> Dict[str, Any]:
        """What a command changes inside a container is seen nowhere else: the journal tells that it was run."""
        facts = {"service": self._request.service, "mode": self._request.mode, "argv": self._request.shown_argv(place.redactor)}
        self._note("command_started", **facts)
        try:
            result = self._run(place)
        except OperationError as error:
            self._note("command_failed", reason=error.reason, exit_code=error.details.get("exit_code"), **facts)
            raise
        self._note("command_ended", exit_code=result["exit_code"], **facts)
        return result

    def _note(self, event: str, **facts: Any) -> None:
        note(self._stack, event, **facts)


class RunningPlace:
    """A container of the service that runs anyway."""

    name = ""
    redactor = Redactor()

    def __init__(self, stack: Stack, request: CommandRequest, host: Host) -> None:
        self._stack = stack
        self._request = request
        self._engine = Engine.connect(stack)
        self.redactor = request.redactor({})

    def look(self) -> None:
        found = {answer["Id"]: answer for answer in self._engine.inspect_project(self._stack.name)}
        containers = [parse_container(answer) for answer in found.values()]
        if all(container.service != self._request.service for container in containers):
            ComposeCli(self._stack).model().select([self._request.service])  # it may not even be in the files
        self._container = choose_container(self._request, containers)
        self.name = self._container.name
        self.redactor = self._request.redactor(environment_of((found[self._container.id].get("Config") or {}).get("Env") or ()))

    def run(self) -> Ended:
        return run_in_container(self._engine, self._container, self._request)


class OneOffPlace:
    """A new container, made like those of the service."""

    def __init__(self, stack: Stack, request: CommandRequest, host: Host) -> None:
        self._service = request.service
        self._host = host
        self._container = OneOffContainer(stack, Engine.connect(stack), request)
        self.name = self._container.name
        self.redactor = self._container.redactor

    def look(self) -> None:
        if not self._container.image_is_here():
            raise ImageMissing(
                f"The image {self._container.image} of {self._service} is not on this host. The command was not run.",
                hint="Pull or build it first, or check variables.",
                image=self._container.image,
            )

    def run(self) -> Ended:
        still_running = self._container.remove_leftovers()
        if still_running:
            self._host.warn(leftover_hint(still_running))
        return self._container.run()


def hide_given(params: Mapping[str, Any], host: Host) -> None:
    """Ansible hides all values of hidden options wherever they occur; only those that are secrets need that."""
    given = {str(name): str(value) for name, value in params["environment"].items()}
    hidden = {value for name, value in given.items() if is_secret_name(name) and len(value) >= _SHORTEST_HIDDEN}
    hidden.update(secret_values(params["variables"]))  # they are refused, and the refusal must not show them
    stdin = params["stdin"]
    host.show_as("environment", {name: MASK for name in given})
    host.show_as("stdin", None if stdin is None else MASK)
    host.hide(hidden, {*given.values(), *([] if stdin is None else [stdin])})
