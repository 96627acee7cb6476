# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one backup of one database: dumped, described, published."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, List, Optional, Tuple

from .._core.backup_catalogue import Backup, timestamp
from .._core.backup_manifest import BackupFile, Manifest
from .._core.backup_request import DIRECTORY, BackupRequest, Decision, choose_format, shrunk
from .._core.stack import Stack
from .archive_writer import SpaceFloor
from .backup_files import files_of, now_naive
from .backup_preflight import room_for_parallel, through_engine
from .backup_store import BackupStore
from .directory_stream import DIRECTORY as PACKED
from .helper_stream import StreamSettings
from .postgres_content import Summing
from .postgres_dump import Dumped, DumpSettings, PostgresDump, Roles, Server
from .progress_file import ProgressFile
from .shadow_database import jobs_or_default

KIND = "postgres-logical"


@dataclass(frozen=True)
class Made:
    """A backup that was published just now."""

    backup: Backup
    rows: int
    seconds: float
    warnings: List[str] = field(default_factory=list)


class BackupMaker:
    """Backups of one server by one request. ``described`` is what ``describe_server`` said of it."""

    def __init__(self, stack: Stack, server: Server, request: BackupRequest, described: Dict[str, Any], set_id: str) -> None:
        self._stack = stack
        self._server = server
        self._request = request
        self._described = described
        self._set_id = set_id
        self._roles: Optional[Roles] = None
        self._store = BackupStore(request.backup_dir, stack.name, server.service.access.service)

    def make(self, decision: Decision, progress: ProgressFile) -> Made:
        """To be called while ``store.working_on`` the database. Whatever goes wrong, nothing incomplete is published."""
        database, began, started = decision.database.name, time.monotonic(), now_naive()
        progress.expected_bytes = _expected(decision)
        with files_of(self._request.backup_dir):
            backup_id = self._store.next_id(database, started)
            directory = self._store.begin(database, backup_id)
            try:
                dumped = PostgresDump(self._server, self._settings(directory, decision), progress, self._roles).run(database)
                progress.phase = "publishing"
                manifest = self._manifest(backup_id, database, started, dumped)
                published = self._store.publish(directory, manifest)
            except BaseException:
                self._store.abandon(directory)
                raise
            self._roles = Roles(published, dumped.roles)
            smaller = shrunk(dumped.files[0].plain_bytes, decision.proven)
            warnings = [*([smaller] if smaller else []), *dumped.warnings]
            return Made(self._store.read(published), dumped.content.rows, round(time.monotonic() - began, 3), warnings)

    def _settings(self, directory: str, decision: Decision) -> DumpSettings:
        request = self._request
        entered = through_engine(self._server.engine, request)
        parallel = not entered and choose_format(decision.database, request, room_for_parallel(directory)) == DIRECTORY
        stream = StreamSettings(directory, request.recipients, SpaceFloor(directory, request.floor_bytes), request.timeout)
        return DumpSettings(request.lock_wait_timeout, Summing(request.checksum_max_bytes), stream, jobs_or_default(request.jobs) if parallel else 0, entered)

    def _manifest(self, backup_id: str, database: str, started: datetime, dumped: Dumped) -> Manifest:
        return Manifest(
            id=backup_id,
            set_id=self._set_id,
            kind=KIND,
            purpose=self._request.purpose,
            stack=self._stack.name,
            service=self._server.service.access.service,
            subject=database,
            started=timestamp(started),
            finished=timestamp(now_naive()),
            source={**self._described, **dumped.source},
            content=dumped.content.to_dict(),
            files=dumped.files,
            restore_hint=_hint(dumped.files),
        )


def _expected(decision: Decision) -> int:
    """For the estimate of the time that is left only."""
    before = decision.newest.manifest.files if decision.newest else ()
    return max((file.plain_bytes for file in before), default=decision.database.bytes)


def _hint(files: Tuple[BackupFile, ...]) -> str:
    """How to get at it with stock programs, when this collection is gone."""
    dump, roles = files[0], files[-1]
    if dump.format == PACKED:
        restore = "tar -x -C NEW_DIRECTORY, then pg_restore --format=directory --jobs=4 --exit-on-error --dbname=NEW_EMPTY_DATABASE NEW_DIRECTORY"
    else:
        restore = "pg_restore --exit-on-error --dbname=NEW_EMPTY_DATABASE"
    decrypt = "age -d -i KEY_FILE {} | zstd -d" if dump.encryption else "zstd -dc {}"
    return f"{decrypt.format(roles.path)} | psql (roles first, once); {decrypt.format(dump.path)} | {restore}"
