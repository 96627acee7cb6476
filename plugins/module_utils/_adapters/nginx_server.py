# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nginx in front of a stack: in a container of it, or on the host."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import Any, FrozenSet, Iterable, List, Mapping, Optional, Protocol, Sequence

from .._core.container import Container, parse_container
from .._core.container_command import CommandRequest
from .._core.edge_errors import ALTERNATIVES, EdgeMissing, EdgeNotPrepared
from .._core.edge_site import EdgeSite
from .._core.stack import Stack
from .._core.tcp_table import Connection, Place, parse_connections, towards
from . import processes
from .engine import Engine
from .engine_exec import run_in_container
from .files import read_text
from .process_tree import belongs_to

_SECONDS = 30
_LARGEST_DUMP = 4 * 1024 * 1024
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LEAVING = "is shutting down"
_MASTER = "nginx: master process"


@dataclass(frozen=True)
class Said:
    """What nginx answered to a command. It holds secrets: keep it in memory."""

    exit_code: int
    output: str
    complaints: str


@dataclass(frozen=True)
class Workers:
    """Process numbers: those that take connections, and those that only end what they are at."""

    serving: FrozenSet[int]
    leaving: FrozenSet[int]


class NginxServer(Protocol):
    """What both kinds can."""

    name: str

    def reach(self, container: Container) -> str: ...

    def sees(self, path: str) -> str: ...

    def run(self, *words: str) -> Said: ...

    def reload(self) -> Said: ...

    def workers(self) -> Workers: ...

    def connections(self, places: Sequence[Place]) -> int: ...


class ContainerNginx:
    """nginx in a container of the stack. Its processes and its network are the container's own."""

    def __init__(self, engine: Engine, site: EdgeSite, inspected: Mapping[str, Any]) -> None:
        self._engine = engine
        self._site = site
        self._mounts = inspected.get("Mounts") or []
        self._container = container = parse_container(inspected)
        self._first_process = int((inspected.get("State") or {}).get("Pid") or 0)
        self.name = container.name

    def reach(self, container: Container) -> str:
        """The address of another container on a network that both are on; empty without one."""
        own = {network for network, address in self._container.addresses if address}
        return next((address for network, address in container.addresses if address and network in own), "")

    @classmethod
    def find(cls, stack: Stack, engine: Engine, site: EdgeSite, mounted: bool = True) -> "ContainerNginx":
        """The one running container of the edge's service; refused when our directory is not mounted in it, as it has to be unless told otherwise."""
        running, there = [], []
        for inspected in engine.inspect_project(stack.name):
            container = parse_container(inspected)
            if container.service == site.service and not container.one_off:
                there.append(f"{container.name} ({container.state})")
                running += [inspected] if container.running else []
        if len(running) != 1:
            raise EdgeMissing(
                f"Stack {stack.name} has not exactly one running container of service {site.service}: {', '.join(there) or 'none'}.",
                hint=ALTERNATIVES,
                service=site.service,
                containers=there,
            )
        server = cls(engine, site, running[0])
        if mounted:
            server._require_mount()
        return server

    def sees(self, path: str) -> str:
        """``directory`` or ``file``: what of a path of the host is mounted; empty when it is not. A mounted file stays, whatever takes its place."""
        for mount in self._mounts:
            source = os.path.realpath(mount.get("Source", "/nowhere"))
            if os.path.realpath(path) == source:
                return "directory" if os.path.isdir(source) else "file"
            if os.path.realpath(path).startswith(source + "/"):
                return "directory"
        return ""

    def _require_mount(self) -> None:
        site = self._site
        for mount in self._mounts:
            inner = os.path.relpath(site.mounted_as, mount["Destination"])
            if not inner.startswith(".."):
                outer = os.path.normpath(os.path.join(mount.get("Source", ""), inner))
                if os.path.realpath(outer) == os.path.realpath(site.directory):
                    return
        raise EdgeNotPrepared(
            f"{self.name} does not see {site.directory} as {site.mounted_as}.",
            hint=f"Mount it in the compose file of service {site.service} ({site.directory}:{site.mounted_as}:ro), then recreate the service.",
            directory=site.directory,
            mounted_as=site.mounted_as,
        )

    def run(self, *words: str) -> Said:
        request = CommandRequest(self._site.service, (*self._site.command, *words), timeout=_SECONDS, max_bytes=_LARGEST_DUMP)
        ended = run_in_container(self._engine, self._container, request)
        code = 1 if ended.exit_code is None else ended.exit_code
        return Said(code, ended.stdout.raw_text(), ended.stderr.raw_text())

    def reload(self) -> Said:
        """A signal to the master where it is a process of this host: all that nginx' own program would do after a test that has just been done.

        Not through the engine: some engines take any signal for a wish to end, and do not restart the container the next time it fails.
        """
        master = self._first_process
        if self._engine.is_local and belongs_to(master, self._container.id) and _title(master).startswith(_MASTER):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(master, signal.SIGHUP)
                return Said(0, "", "")
        return self.run("-s", "reload")

    def workers(self) -> Workers:
        with self._engine.calling(f"list the processes of {self.name}"):
            listed = self._engine.client.top(self._container.id, ps_args="-eo pid,args")
        return _workers((int(row[0]), row[-1]) for row in listed["Processes"])

    def connections(self, places: Sequence[Place]) -> int:
        # cat answers 1 where the kernel has no IPv6, with the other table printed all the same.
        ended = run_in_container(self._engine, self._container, CommandRequest(self._site.service, ("cat", *_TABLES), max_bytes=_LARGEST_DUMP))
        return len(towards(parse_connections(ended.stdout.raw_text()), places))


class HostNginx:
    """nginx on the host itself: found by its pid file."""

    def __init__(self, site: EdgeSite) -> None:
        self._site = site
        self.name = f"{site.command[0]} on this host"

    def reach(self, container: Container) -> str:
        return container.address

    def sees(self, path: str) -> str:
        return "directory"

    @classmethod
    def find(cls, site: EdgeSite) -> "HostNginx":
        server = cls(site)
        if not server.workers().serving:
            raise EdgeMissing(
                f"No nginx runs on this host with the pid file {site.pid_file}.",
                hint="Start it, or correct stack_edge.pid_file. " + ALTERNATIVES,
                pid_file=site.pid_file,
            )
        return server

    def run(self, *words: str) -> Said:
        try:
            done = processes.run([*self._site.command, *words], timeout=_SECONDS)
        except OSError as error:
            raise EdgeMissing(
                f"{self._site.command[0]} cannot be run on this host: {error.strerror}.", hint=ALTERNATIVES, command=list(self._site.command)
            ) from error
        return Said(done.exit_code, done.stdout, done.stderr)

    def reload(self) -> Said:
        return self.run("-s", "reload")

    def workers(self) -> Workers:
        master = (read_text(self._site.pid_file) or "").strip()
        if not master.isdecimal() or "nginx: master" not in _title(int(master)):
            return Workers(frozenset(), frozenset())
        children = read_text(f"/proc/{master}/task/{master}/children") or ""
        return _workers((int(pid), _title(int(pid))) for pid in children.split())

    def connections(self, places: Sequence[Place]) -> int:
        """Other processes of the host have connections as well: only those of nginx' workers count."""
        found: List[Connection] = []
        for table in _TABLES:
            found += towards(parse_connections(read_text(table) or ""), places)
        workers = self.workers()
        own = {inode for pid in workers.serving | workers.leaving for inode in _sockets(pid)}
        return sum(connection.inode in own for connection in found)


def find_nginx(stack: Stack, engine: Optional[Engine], site: EdgeSite, mounted: bool = True) -> NginxServer:
    """The nginx that the inventory describes; raises EdgeMissing or EdgeNotPrepared. Without ``mounted``, also one that has nothing of ours, or is down."""
    if site.kind == "host":
        return HostNginx.find(site) if mounted else HostNginx(site)
    if engine is None:
        engine = Engine.connect(stack)
    return ContainerNginx.find(stack, engine, site, mounted)


def _workers(processes_seen: Iterable[Any]) -> Workers:
    workers = [(pid, title) for pid, title in processes_seen if title.startswith("nginx: worker process")]
    leaving = frozenset(pid for pid, title in workers if _LEAVING in title)
    return Workers(frozenset(pid for pid, unused in workers) - leaving, leaving)


def _title(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (read_text(f"/proc/{pid}/cmdline") or "").replace("\0", " ").strip()
    return ""


def _sockets(pid: int) -> List[str]:
    """The numbers of a process's sockets; none when it is gone."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                found += [target[8:-1]] if target.startswith("socket:[") else []
    return found
