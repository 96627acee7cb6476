# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a published backup, of whatever kind: the frame that decides what an outcome means."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Tuple

from .._core.backup_catalogue import Backup, Verification, timestamp
from .._core.backup_manifest import BackupFile, ManifestInvalid
from .._core.errors import OperationError
from .._core.rdb_errors import RdbInvalid
from .._core.restore_errors import ArchiveRejected, ArchiveUnreadable
from .._core.stack import Stack
from .archive_reader import ArchiveFile
from .backup_preflight import require_programs
from .backup_store import BackupStore
from .clock import utc_now
from .engine import Engine
from .progress_file import ProgressFile

PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"
WORK = ".tmp-work-"
# Verdicts on the backup itself; whatever else goes wrong says nothing about it.
_VERDICTS = (ArchiveRejected, ArchiveUnreadable, ManifestInvalid, RdbInvalid)


@dataclass(frozen=True)
class VerifySettings:
    """``timeout`` in seconds, for each restore and each reading. 0 bytes of memory sets no limit for the throwaway server."""

    identity_file: str = ""
    assertions: Tuple[str, ...] = ()
    timeout: float = 14400.0
    memory_bytes: int = 0


@dataclass
class Findings:
    """How far the proof came."""

    level: int = 0
    seconds: float = 0.0
    differences: Tuple[str, ...] = ()
    counted: Mapping[str, Any] = field(default_factory=dict)


class Unable(Exception):
    """The verifier itself cannot tell."""


class Verifier:
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
        found = Findings()
        try:
            with work_directory(store.directory(backup.manifest.subject)) as work:
                self._begin("checking hashes")
                damage = tuple(store.damaged_files(backup))
                found.differences = damage if damage or level == 0 else self._look(backup, level, work, found)
            outcome = FAILED if found.differences else PASSED
        except (Unable, OSError) as unable:
            outcome, found.differences = INCONCLUSIVE, (str(unable),)
        except OperationError as error:
            lacks_key = error.details.get("stage") == "age"
            outcome, found.differences = FAILED if isinstance(error, _VERDICTS) and not lacks_key else INCONCLUSIVE, (str(error),)
        return Verification(timestamp(utc_now()), found.level, outcome, self._image, found.seconds, found.differences, found.counted)

    def _look(self, backup: Backup, level: int, work: str, found: Findings) -> Tuple[str, ...]:
        """From level 1 on, level after level, to the first one that finds something."""
        raise NotImplementedError

    def _begin(self, phase: str, expected_bytes: Optional[int] = None) -> None:
        if self._progress:
            self._progress.begin(phase, expected_bytes)

    def _moved(self, size: int) -> None:
        if self._progress:
            self._progress.moved(size)

    def _archive(self, backup: Backup, file: BackupFile) -> ArchiveFile:
        return ArchiveFile.of_backup(backup.directory, file, self._settings.identity_file)


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
