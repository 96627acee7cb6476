# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container of a primary that another server takes the place of: stopped, and kept from coming back."""

from __future__ import annotations

import io
import tarfile
import time
from typing import Any, Dict, Mapping, Optional

from .._core.container import Container
from .._core.errors import OperationError
from .._core.helper_container import HelperTask, Mount
from .._core.postgres_failover import STOPPED_STATES, parse_control
from .._core.postgres_failover_errors import PrimaryNotFenced
from .._core.service_login import environment_of
from .engine import Engine
from .engine_containers import stop
from .helper_container import run_helper
from .stack_containers import ServiceContainer

_MARK = "standby.signal"  # a server that finds it starts in recovery, and so read-only
_CONTROL_SECONDS = 60


class PrimaryFence:
    """Read-only until ``stop``; ``give_back`` undoes that as long as nothing was promoted."""

    def __init__(self, engine: Engine, stack: str, found: ServiceContainer) -> None:
        self._engine = engine
        self._stack = stack
        self._inspected = found.inspected
        self.container: Container = found.container
        self._was_active = self.container.state not in STOPPED_STATES
        self._policy: Mapping[str, Any] = (self._inspected.get("HostConfig") or {}).get("RestartPolicy") or {}
        environment = environment_of((self._inspected.get("Config") or {}).get("Env") or [])
        self._directory = environment.get("PGDATA") or "/var/lib/postgresql/data"

    def state(self) -> str:
        inspected = self._engine.inspect(self.container.id)
        return ((inspected or {}).get("State") or {}).get("Status", "unknown") if inspected else "absent"

    def restart_policy(self) -> str:
        inspected = self._engine.inspect(self.container.id) or {}
        return ((inspected.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name", "")

    def control(self) -> Dict[str, str]:
        """What pg_controldata says of the stopped server; empty when its files cannot be read."""
        mount = self._mount()
        if mount is None:
            return {}
        task = HelperTask("controldata", ("pg_controldata", "-D", self._directory), mounts=(mount,), environment={"LC_ALL": "C"})
        try:
            ended = run_helper(self._engine, self._stack, self.container.image_id, task, _CONTROL_SECONDS)
        except OperationError:
            return {}
        return parse_control(ended.stdout) if ended.exit_code == 0 else {}

    def stop(self, timeout: int) -> None:
        """No restart policy first: "always" would bring it back with the engine's next start."""
        self._set_policy({"Name": "no"})
        if self.state() not in STOPPED_STATES:
            stop(self._engine, self.container, timeout)
        state = self.state()
        if state not in STOPPED_STATES:
            raise PrimaryNotFenced(
                f"Container {self.container.name} is {state} after it was stopped.",
                hint="Nothing was promoted. Look at the engine's log (journalctl -u docker).",
                container=self.container.name,
                state=state,
            )

    def give_back(self, timeout: float) -> None:
        """As it was before ``stop``: with its restart policy, and running if it did."""
        self._set_policy(self._policy)
        if not self._was_active:
            return
        with self._engine.calling(f"start container {self.container.name}"):
            self._engine.client.start(self.container.id)
        until = time.monotonic() + timeout
        while self.state() != "running" and time.monotonic() < until:
            time.sleep(0.2)

    def marked(self) -> bool:
        return self._owner_of(_MARK) is not None

    def mark(self) -> None:
        """Lets the server start read-only, should somebody start it."""
        owner = self._owner_of("PG_VERSION")
        if owner is None:
            raise PrimaryNotFenced(f"Container {self.container.name} has no data of Postgres in {self._directory}.", container=self.container.name)
        entry = tarfile.TarInfo(_MARK)
        entry.mode, entry.uid, entry.gid, entry.mtime = 0o600, owner.uid, owner.gid, int(time.time())
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w") as archive:
            archive.addfile(entry, io.BytesIO())
        with self._engine.calling(f"mark the data of {self.container.name}"):
            self._engine.client.put_archive(self.container.id, self._directory, held.getvalue())

    def _set_policy(self, policy: Mapping[str, Any]) -> None:
        with self._engine.calling(f"set the restart policy of {self.container.name}"):
            self._engine.client.update_container(self.container.id, restart_policy=dict(policy) or {"Name": "no"})

    def _owner_of(self, name: str) -> Optional[tarfile.TarInfo]:
        """The entry of a file in the data directory, None when it is not there."""
        import docker

        path = f"{self._directory}/{name}"
        with self._engine.calling(f"look for {path} in {self.container.name}"):
            try:
                chunks = self._engine.client.get_archive(self.container.id, path)[0]
            except docker.errors.NotFound:
                return None
            packed = b"".join(chunks)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            return archive.next()

    def _mount(self) -> Optional[Mount]:
        below = [mount for mount in self._inspected.get("Mounts") or [] if f"{self._directory}/".startswith(mount["Destination"].rstrip("/") + "/")]
        found = max(below, key=lambda mount: len(mount["Destination"]), default=None)
        return Mount(found["Source"], found["Destination"]) if found else None
