# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the states of postgres_pitr share: where things are, and one look at all of them."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from .._core.errors import StateUnwritable
from .._core.pitr import Base, Reach, intervals, parse_time, reaches
from .._core.pitr_state import Server, Situation, problems, slot_facts
from .._core.postgres_errors import PostgresNotInStack, PostgresUnreachable
from .._core.stack import Stack
from .._core.wal import Wal, parse_lsn
from .._core.wal_receiver import Receiver, Wanted, fault, receiver_name
from .backup_store import BackupStore
from .engine import Engine
from .helper_container import remove_dead_helpers
from .pitr_server import PitrServer
from .pitr_store import SUBJECT, PitrStore, clusters, root_of
from .postgres_client import PostgresClient
from .postgres_service import PostgresAccess, PostgresService
from .postgres_target import PostgresTarget
from .wal_reader import WalReader
from .wal_receiver import WalReceiver, owner_of

_DEFAULT_SEGMENT = 16 * 2**20
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class Cluster:
    """What is kept of one cluster."""

    store: PitrStore
    bases: List[Base]
    unreadable: List[str]
    wal: Wal
    reaches: List[Reach]


@dataclass(frozen=True)
class Observed:
    """One look at everything. ``server`` and ``wanted`` are None when the server does not answer; ``others`` are earlier clusters."""

    server: Optional[Server]
    silence: str
    receiver: Optional[Receiver]
    wanted: Optional[Wanted]
    cluster: Optional[Cluster]
    others: List[Cluster]

    @property
    def fault(self) -> str:
        if self.wanted is None:
            return "" if self.receiver and self.receiver.state == "running" else "stopped" if self.receiver else "absent"
        return fault(self.receiver, self.wanted, bool(self.server and self.server.slot and self.server.slot.streaming))

    @property
    def present(self) -> Tuple[Server, Cluster]:
        """Of a look that demanded the server."""
        if self.server is None or self.cluster is None:
            raise PostgresUnreachable(self.silence)
        return self.server, self.cluster

    @property
    def enabled(self) -> bool:
        return self.receiver is not None or bool(self.server and self.server.slot)


class PitrContext:
    """One service of a stack."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.stack = Stack.from_params(params)
        self.engine = Engine.connect(self.stack)
        self.backup_dir = os.path.abspath(params["backup_dir"])
        self._access = PostgresAccess.from_params(params)
        self.receiver = WalReceiver(self.engine, self.stack.name, self._access.service)
        self._root = root_of(self.backup_dir, self.stack.name, self._access.service)
        self._service: Optional[PostgresService] = None
        self._readers: Dict[str, WalReader] = {}

    @property
    def service(self) -> PostgresService:
        """Looked up when it is first needed: a recovery can do without."""
        if self._service is None:
            self._service = PostgresService.find(self.stack, self.engine, self._access)
        return self._service

    @property
    def target(self) -> PostgresTarget:
        return PostgresTarget(self.stack, self.service)

    @property
    def server(self) -> PitrServer:
        return PitrServer(self.target)

    @property
    def client(self) -> PostgresClient:
        return PostgresClient(self.stack, self.engine, self.service)

    def store(self, server: Server) -> PitrStore:
        return PitrStore(self._root, server.system_identifier)

    def look(self, without_server: bool = False, settle: float = _SETTLE_SECONDS) -> Observed:
        """Raises what keeps the server from answering, unless that is allowed. ``settle``: seconds for the log to arrive that was written by now."""
        server, silence, wanted = None, "", None
        try:
            server = self._settled(self.server.look(), settle)
            wanted = self.wanted(server)
        except (PostgresNotInStack, PostgresUnreachable) as error:
            if not without_server:
                raise
            silence = str(error)
        own = self._cluster(self.store(server), server.segment_bytes) if server else None
        others = [self._cluster(store) for store in clusters(self._root) if own is None or store.system_identifier != own.store.system_identifier]
        others.sort(key=_newest, reverse=True)
        return Observed(server, silence, self.receiver.look(), wanted, own, others)

    def _settled(self, server: Server, seconds: float) -> Server:
        if server.slot is None or not server.slot.streaming or server.caught_up:
            return server
        slot = self.server.await_received(server.lsn, seconds)
        return replace(server, slot=slot) if slot else server

    def wanted(self, server: Server) -> Wanted:
        """The receiver as it has to be now."""
        container, address = self.service.container, self.service.address
        owner = owner_of(self.engine, container.id, server.data_directory)
        return Wanted(
            stack=self.stack.name,
            service=self._access.service,
            image_id=container.image_id,
            database_container=container.id,
            port=address.port,
            username=address.username,
            directory=self.store(server).wal_directory,
            owner=f"{owner[0]}:{owner[1]}",
            has_password=bool(address.password),
        )

    def until(self, observed: Observed, cluster: Cluster, reach: Reach) -> Optional[datetime]:
        """Until when every commit is received. The server's clock tells while nothing is outstanding, otherwise the log itself."""
        server = observed.server
        if server and server.caught_up and cluster is observed.cluster and not reach.gap:
            if reach.last_segment >= (parse_lsn(server.lsn) - 1) // server.segment_bytes:
                return parse_time(server.now)
        image = self.image_of(reach.base)
        if image is None:
            return None
        name = cluster.store.system_identifier
        reader = self._readers.setdefault(name, WalReader(self.engine, self.stack.name, image, cluster.store))
        return reader.last_commit(cluster.wal, reach.base.first_segment, reach.last_segment)

    def image_of(self, base: Base) -> Optional[str]:
        """The image that the base backup was taken from, or what its name means today; None when neither is on this host."""
        return self.engine.image_id(base.image_id) or self.engine.image_id(base.image)

    def forget_reads(self) -> None:
        """The log has grown: what was read of its end is not true any more."""
        self._readers.clear()

    def facts(self, observed: Observed) -> Dict[str, Any]:
        """What every result shows."""
        cluster = observed.cluster or (observed.others[0] if observed.others else None)
        found = cluster.reaches if cluster else []
        wal = cluster.wal if cluster else Wal({}, _DEFAULT_SEGMENT)
        bases, unreadable = (cluster.bases, cluster.unreadable) if cluster else ([], [])
        seen = Situation(observed.enabled, observed.server, observed.fault if observed.enabled else "", bases, unreadable, found, wal)
        silent = [{"problem": "server_silent", "message": observed.silence}] if observed.silence else []
        return {
            "enabled": observed.enabled,
            "receiver": _receiver_facts(observed, receiver_name(self.stack.name, self._access.service)),
            "slot": slot_facts(observed.server),
            "wal": _wal_facts(cluster),
            "bases": [_base_facts(base, found) for base in reversed(bases)],
            "reachable": intervals(found, lambda reach: self.until(observed, cluster, reach)) if cluster else [],
            "problems": [*silent, *problems(seen)],
        }

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """One run at a time; what dead runs left is removed."""
        with files_of(self.stack), BackupStore(self.backup_dir, self.stack.name, self._access.service).working_on(SUBJECT):
            remove_dead_helpers(self.engine, self.stack.name)
            yield

    def _cluster(self, store: PitrStore, segment_bytes: int = 0) -> Cluster:
        with files_of(self.stack):
            bases, unreadable = store.bases()
            own = [base for base in bases if base.system_identifier == store.system_identifier]
            wal = store.wal(segment_bytes or (bases[-1].segment_bytes if bases else _DEFAULT_SEGMENT))
        return Cluster(store, bases, unreadable, wal, reaches(own, wal))


@contextlib.contextmanager
def files_of(stack: Stack) -> Iterator[None]:
    """Turns what the operating system says about files into one of our errors."""
    try:
        yield
    except OSError as error:
        raise StateUnwritable(
            f"Files of the backups of stack {stack.name} cannot be read or written: {error.strerror} ({error.filename}).",
            hint="Check backup_dir, its free space, and that the task runs as root (become).",
            path=str(error.filename),
        ) from error


def _newest(cluster: Cluster) -> str:
    return max((base.finished_at for base in cluster.bases), default="")


def _receiver_facts(observed: Observed, name: str) -> Dict[str, Any]:
    receiver = observed.receiver
    if receiver is None:
        return {"container": "", "state": "absent", "started_at": "", "restarts": 0}
    state = receiver.state if observed.server is None else observed.fault or "streaming"
    return {"container": name, "state": state, "started_at": receiver.started_at, "restarts": receiver.restarts}


def _wal_facts(cluster: Optional[Cluster]) -> Dict[str, Any]:
    numbers = cluster.wal.numbers if cluster else ()
    return {
        "directory": cluster.store.wal_directory if cluster else "",
        "segments": len(cluster.wal.files) if cluster else 0,
        "bytes": sum(file.size for file in cluster.wal.files.values()) if cluster else 0,
        "first": cluster.wal.name(numbers[0]) if cluster and numbers else "",
        "last": cluster.wal.name(numbers[-1]) if cluster and numbers else "",
        "gaps": cluster.wal.gaps(numbers[0]) if cluster and numbers else [],
    }


def _base_facts(base: Base, found: List[Reach]) -> Dict[str, Any]:
    names = ("id", "started_at", "finished_at", "start_lsn", "end_lsn", "bytes", "server_version", "image")
    return {**{name: getattr(base, name) for name in names}, "usable": any(reach.base.id == base.id for reach in found)}
