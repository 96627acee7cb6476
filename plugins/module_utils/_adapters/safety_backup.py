# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of what is about to be exchanged."""

from __future__ import annotations

import secrets
from typing import Sequence

from .._core.backup_catalogue import Backup
from .._core.backup_errors import BackupUnverified
from .._core.backup_manifest import new_id
from .._core.backup_request import MIB, BackupRequest, DatabaseSize, Decision, decide
from .._core.restore_plan import SAFETY
from .._core.restore_request import REPLACE, RestoreRequest
from .._core.stack import Stack
from .backup_maker import BackupMaker, now_naive
from .backup_preflight import programs_for, require_encryption, require_programs, require_space
from .backup_store import BackupStore
from .backup_verifier import prove_database
from .postgres_dump import Server
from .postgres_source import describe_server
from .progress_file import ProgressFile

_FLOOR_BYTES = 256 * MIB


class SafetyBackup:
    """Of one database. With mode=replace it is always a new one, restored to prove it: nothing else will have the old content."""

    def __init__(self, stack: Stack, server: Server, request: RestoreRequest) -> None:
        self._stack = stack
        self._server = server
        self._store = BackupStore(request.backup_dir, stack.name, server.service.access.service)
        self._request = BackupRequest(
            state="present",
            backup_dir=request.backup_dir,
            databases=(request.database,),
            purpose=SAFETY,
            min_age=0 if request.mode == REPLACE else request.safety_max_age,
            verify="restore" if request.mode == REPLACE else "none",
            timeout=request.timeout,
            floor_bytes=_FLOOR_BYTES,
            recipients=request.recipients,
            identity_file=request.identity_file,
        )
        self._decision: Decision

    def decide(self, size: int, backups: Sequence[Backup]) -> str:
        """``new``, or the id of one that is young enough. Raises for what a new one lacks."""
        request = self._request
        self._decision = decide([DatabaseSize(request.databases[0], size)], backups, request, now_naive())[0]
        if self._decision.kept:
            return self._decision.kept.id
        require_programs(programs_for(request.recipients, request.identity_file))
        require_encryption(request.recipients, request.identity_file)
        require_space(request.backup_dir, self._decision.estimate_bytes, request.floor_bytes)
        return "new"

    def take(self, progress: ProgressFile) -> str:
        """The id, of a new backup unless one was young enough. To be called while ``store.working_on`` the database."""
        if self._decision.kept:
            return self._decision.kept.id
        with self._server.maintenance("safety backup") as session:
            described = describe_server(session, self._server.service)
        set_id = new_id(now_naive(), 0, secrets.randbits(16))
        backup = BackupMaker(self._stack, self._server, self._request, described, set_id).make(self._decision, progress).backup
        if self._request.wanted_level:
            found = prove_database(self._stack, self._server, self._request)(self._store, backup, progress)
            self._store.add_verification(backup, found)
            if found.outcome != "passed":
                raise BackupUnverified(
                    f"The safety backup {backup.id} could not be proven: {'; '.join(found.differences[:3])}.",
                    hint="Nothing was given up. Look at the verifier's report beside it.",
                    backup=backup.id,
                )
        return backup.id
