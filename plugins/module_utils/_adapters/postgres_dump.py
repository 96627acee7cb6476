# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps one database, with what was in it in the snapshot of the dump."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .._core.archive_header import HEADER_BYTES, parse_archive_header
from .._core.backup_errors import BackupDisappointing
from .._core.backup_manifest import BackupFile
from .._core.database_content import DatabaseContent
from .._core.errors import OperationError
from .._core.helper_container import HelperFailed
from .._core.postgres_errors import PostgresLocked, PostgresUnreachable
from .dump_watch import SNAPSHOT_TRANSACTION, ContentCapture, LockWatch, never_time_out, purpose_of_this_process
from .directory_stream import DirectoryStream, ParallelDump, directory_inside
from .engine import Engine
from .exec_stream import ExecStream
from .helper_stream import HelperStream, Producer, Streamed, StreamSettings, copy_inside, pipe_inside
from .postgres_client import PostgresClient, version_of
from .postgres_content import Summing, capture_sequences
from .postgres_service import PostgresService
from .postgres_session import PostgresSession, SessionLimits
from .postgres_source import describe_database
from .progress_file import ProgressFile
from .repeating import Repeating

DUMP_FILE, GLOBALS_FILE = "database.dump.zst", "globals.sql.zst"
CUSTOM, SQL = "pg_dump-custom", "sql"
_LOOK_SECONDS = 1.0
_SETTLE_SECONDS = 15.0  # on a busy host it is behind pg_dump by some seconds
_RETRY_SECONDS = 0.2
_READ_ARCHIVE = ("pg_restore", "--format=custom", "--file=/dev/null", copy_inside)


@dataclass(frozen=True)
class Server:
    """How to reach one server, by SQL and with its own programs."""

    engine: Engine
    service: PostgresService
    client: PostgresClient

    def session(self, database: str, purpose: str, lock_seconds: float = 10, statement_seconds: float = 60) -> PostgresSession:
        limits = SessionLimits(statement_seconds, lock_seconds, self.service.access.connect_timeout)
        return PostgresSession.open(self.service.address, database, purpose, limits)

    def maintenance(self, purpose: str) -> PostgresSession:
        return self.session(self.service.access.maintenance_database, purpose)

    def patient_maintenance(self, purpose: str) -> PostgresSession:
        """Waits as long as a connection may take for a server that is still starting: it answers on TCP only once it is ready."""
        until = time.monotonic() + self.service.access.connect_timeout
        while True:
            try:
                return self.maintenance(purpose)
            except PostgresUnreachable:
                if time.monotonic() >= until:
                    raise
            time.sleep(_RETRY_SECONDS)


@dataclass(frozen=True)
class DumpSettings:
    lock_wait_timeout: int
    summing: Summing
    stream: StreamSettings
    jobs: int = 0  # workers that write a directory; without any, one writes an archive into a pipe
    through_engine: bool = False  # in the server's own container, through the engine's stream


@dataclass
class Dumped:
    files: Tuple[BackupFile, ...]
    content: DatabaseContent
    source: Dict[str, Any]
    roles: Streamed
    warnings: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Roles:
    """The roles of the server, dumped for an earlier database of the same run; ``directory`` is where their file is."""

    directory: str
    streamed: Streamed


class PostgresDump:
    """One database of one server into one directory; with ``roles``, those are not asked for once more."""

    def __init__(self, server: Server, settings: DumpSettings, progress: ProgressFile, roles: Optional[Roles] = None) -> None:
        self._server = server
        self._settings = settings
        self._progress = progress
        self._roles = roles
        self._purpose = purpose_of_this_process()

    def run(self, database: str) -> Dumped:
        """Raises the most telling error of all that can go wrong; the files are then not to be used."""
        try:
            dumped = self._run(database)
        except OperationError as error:
            self._require_same_server(error)
            raise
        self._server.service.require_same(self._server.engine)
        return dumped

    def _run(self, database: str) -> Dumped:
        limits = {"lock_seconds": self._settings.lock_wait_timeout, "statement_seconds": 0}
        with self._server.session(database, self._purpose, **limits) as holder, self._server.session(database, self._purpose, **limits) as looker:
            never_time_out(holder)
            with holder.transaction(SNAPSHOT_TRANSACTION):
                snapshot = holder.value("SELECT pg_export_snapshot()")
                source = {**describe_database(holder, database), "snapshot": snapshot}
                with ContentCapture(looker, snapshot, self._settings.summing, capture_sequences(holder)) as capture:
                    with self._naming_blockers(capture, (holder.pid, looker.pid)):
                        streamed = self._dump(database, snapshot, capture.require_no_failure)
                        content = capture.result()
        roles = self._known_roles() or self._globals()
        header = parse_archive_header(streamed.beginning, "directory" if self._settings.jobs else "custom")
        _require_plausible(database, header.database, header.entries, streamed.file)
        source["pg_dump_version"] = version_of(f"pg_dump (PostgreSQL) {header.client_version}")
        return Dumped((streamed.file, roles.file), content, source, roles, streamed.warnings + roles.warnings)

    def _dump(self, database: str, snapshot: str, check: Callable[[], None]) -> Streamed:
        def moved(size: int) -> None:
            self._progress.moved(size)
            check()

        self._progress.phase = "dumping"
        settings, client = self._settings, self._server.client
        wait = f"--lock-wait-timeout={settings.lock_wait_timeout * 1000}"
        argv = ["pg_dump", "--compress=0", "--no-sync", "--no-password", f"--snapshot={snapshot}", wait]
        # As an environment variable the name stays a name; as an argument it could be a connection string.
        environment = (("PGDATABASE", database), ("PGAPPNAME", f"runbook.compose {self._purpose}"))
        if settings.jobs:
            argv += ["--format=directory", f"--jobs={settings.jobs}", f"--file={directory_inside}"]
            packing = functools.partial(self._progress.begin, "packing")
            return DirectoryStream(client, settings.stream, moved, packing).run(ParallelDump(argv, environment), HEADER_BYTES)
        return self._stream(Producer("dump", [*argv, "--format=custom"], CUSTOM, DUMP_FILE, environment, _READ_ARCHIVE), moved)

    def _stream(self, producer: Producer, moved: Callable[[int], None]) -> Streamed:
        settings, server = self._settings.stream, self._server
        if self._settings.through_engine:
            login = server.client.task(producer.purpose, producer.argv, (), dict(producer.environment)).environment
            entered = replace(producer, environment=tuple((name, value) for name, value in login.items() if name != "PGPASSFILE"))
            stream = ExecStream(server.engine, server.service.container, settings, moved)
            return stream.run(entered, server.service.address.password, HEADER_BYTES)
        piped = replace(producer, argv=[*producer.argv, f"--file={pipe_inside}"])
        return HelperStream(server.client, settings, moved).run(piped, HEADER_BYTES)

    def _known_roles(self) -> Optional[Streamed]:
        """A copy: a backup is whole by itself."""
        if self._roles is None:
            return None
        name = self._roles.streamed.file.path
        target = os.path.join(self._settings.stream.directory, name)
        try:
            shutil.copyfile(os.path.join(self._roles.directory, name), target)
        except FileNotFoundError:  # that backup was removed meanwhile
            return None
        os.chmod(target, 0o600)
        return self._roles.streamed

    def _globals(self) -> Streamed:
        """Roles and tablespaces. Only a superuser may read the passwords' hashes; without them roles can log in to nothing."""
        self._progress.phase = "dumping roles"
        with self._server.maintenance(self._purpose) as session:
            superuser = session.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        database = self._server.service.access.maintenance_database
        argv = ["pg_dumpall", "--globals-only", "--no-sync", "--no-password", f"--database={_as_connection_string(database)}"]
        argv += [] if superuser else ["--no-role-passwords"]
        producer = Producer("globals", argv, SQL, GLOBALS_FILE, (("PGAPPNAME", f"runbook.compose {self._purpose}"),))
        streamed = self._stream(producer, lambda size: None)
        if not superuser:
            streamed.warnings.append("The passwords of roles are not in this backup: the role that made it is no superuser.")
        return streamed

    @contextlib.contextmanager
    def _naming_blockers(self, capture: ContentCapture, beside: Tuple[int, ...]) -> Iterator[None]:
        """pg_dump tells what went wrong in words; what the sessions beside it know goes first."""
        with self._server.maintenance("backup watch") as session:
            watch = LockWatch(session, f"runbook.compose {self._purpose}", beside)
            with Repeating(watch.look, _LOOK_SECONDS):
                try:
                    yield
                except OperationError as error:
                    raise self._better(error, capture, watch) from error

    def _better(self, error: OperationError, capture: ContentCapture, watch: LockWatch) -> OperationError:
        if isinstance(error, HelperFailed):
            capture.settle(_SETTLE_SECONDS)
            error = capture.failure if isinstance(capture.failure, OperationError) else error
        if watch.blockers and isinstance(error, (HelperFailed, PostgresLocked)):
            blockers = watch.blockers
            return PostgresLocked(
                f"The dump waited {self._settings.lock_wait_timeout} s for a lock that is held by {blockers[0]}.",
                hint="Wait for that session or end it (playbooks/postgres/sessions.yml), or give 'lock_wait_timeout' more seconds.",
                blockers=[vars(blocker) for blocker in blockers],
            )
        return error

    def _require_same_server(self, error: OperationError) -> None:
        try:
            self._server.service.require_same(self._server.engine)
        except OperationError as changed:
            raise changed from error


def _require_plausible(database: str, dumped: str, entries: int, file: BackupFile) -> None:
    if dumped != database or entries < 1 or file.bytes < 1 or file.plain_bytes < 1:
        raise BackupDisappointing(
            f"pg_dump ended well, and wrote {file.plain_bytes} bytes with {entries} entries of the database {dumped!r}, not a dump of {database!r}.",
            hint="Nothing was published. Look at the server's log.",
        )


def _as_connection_string(database: str) -> str:
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"
