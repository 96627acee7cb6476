# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command to run in a container of a service: what is asked for, and what its end means."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from .command_output import Capture
from .configuration import parse_variables
from .container import Container
from .errors import BadInput, OperationError, TimedOut
from .redaction import Redactor

# The shell's words for "found, but cannot be run" and "not found"; the engine uses the same.
_NOT_EXECUTABLE = (126, 127)


class ServiceNotRunning(OperationError):
    """The service has no running container to run a command in."""

    reason = "service_not_running"


class CommandFailed(OperationError):
    """The command ended with an exit code that does not mean success."""

    reason = "command_failed"


class ExecutableMissing(CommandFailed):
    """The program is not in the container, or cannot be run there."""

    reason = "executable_missing"


class CommandTimedOut(TimedOut):
    """The command did not end in time and was stopped."""

    reason = "command_timed_out"


class OutputNotJson(OperationError):
    """JSON was asked for and something else came."""

    reason = "output_not_json"


@dataclass(frozen=True)
class CommandRequest:
    """``timeout`` is in seconds, ``max_bytes`` for each of the two streams."""

    service: str
    argv: Tuple[str, ...]
    one_off: bool = False
    read_only: bool = False
    timeout: float = 60.0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stdin: Optional[str] = field(default=None, repr=False)
    user: str = ""
    workdir: str = ""
    index: Optional[int] = None
    variables: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    success_codes: FrozenSet[int] = frozenset({0})
    as_json: bool = False
    max_bytes: int = 1024 * 1024

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "CommandRequest":
        one_off = params["mode"] == "one_off"
        _refuse_contradictions(params, one_off)
        return cls(
            service=params["service"],
            argv=parse_argv(params["argv"]),
            one_off=one_off,
            read_only=params["read_only"],
            timeout=params["timeout"],
            environment=parse_environment(params["environment"]),
            stdin=params["stdin"],
            user=params["user"],
            workdir=params["workdir"],
            index=params["index"],
            variables=parse_variables(params["variables"]),
            image=params["image"],
            success_codes=frozenset(params["success_codes"]),
            as_json=params["parse"] == "json",
            max_bytes=params["max_bytes"],
        )

    @property
    def mode(self) -> str:
        return "one_off" if self.one_off else "running"

    def redactor(self, environment: Mapping[str, str]) -> Redactor:
        """For what the command prints: it knows the container's environment and what it was given itself."""
        given = [self.stdin.strip()] if self.stdin and "\n" not in self.stdin.strip() else []
        known = Redactor.of_environment(environment).merged_with(Redactor.of_environment(self.environment))
        return known.merged_with(Redactor(given))

    def shown_argv(self, redactor: Redactor) -> List[str]:
        return [redactor.text(word) for word in self.argv]


@dataclass(frozen=True)
class Ended:
    """How a command ended. ``exit_code`` is None when it was stopped at its deadline.

    ``proven`` is whether it is known to have really ended.
    """

    exit_code: Optional[int]
    stdout: Capture
    stderr: Capture
    duration_ms: int
    proven: bool = True
    oom_killed: bool = False


def parse_argv(given: Any) -> Tuple[str, ...]:
    """A list of words; a string would have to be taken apart by a shell, which is a different thing."""
    if not isinstance(given, (list, tuple)):
        raise BadInput(
            "argv must be a list of words, and is not.",
            hint='Write argv: ["ls", "-l", "/srv"]. For pipes and redirections name the shell: argv: ["sh", "-c", "..."].',
        )
    odd = [word for word in given if isinstance(word, bool) or not isinstance(word, (str, int, float))]
    if odd or not given or given[0] == "" or any("\0" in str(word) for word in given):
        raise BadInput(
            "argv must begin with a program, and all its words must be texts or numbers.",
            hint="Quote words such as yes, no, on and off, which YAML takes for booleans.",
        )
    return tuple(str(word) for word in given)


def parse_environment(given: Mapping[Any, Any]) -> Dict[str, str]:
    """Names with their texts; a secret may stand here, so a refusal names only the variable."""
    parsed = {}
    for name, value in given.items():
        text = {True: "true", False: "false"}[value] if isinstance(value, bool) else "" if value is None else str(value)
        if not str(name) or "=" in str(name) or "\0" in f"{name}{text}" or isinstance(value, (dict, list)):
            raise BadInput(f"environment has a variable that cannot be set: {name!r}.", hint="Give texts or numbers by name.", name=str(name))
        parsed[str(name)] = text
    return parsed


def choose_container(request: CommandRequest, containers: List[Container]) -> Container:
    """The first running container of the service, or the one that was asked for."""
    own = [container for container in containers if container.service == request.service and not container.one_off]
    wanted = [container for container in own if request.index in (None, container.number)]
    for container in sorted(wanted, key=lambda container: container.number):
        if container.running:
            return container
    states = {container.name: container.state for container in own}
    which = request.service if request.index is None else f"{request.service} number {request.index}"
    found = ", ".join(f"{name} is {state}" for name, state in sorted(states.items())) or "it has no container"
    raise ServiceNotRunning(
        f"{which} does not run: {found}. The command was not run.",
        hint="Start the service first (playbooks/service/state.yml), or use mode=one_off, which makes a container of its own.",
        service=request.service,
        containers=states,
    )


def report(request: CommandRequest, ended: Ended, redactor: Redactor) -> Dict[str, Any]:
    """The facts of a command that did what it should; raises what describes any other end."""
    if ended.exit_code is None:
        raise _timed_out(request, ended, redactor)
    if ended.exit_code not in request.success_codes:
        raise _failed(request, ended, redactor)
    facts = {
        "exit_code": ended.exit_code,
        "stdout": ended.stdout.text(redactor),
        "stderr": ended.stderr.text(redactor),
        "stdout_truncated": ended.stdout.truncated,
        "stderr_truncated": ended.stderr.truncated,
        "duration_ms": ended.duration_ms,
    }
    return {**facts, "json": redactor.data(_parse_json(request, ended, redactor))} if request.as_json else facts


def _refuse_contradictions(params: Mapping[str, Any], one_off: bool) -> None:
    if params["variables"] and not one_off:
        raise BadInput("variables need mode=one_off: a running container keeps the configuration it was made with.")
    if params["image"] and not one_off:
        raise BadInput("image needs mode=one_off: a running container keeps the image it was made with.")
    if params["index"] is not None and one_off:
        raise BadInput("index chooses a running container; mode=one_off makes a new one.")
    if not (params["timeout"] > 0 and params["max_bytes"] > 0 and params["success_codes"]):
        raise BadInput(
            "timeout and max_bytes must be above 0, and success_codes must not be empty.",
            timeout=params["timeout"],
            max_bytes=params["max_bytes"],
        )


def _last_words(ended: Ended, redactor: Redactor) -> Dict[str, List[str]]:
    return {"stdout": ended.stdout.last_lines(redactor), "stderr": ended.stderr.last_lines(redactor)}


def _timed_out(request: CommandRequest, ended: Ended, redactor: Redactor) -> CommandTimedOut:
    fate = "was stopped" if ended.proven else "could not be stopped: it may still run"
    return CommandTimedOut(
        f"{_title(request)} did not end within {request.timeout:g} s and {fate}.",
        hint="What it had done by then stays done. Give it more time with timeout, or look at what it waits for.",
        service=request.service,
        timeout=request.timeout,
        stopped=ended.proven,
        duration_ms=ended.duration_ms,
        **_last_words(ended, redactor),
    )


def _failed(request: CommandRequest, ended: Ended, redactor: Redactor) -> CommandFailed:
    words = _last_words(ended, redactor)
    said = " | ".join((words["stderr"] or words["stdout"])[-3:])
    facts = {"service": request.service, "exit_code": ended.exit_code, "oom_killed": ended.oom_killed, "duration_ms": ended.duration_ms}
    if ended.exit_code in _NOT_EXECUTABLE:
        return ExecutableMissing(
            f"{_title(request)} could not be run ({ended.exit_code}): {said or 'no such program'}",
            hint="Check the name of the program and that the image has it.",
            **facts,
            **words,
        )
    cause = "was killed for lack of memory" if ended.oom_killed else f"ended with exit code {ended.exit_code}"
    return CommandFailed(
        f"{_title(request)} {cause}{': ' + said if said else ', and printed nothing.'}",
        hint="Its last lines are in details.",
        **facts,
        **words,
    )


def _parse_json(request: CommandRequest, ended: Ended, redactor: Redactor) -> Any:
    if not ended.stdout.truncated:
        try:
            return json.loads(ended.stdout.raw_text())
        except ValueError:
            pass
    printed = f"more than {request.max_bytes} bytes" if ended.stdout.truncated else "something else"
    raise OutputNotJson(
        f"{_title(request)} should have printed one JSON value on stdout, and printed {printed}.",
        hint="Its last lines are in details. The command itself ended well: what it did is done.",
        service=request.service,
        exit_code=ended.exit_code,
        **_last_words(ended, redactor),
    )


def _title(request: CommandRequest) -> str:
    """The program only: the other words may be long."""
    where = "a one-off container of " if request.one_off else ""
    return f"{request.argv[0]} in {where}{request.service}"
