# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a published backup, up to restoring it into a throwaway server and comparing everything with the manifest."""

from __future__ import annotations

import time
from typing import List, Tuple

from .._core.backup_catalogue import RESTORED_AND_COMPARED, Backup, Verification
from .._core.backup_manifest import BackupFile, ManifestInvalid
from .._core.backup_request import BackupRequest
from .._core.database_content import DatabaseContent, differences
from .._core.database_properties import DatabaseProperties
from .._core.errors import OperationError
from .._core.helper_container import HelperTask, Mount
from .._core.stack import Stack
from .archive_restore import CUSTOM, ArchiveInput, ArchiveRestore, RestoreSettings, read_whole
from .backup_proof import Prove
from .backup_store import BackupStore
from .database_maker import create_database, create_roles, missing_roles
from .directory_stream import DIRECTORY
from .helper_container import HelperContainer
from .postgres_content import Summing, capture_content
from .postgres_dump import Server
from .postgres_scratch import ScratchServer, ScratchSettings, is_inconclusive
from .progress_file import ProgressFile
from .restored_copy import damaged_indexes, failed_assertions, missing_extensions
from .shadow_database import jobs_or_default
from .verifier import Findings, Unable, Verifier, VerifySettings

_COPY = "restored"
_SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ READ ONLY"


class BackupVerifier(Verifier):
    """Of databases of Postgres."""

    def _look(self, backup: Backup, level: int, work: str, found: Findings) -> Tuple[str, ...]:
        found.level = 1
        restored = main_file(backup) if level > 1 else None  # the restore reads that one, to its end
        for file in backup.manifest.files:
            if file is not restored:
                self._begin(f"reading {file.path}", file.plain_bytes)
                archive = ArchiveInput(self._archive(backup, file), file.format)
                read_whole(self._offline_helper, archive, work, self._settings.timeout)
        return self._restored(backup, level, work, found) if level > 1 else ()

    def _restored(self, backup: Backup, level: int, work: str, found: Findings) -> Tuple[str, ...]:
        bootstrap = backup.manifest.source.get("bootstrap_role") or "postgres"
        settings = ScratchSettings(work, str(bootstrap), self._settings.memory_bytes)
        self._begin("starting a throwaway server")
        with ScratchServer(self._stack, self._engine, self._image, settings) as scratch:
            try:
                return tuple(self._copy(scratch.server, backup, level, work, found))
            except OperationError as error:
                cause = is_inconclusive(error, scratch)
                if cause:
                    raise Unable(cause) from error
                raise

    def _copy(self, server: Server, backup: Backup, level: int, work: str, found: Findings) -> List[str]:
        expected = DatabaseContent.from_dict(backup.manifest.content)
        properties = DatabaseProperties.from_source(backup.manifest.source)
        found.level, began = 2, time.monotonic()
        with server.maintenance("verify") as session:
            lacking = missing_extensions(session, expected.extensions)
            wanted = {*expected.roles, *properties.roles}
            unknown = missing_roles(session, (role for role in wanted if role.startswith("pg_")))
            if lacking or unknown:
                raise Unable("; ".join([f"the image has no extension {name}" for name in lacking] + [f"the image has no role {name}" for name in unknown]))
            create_roles(session, wanted)
            create_database(session, _COPY, properties)
        settings = RestoreSettings(work, "verify", jobs_or_default(0), self._settings.timeout, keep_tablespaces=False)
        restore = ArchiveRestore(server, settings, self._moved)
        main = main_file(backup)
        self._begin("restoring into a throwaway server", main.plain_bytes)
        restore.run(ArchiveInput(self._archive(backup, main), main.format), _COPY)
        found.seconds = round(time.monotonic() - began, 3)
        return self._compared(server, expected, level, found) if level >= RESTORED_AND_COMPARED else []

    def _compared(self, server: Server, expected: DatabaseContent, level: int, found: Findings) -> List[str]:
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

    def _offline_helper(self, argv: List[str], mount: Mount) -> HelperContainer:
        return HelperContainer(self._engine, self._stack.name, self._image, HelperTask("read", tuple(argv), mounts=(mount,)))


def prove_database(stack: Stack, server: Server, request: BackupRequest) -> Prove:
    """Proves backups as far as the request says, with the image that the service runs now."""

    def prove(store: BackupStore, backup: Backup, progress: ProgressFile) -> Verification:
        settings = VerifySettings(request.identity_file, request.assertions, request.timeout)
        verifier = BackupVerifier(stack, server.engine, server.service.container.image_id, settings, progress)
        return verifier.verify(store, backup, request.wanted_level)

    return prove


def main_file(backup: Backup) -> BackupFile:
    """The archive itself, not the roles beside it; raises ManifestInvalid when there is none."""
    for file in backup.manifest.files:
        if file.format in (CUSTOM, DIRECTORY):
            return file
    raise ManifestInvalid(f"Backup {backup.id} holds no archive of pg_dump.", hint="Choose another backup.", backup=backup.id)
