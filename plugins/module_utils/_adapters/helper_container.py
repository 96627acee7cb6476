# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program in a short-lived container of a service's own image."""

from __future__ import annotations

import io
import os
import secrets
import socket
import tarfile
import time
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

from .._core.container import LABEL_PROJECT
from .._core.errors import TimedOut
from .._core.helper_container import HELPER, LABEL_MADE, LABEL_OWNER, LABEL_STACK, HelperEnded, HelperTask
from .engine import Engine

_KEPT_OUTPUT = 64 * 1024
_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 0.5


class HelperContainer:
    """One helper, from creation to removal; use it as a context: it does not outlive the block."""

    def __init__(self, engine: Engine, stack: str, image: str, task: HelperTask) -> None:
        self._engine = engine
        self._task = task
        self.name = f"runbook-helper-{stack}-{task.purpose}-{secrets.token_hex(4)}"
        self._settings = _settings(stack, image, task)
        self._id = ""

    def __enter__(self) -> "HelperContainer":
        with self._engine.calling(f"make the helper container {self.name}"):
            client = self._engine.client
            self._id = client.create_container_from_config(self._settings, name=self.name)["Id"]
        try:
            with self._engine.calling(f"start {self.name}"):
                for path, content in self._task.files.items():
                    client.put_archive(self._id, "/", _packed(path, content))
                client.start(self._id)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._remove()

    @property
    def id(self) -> str:
        return self._id

    def state(self) -> Dict[str, Any]:
        """The engine's word on it (``Running``, ``ExitCode``, ``OOMKilled``); empty when it is gone."""
        return (self._engine.inspect(self._id) or {}).get("State") or {}

    def wait(self, timeout: float) -> HelperEnded:
        """Waits for the program to end; raises TimedOut after ``timeout`` seconds (leaving the block ends it)."""
        until, pause = time.monotonic() + timeout, _POLL_SECONDS
        while True:
            state = self.state()
            if not state.get("Running"):
                return HelperEnded(int(state.get("ExitCode", -1)), bool(state.get("OOMKilled")), self._output(stdout=True), self._output(stdout=False))
            if time.monotonic() >= until:
                raise TimedOut(f"{self._task.argv[0]} did not end within {timeout:g} s.", hint="Give it more time.", timeout=timeout)
            time.sleep(pause)
            pause = min(_LONGEST_POLL_SECONDS, pause * 1.5)

    def _output(self, stdout: bool) -> str:
        with self._engine.calling(f"read the output of {self.name}"):
            said = self._engine.client.logs(self._id, stdout=stdout, stderr=not stdout, tail=500)
        return said[-_KEPT_OUTPUT:].decode(errors="replace")

    def _remove(self) -> None:
        if self._engine.inspect(self._id) is not None:
            with self._engine.calling(f"remove {self.name}"):
                self._engine.client.remove_container(self._id, force=True, v=True)


def run_helper(engine: Engine, stack: str, image: str, task: HelperTask, timeout: float) -> HelperEnded:
    """Runs one program to its end."""
    with HelperContainer(engine, stack, image, task) as helper:
        return helper.wait(timeout)


def remove_dead_helpers(engine: Engine, stack: str) -> List[str]:
    """Removes helpers whose module died; their names."""
    with engine.calling("list helper containers"):
        filters = {"label": [f"{LABEL_MADE}={HELPER}", f"{LABEL_STACK}={stack}"]}
        found = engine.client.containers(all=True, filters=filters)
    dead = [container for container in found if not _is_owned(container["Labels"])]
    for container in dead:
        if engine.inspect(container["Id"]) is not None:
            with engine.calling(f"remove {container['Names']}"):
                engine.client.remove_container(container["Id"], force=True, v=True)
    return [container["Names"][0].lstrip("/") for container in dead if container["Names"]]


def _settings(stack: str, image: str, task: HelperTask) -> Dict[str, Any]:
    """The engine's own words (POST /containers/create)."""
    binds = [f"{mount.host_path}:{mount.path}:{'rw' if mount.writable else 'ro'}" for mount in task.mounts]
    return {
        "Image": image,
        "Entrypoint": [task.argv[0]],
        "Cmd": list(task.argv[1:]),
        "User": task.user,
        "Env": [f"{name}={value}" for name, value in task.environment.items()],
        "Healthcheck": {"Test": ["NONE"]},
        # An empty project: labels that compose put on the image would make the helper a part of a stack.
        "Labels": {LABEL_PROJECT: "", LABEL_MADE: HELPER, LABEL_STACK: stack, LABEL_OWNER: f"{socket.gethostname()}:{os.getpid()}"},
        "HostConfig": {
            "NetworkMode": task.network,
            "Binds": binds,
            "ShmSize": task.shm_bytes,
            "Tmpfs": dict(task.tmpfs),
            "Init": True,
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "8m"}},
        },
    }


def _packed(path: str, content: bytes) -> bytes:
    """A tar of one file, with directories that only root may enter."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        parts = path.strip("/").split("/")
        entry = tarfile.TarInfo("/".join(parts))
        entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
        archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


def _is_owned(labels: Dict[str, str]) -> bool:
    """Whether the module that made the helper still lives; of another host that cannot be known, so it is taken for granted."""
    host, _colon, process = labels.get(LABEL_OWNER, "").rpartition(":")
    return host != socket.gethostname() or os.path.exists(f"/proc/{process}")
