# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of what is about to be exchanged."""

from __future__ import annotations

import secrets

from .._core.backup_errors import BackupUnverified
from .._core.backup_manifest import new_id
from .._core.restore_request import REPLACE, RestoreRequest
from .._core.stack import Stack
from .backup_maker import BackupMaker, now_naive
from .backup_store import BackupStore
from .backup_verifier import prove_database
from .postgres_dump import Server
from .postgres_source import describe_server
from .progress_file import ProgressFile
from .safety_decision import SafetyDecision, safety_request


class SafetyBackup(SafetyDecision):
    """Of one database. With mode=replace it is always a new one, restored to prove it: nothing else will have the old content."""

    def __init__(self, stack: Stack, server: Server, restore: RestoreRequest) -> None:
        replaces = restore.mode == REPLACE
        min_age, verify = (0, "restore") if replaces else (restore.safety_max_age, "none")
        super().__init__(safety_request(restore, restore.database, min_age, verify))
        self._stack = stack
        self._server = server
        self._store = BackupStore(restore.backup_dir, stack.name, server.service.access.service)

    def take(self, progress: ProgressFile) -> str:
        """The id, of a new backup unless one was young enough. To be called while ``store.working_on`` the database."""
        if self.kept is not None:
            return self.kept
        with self._server.maintenance("safety backup") as session:
            described = describe_server(session, self._server.service)
        set_id = new_id(now_naive(), 0, secrets.randbits(16))
        backup = BackupMaker(self._stack, self._server, self.request, described, set_id).make(self.taken, progress).backup
        if self.request.wanted_level:
            found = prove_database(self._stack, self._server, self.request)(self._store, backup, progress)
            self._store.add_verification(backup, found)
            if found.outcome != "passed":
                raise BackupUnverified(
                    f"The safety backup {backup.id} could not be proven: {'; '.join(found.differences[:3])}.",
                    hint="Nothing was given up. Look at the verifier's report beside it.",
                    backup=backup.id,
                )
        return backup.id
