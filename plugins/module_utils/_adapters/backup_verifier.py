# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a published backup, up to restoring it into a throwaway server and comparing everything with the manifest."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple

from .._core.backup_catalogue import RESTORED_AND_COMPARED, Backup, Verification, timestamp
from .._core.backup_manifest import BackupFile, ManifestInvalid
from .._core.database_content import DatabaseContent, differences
from .._core.database_properties import DatabaseProperties
from .._core.errors import OperationError
from .._core.helper_container import HelperTask, Mount
from .._core.restore_errors import ArchiveRejected, ArchiveUnreadable
from .._core.stack import Stack
from .archive_reader import ArchiveFile
from .archive_restore import CUSTOM, ArchiveInput, ArchiveRestore, RestoreSettings, read_whole
from .backup_preflight import require_programs
from .backup_store import BackupStore
from .clock import utc_now
from .database_maker import create_database, create_roles, missing_roles
from .directory_stream import DIRECTORY
from .engine import Engine
from .helper_container import HelperContainer
from .postgres_content import Summing, capture_content
from .postgres_dump import Server
from .postgres_scratch import ScratchServer, ScratchSettings, is_inconclusive
from .progress_file import ProgressFile
from .restored_copy import damaged_indexes, failed_assertions, missing_extensions
from .shadow_database import jobs_or_default

PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"
WORK = ".tmp-work-"
_COPY = "restored"
_SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ READ ONLY"


@dataclass(frozen=True)
class VerifySettings:
    """``timeout`` in seconds, for each restore and each reading. 0 bytes of memory sets no limit for the throwaway server."""

    identity_file: str = ""
    assertions: Tuple[str, ...] = ()
    timeout: float = 14400.0
    memory_bytes: int = 0


@dataclass
class _Findings:
    """How far the proof came."""

    level: int = 0
    seconds: float = 0.0
    differences: Tuple[str, ...] = ()


class _Unable(Exception):
    """The verifier itself cannot tell."""


class BackupVerifier:
    """Verifies backups with one image. To be called while ``store.working_on`` the subject of the backup."""

    def __init__(self, stack: Stack, engine: Engine, image: str, settings: VerifySettings, progress: Optional[ProgressFile] = None) -> None:
        self._stack = stack
        self._engine = engine
        self._image = image
        self._settings = settings
        self._progress = progress

    def verify(self, store: BackupStore, backup: Backup, level: int) -> Verification:
        """Levels as ``Verification`` counts them. What the verifier lacks makes it inconclusive, never failed."""
        require_programs(program for file in backup.manifest.files for program in self._archive(backup, file).programs)
        found = _Findings()
        try:
            with work_directory(store.directory(backup.manifest.subject)) as work:
                found.differences = self._look(store, backup, level, work, found)
            outcome = FAILED if found.differences else PASSED
        except (_Unable, OSError) as unable:
            outcome, found.differences = INCONCLUSIVE, (str(unable),)
        except (ArchiveRejected, ArchiveUnreadable, ManifestInvalid) as error:
            lacks_key = error.details.get("stage") == "age"
            outcome, found.differences = INCONCLUSIVE if lacks_key else FAILED, (str(error),)
        except OperationError as error:
            outcome, found.differences = INCONCLUSIVE, (str(error),)
        return Verification(timestamp(utc_now()), found.level, outcome, self._image, found.seconds, found.differences)

    def _look(self, store: BackupStore, backup: Backup, level: int, work: str, found: _Findings) -> Tuple[str, ...]:
        """Level after level, to the first one that finds something."""
        self._begin("checking hashes")
        damage = store.damaged_files(backup)
        if damage or level == 0:
            return tuple(damage)
        found.level = 1
        restored = main_file(backup) if level > 1 else None  # the restore reads that one, to its end
        for file in backup.manifest.files:
            if file is not restored:
                self._begin(f"reading {file.path}", file.plain_bytes)
                archive = ArchiveInput(self._archive(backup, file), file.format)
                read_whole(self._offline_helper, archive, work, self._settings.timeout)
        return self._restored(backup, level, work, found) if level > 1 else ()

    def _restored(self, backup: Backup, level: int, work: str, found: _Findings) -> Tuple[str, ...]:
        bootstrap = backup.manifest.source.get("bootstrap_role") or "postgres"
        settings = ScratchSettings(work, str(bootstrap), self._settings.memory_bytes)
        self._begin("starting a throwaway server")
        with ScratchServer(self._stack, self._engine, self._image, settings) as scratch:
            try:
                return tuple(self._copy(scratch.server, backup, level, work, found))
            except OperationError as error:
                cause = is_inconclusive(error, scratch)
                if cause:
                    raise _Unable(cause) from error
                raise

    def _copy(self, server: Server, backup: Backup, level: int, work: str, found: _Findings) -> List[str]:
        expected = DatabaseContent.from_dict(backup.manifest.content)
        properties = DatabaseProperties.from_source(backup.manifest.source)
        found.level, began = 2, time.monotonic()
        with server.maintenance("verify") as session:
            lacking = missing_extensions(session, expected.extensions)
            wanted = {*expected.roles, *properties.roles}
            unknown = missing_roles(session, (role for role in wanted if role.startswith("pg_")))
            if lacking or unknown:
                raise _Unable("; ".join([f"the image has no extension {name}" for name in lacking] + [f"the image has no role {name}" for name in unknown]))
            create_roles(session, wanted)
            create_database(session, _COPY, properties)
        settings = RestoreSettings(work, "verify", jobs_or_default(0), self._settings.timeout, keep_tablespaces=False)
        restore = ArchiveRestore(server, settings, self._moved)
        main = main_file(backup)
        self._begin("restoring into a throwaway server", main.plain_bytes)
        restore.run(ArchiveInput(self._archive(backup, main), main.format), _COPY)
        found.seconds = round(time.monotonic() - began, 3)
        return self._compared(server, expected, level, found) if level >= RESTORED_AND_COMPARED else []

    def _compared(self, server: Server, expected: DatabaseContent, level: int, found: _Findings) -> List[str]:
        found.level = RESTORED_AND_COMPARED
        self._begin("comparing")
        with server.session(_COPY, "verify", statement_seconds=0) as session:
            with session.transaction(_SNAPSHOT):
                copied = capture_content(session, Summing(named=expected.summed_tables))
            said = differences(expected, copied) + damaged_indexes(session)
        if not said and level > RESTORED_AND_COMPARED:
            found.level = level
            with server.session(_COPY, "verify", statement_seconds=self._settings.timeout) as session:
                said = failed_assertions(session, self._settings.assertions)
        return said

    def _begin(self, phase: str, expected_bytes: Optional[int] = None) -> None:
        if self._progress:
            self._progress.begin(phase, expected_bytes)

    def _moved(self, size: int) -> None:
        if self._progress:
            self._progress.moved(size)

    def _archive(self, backup: Backup, file: BackupFile) -> ArchiveFile:
        return ArchiveFile.of_backup(backup.directory, file, self._settings.identity_file)

    def _offline_helper(self, argv: List[str], mount: Mount) -> HelperContainer:
        return HelperContainer(self._engine, self._stack.name, self._image, HelperTask("read", tuple(argv), mounts=(mount,)))


def main_file(backup: Backup) -> BackupFile:
    """The archive itself, not the roles beside it; raises ManifestInvalid when there is none."""
    for file in backup.manifest.files:
        if file.format in (CUSTOM, DIRECTORY):
            return file
    raise ManifestInvalid(f"Backup {backup.id} holds no archive of pg_dump.", hint="Choose another backup.", backup=backup.id)


@contextlib.contextmanager
def work_directory(parent: str, name: str = "") -> Iterator[str]:
    """Private, gone afterwards; what a killed process leaves is removed by the next backup of the subject."""
    path = os.path.join(parent, f"{WORK}{name or secrets.token_hex(4)}")
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path, 0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
