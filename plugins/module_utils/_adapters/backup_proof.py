# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves published backups as a request asks for it, and writes down what was found."""

from __future__ import annotations

from typing import Callable, List, Optional, Sequence

from .._core.backup_catalogue import Backup, Verification
from .._core.backup_errors import BackupUnverified
from .._core.backup_request import BackupRequest, DatabaseSize, Decision, choose_backup, decide
from .._core.errors import OperationError
from .._core.plan import Plan, Step
from .._core.stack import Stack
from .backup_files import files_of, now_naive
from .backup_store import BackupStore
from .journal import journal
from .progress_file import ProgressFile

Prove = Callable[[BackupStore, Backup, ProgressFile], Verification]


class Proofs:
    """Of one service. ``prove`` is what knows its kind of backup."""

    def __init__(self, stack: Stack, store: BackupStore, request: BackupRequest, prove: Prove) -> None:
        self._stack = stack
        self._store = store
        self._request = request
        self._prove = prove
        self.decisions: List[Decision] = []

    def plan(self, backups: Sequence[Backup]) -> Plan:
        """state=verified. One that passed within ``min_age`` is left alone."""
        request = self._request
        backup = choose_backup(backups, request.databases[0], request.backup)
        database = DatabaseSize(backup.manifest.subject, 0)
        proven: Optional[Backup] = decide([database], [backup], request, now_naive())[0].kept if request.min_age else None
        self.decisions = [Decision(database, proven, 0, backup, None)]
        if proven:
            return Plan(before={}, after={})
        before, after = {backup.id: backup.state}, {backup.id: f"level {request.wanted_level} proven"}
        return Plan(before, after, (Step("verify", backup.id, f"level {request.wanted_level}"),))

    def apply(self) -> Backup:
        """What was planned."""
        backup = self.decisions[0].newest
        if backup is None:  # never: the plan chose one
            raise OperationError("No backup was chosen.")
        subject = backup.manifest.subject
        with self._store.working_on(subject), ProgressFile(self._stack, "verify", subject) as progress:
            with files_of(self._request.backup_dir):
                self._store.sweep(subject)
            return self.of(backup, progress)

    def of(self, backup: Backup, progress: ProgressFile) -> Backup:
        """Raises BackupUnverified unless it passed; the backup stays, with what was found beside it."""
        found = self._prove(self._store, backup, progress)
        with files_of(self._request.backup_dir):
            self._store.add_verification(backup, found)
            backup = self._store.read(backup.directory)
        facts = {"id": backup.id, "level": found.level, "outcome": found.outcome, "seconds": found.seconds}
        journal(self._stack, now_naive(), "backup_verified", service=self._store.service, database=backup.manifest.subject, **facts)
        if found.outcome != "passed":
            raise _unproven(backup, found)
        return backup


def _unproven(backup: Backup, found: Verification) -> BackupUnverified:
    outcome = "is not what was dumped" if found.outcome == "failed" else "could not be verified to the end"
    return BackupUnverified(
        f"Backup {backup.id} of {backup.manifest.subject} {outcome}: {'; '.join(found.differences[:5]) or 'no reason was given'}.",
        hint="It is kept, and does not count as verified. Make another one; look at the verifier's report beside it.",
        backup=backup.id,
        outcome=found.outcome,
        level=found.level,
        differences=list(found.differences),
    )


def known_backups(store: BackupStore, warn: Callable[[str], None]) -> List[Backup]:
    """All of a service; people are told of what is not counted."""
    backups, unreadable = store.all()
    for one in unreadable:
        warn(f"{one.directory} is not counted as a backup: {one.cause}")
    return backups
