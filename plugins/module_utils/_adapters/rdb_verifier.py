# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a published snapshot, up to loading it into a throwaway server and counting what is there."""

from __future__ import annotations

import time
from typing import List, Optional, Tuple

from .._core.backup_catalogue import RESTORED_AND_COMPARED, Backup, Verification
from .._core.backup_manifest import BackupFile, ManifestInvalid
from .._core.backup_request import BackupRequest
from .._core.helper_container import Mount
from .._core.rdb_content import FORMAT, RdbContent, missing_after_load
from .._core.redis_key_groups import Grouping, KeyCounter, KeyGroups
from .._core.stack import Stack
from .backup_proof import Prove
from .backup_store import BackupStore
from .progress_file import ProgressFile
from .rdb_file import COPY, INSIDE, inspect_on_host, unpacked
from .redis_key_counting import count_snapshot
from .redis_scratch import RedisScratch, ScratchTask
from .redis_server import RedisServer
from .verifier import Findings, Unable, Verifier, VerifySettings


class RdbVerifier(Verifier):
    """With the image and the modules that the service runs now. What nobody has counted yet is counted by ``grouping``."""

    def __init__(self, stack: Stack, server: RedisServer, settings: VerifySettings, grouping: Grouping, progress: Optional[ProgressFile] = None) -> None:
        super().__init__(stack, server.engine, server.service.container.image_id, settings, progress)
        self._grouping = grouping
        self._server = server
        self._helpers = server.helpers()

    def _look(self, backup: Backup, level: int, work: str, found: Findings) -> Tuple[str, ...]:
        found.level = 1
        file, expected = rdb_file(backup), RdbContent.from_dict(backup.manifest.content)
        self._begin(f"reading {file.path}", file.plain_bytes)
        path = unpacked(self._archive(backup, file), work, self._moved)
        self._begin("checking")
        summary = inspect_on_host(self._helpers, path, self._settings.timeout)
        said = _differences(expected, RdbContent.of(summary, expected.modules))
        earlier = KeyGroups.from_dict(backup.counted)
        return tuple(said if said or level == 1 else self._loaded(expected, earlier, (level, work), found))

    def _loaded(self, expected: RdbContent, earlier: Optional[KeyGroups], asked: Tuple[int, str], found: Findings) -> List[str]:
        level, work = asked
        there = self._server.modules() if expected.modules else {}
        lacking = sorted(set(expected.modules) - set(there))
        if lacking:
            raise Unable(f"the server has not loaded the module {', '.join(lacking)}")
        found.level, began = 2, time.monotonic()
        self._begin("loading into a throwaway server")
        modules = tuple(there[name] for name in expected.modules if there[name])
        mounts = (Mount(f"{work}/{COPY}", f"{INSIDE}/{COPY}"),)
        with RedisScratch(self._helpers, ScratchTask(work, INSIDE, COPY, mounts, modules=modules, timeout=self._settings.timeout)) as scratch:
            loaded = scratch.loaded()
            found.seconds = round(time.monotonic() - began, 3)
            if level < RESTORED_AND_COMPARED:
                return []
            found.level = RESTORED_AND_COMPARED
            return missing_after_load(expected, loaded) + self._counted(scratch, earlier, found)

    def _counted(self, scratch: RedisScratch, earlier: Optional[KeyGroups], found: Findings) -> List[str]:
        """Compared with what was counted before; what is counted for the first time is kept."""
        self._begin("counting keys by prefix")
        counter = KeyCounter.like(earlier) if earlier else KeyCounter(self._grouping)
        with scratch.session() as session:
            groups = count_snapshot(session, counter)
        if groups and earlier:
            return earlier.missing_from(groups)
        found.counted = groups.to_dict() if groups else {}
        return []


def prove_snapshot(stack: Stack, server: RedisServer, request: BackupRequest, grouping: Grouping) -> Prove:
    """Proves backups as far as the request says."""

    def prove(store: BackupStore, backup: Backup, progress: ProgressFile) -> Verification:
        settings = VerifySettings(request.identity_file, (), request.timeout)
        return RdbVerifier(stack, server, settings, grouping, progress).verify(store, backup, request.wanted_level)

    return prove


def rdb_file(backup: Backup) -> BackupFile:
    for file in backup.manifest.files:
        if file.format == FORMAT:
            return file
    raise ManifestInvalid(f"Backup {backup.id} holds no snapshot of Redis.", hint="Choose another backup.", backup=backup.id)


def _differences(expected: RdbContent, found: RdbContent) -> List[str]:
    """The file is what its hash says; then a manifest that says something else is of another one."""
    said = []
    if found.databases != expected.databases:
        said.append(f"it holds {found.to_dict()['databases']}, the manifest says {expected.to_dict()['databases']}")
    if found.rdb_version != expected.rdb_version:
        said.append(f"it has the version {found.rdb_version} of the format, the manifest says {expected.rdb_version}")
    return said
