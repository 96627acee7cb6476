# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command in a container of its own, made like those of a service and removed afterwards."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Mapping, Optional

from .._core.configuration import candidate_configuration
from .._core.container import LABEL_PROJECT
from .._core.container_command import CommandRequest, Ended, ExecutableMissing
from .._core.errors import ComposeFailed
from .._core.redaction import Redactor
from .._core.stack import Stack
from .candidate import render
from .compose_cli import ComposeCli, project_files
from .engine import Engine
from .memory_file import memory_file
from .piped_process import PipedProcess
from .release_files import ReleaseFiles

LABEL_OWNER = "runbook.compose.exec.owner"  # <host>:<process id> of the module that waits for the container
LABEL_UNTIL = "runbook.compose.exec.until"  # epoch seconds of its deadline
_STOP_SECONDS = 5
_POLL_SECONDS = 0.1
_NEVER_STARTED = "0001-"  # the engine's zero time


class OneOffContainer:
    """Docker Compose makes the container; the engine tells how it ended, whatever compose says."""

    def __init__(self, stack: Stack, engine: Engine, request: CommandRequest) -> None:
        self._stack = stack
        self._engine = engine
        self._request = request
        self._files = project_files(stack)
        self._configuration = candidate_configuration(ReleaseFiles(stack).live(self._files), request.variables)
        model, _config = render(stack, self._configuration)
        model.select([request.service])
        service = model.service(request.service)
        self.image = request.image or service.image
        self.redactor = request.redactor(service.environment_dict())
        self.name = f"{stack.name}-{request.service}-exec-{secrets.token_hex(4)}"
        # Looks at the container that has ended, as long as it is there.
        self.before_removal: Optional[Callable[[str], None]] = None

    def image_is_here(self) -> bool:
        return self._engine.image_id(self.image) is not None

    def run(self) -> Ended:
        started = time.monotonic()
        with ExitStack() as stack:
            env = stack.enter_context(memory_file("env", self._configuration.env))
            extra = stack.enter_context(memory_file("compose", json.dumps(self._override()).encode()))
            argv, environment = ComposeCli(self._stack, env_path=env, compose_files=[*self._files, extra]).invocation(self._words())
            environment["COMPOSE_IGNORE_ORPHANS"] = "true"
            stack.callback(self._remove, self.name)  # after the process has ended: nothing can make the container any more
            process = PipedProcess(argv, environment, self._stack.project_dir, self._request.max_bytes)
            stack.callback(process.close)
            in_time = process.finish(self._request.stdin or "", started + self._request.timeout)
            state = self._await_end(started + self._request.timeout) if in_time else None
            if state is None:
                self._stop()
                process.end()
            ended = self._ended(process, state, started)
            if self.before_removal is not None:
                self.before_removal(self.name)
            return ended

    def remove_leftovers(self) -> List[str]:
        """Removes containers of earlier runs that nobody waits for any more; names those that still run within their time."""
        with self._engine.calling("list one-off containers"):
            filters = {"label": [f"{LABEL_PROJECT}={self._stack.name}", LABEL_OWNER]}
            found = self._engine.client.containers(all=True, filters=filters)
        running = []
        for container in (item for item in found if not _has_owner(item["Labels"])):
            name = container["Names"][0].lstrip("/") if container["Names"] else container["Id"]
            if container["State"] == "running" and float(container["Labels"].get(LABEL_UNTIL) or 0) > time.time():
                running.append(name)
            else:
                self._remove(name)
        return running

    def _words(self) -> List[str]:
        request = self._request
        # Progress off: what compose says about itself would mix with what the command says.
        words = ["--progress", "quiet", "run", "--no-deps", "-T", "--name", self.name]
        words += ["--user", request.user] if request.user else []
        words += ["--workdir", request.workdir] if request.workdir else []
        return [*words, request.service, *request.argv]

    def _override(self) -> Dict[str, Any]:
        """Goes to compose as one more file, in memory: what stands here is in no argv and on no disk."""
        until = time.time() + self._request.timeout
        service = {
            "image": self.image.replace("$", "$$"),
            "environment": {name: value.replace("$", "$$") for name, value in self._request.environment.items()},
            "labels": {LABEL_OWNER: f"{socket.gethostname()}:{os.getpid()}", LABEL_UNTIL: f"{until:.0f}"},
            "healthcheck": {"disable": True},
            "pull_policy": "never",
        }
        return {"services": {self._request.service: service}}

    def _await_end(self, deadline: float) -> Optional[Mapping[str, Any]]:
        """The engine's last word on the container; empty when there is none. None when it still runs at the deadline."""
        while True:
            inspected = self._engine.inspect(self.name)
            state = (inspected or {}).get("State") or {}
            if not state.get("Running"):
                return state
            if time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_SECONDS)

    def _ended(self, process: PipedProcess, state: Optional[Mapping[str, Any]], started: float) -> Ended:
        duration = int((time.monotonic() - started) * 1000)
        if state is None:
            return Ended(None, process.stdout, process.stderr, duration)
        if not state or str(state.get("StartedAt", "")).startswith(_NEVER_STARTED):
            raise self._not_started(process, state)
        return Ended(int(state["ExitCode"]), process.stdout, process.stderr, duration, oom_killed=bool(state.get("OOMKilled")))

    def _not_started(self, process: PipedProcess, state: Mapping[str, Any]) -> Exception:
        said = process.stderr.last_lines(self.redactor)
        facts = {"service": self._request.service, "exit_code": state.get("ExitCode"), "stdout": [], "stderr": said}
        if state.get("ExitCode") in (126, 127):
            return ExecutableMissing(
                f"{self._request.argv[0]} could not be run in a one-off container of {self._request.service}: {' | '.join(said[-3:])}",
                hint="Check the name of the program and that the image has it.",
                **facts,
            )
        return ComposeFailed(
            f"Docker Compose could not start a one-off container of {self._request.service}: {' | '.join(said[-3:]) or 'it gave no reason'}",
            hint="The command was not run.",
            **facts,
        )

    def _stop(self) -> None:
        if self._engine.inspect(self.name) is not None:
            with self._engine.calling(f"stop {self.name}"):
                self._engine.client.stop(self.name, timeout=_STOP_SECONDS)

    def _remove(self, name: str) -> None:
        if self._engine.inspect(name) is not None:
            with self._engine.calling(f"remove {name}"):
                self._engine.client.remove_container(name, force=True, v=True)


def leftover_hint(names: List[str]) -> str:
    return Redactor().text(f"{', '.join(names)} of an earlier run still runs; nobody waits for it any more, and it is removed after its deadline.")


def _has_owner(labels: Mapping[str, str]) -> bool:
    """Whether the module that made the container still waits for it; on another host that cannot be known, so it is taken for granted."""
    host, _colon, process = labels.get(LABEL_OWNER, "").rpartition(":")
    return host != socket.gethostname() or os.path.exists(f"/proc/{process}")
