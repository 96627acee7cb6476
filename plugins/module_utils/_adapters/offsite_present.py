# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies backups elsewhere; each counts as off-site once it was read back from there."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from .._core.backup_catalogue import Backup
from .._core.backup_errors import BackupMissing
from .._core.errors import OperationError
from .._core.offsite import ADD_PROOF, COPY, NOTHING, READ_BACK, RemoteSet, require_encrypted, step_for, wanted_backups
from .._core.offsite_errors import OffsiteDamaged, OffsiteFailed
from .._core.offsite_report import FAILED, PASSED, SetRow, offsite_facts
from .._core.offsite_request import RCLONE, RESTIC
from .._core.plan import Plan, Step
from .backup_files import files_of, now_naive
from .backup_notes import write_offsite_copy
from .backup_store import BackupStore, services_of
from .journal import journal
from .offsite_context import OffsiteContext
from .offsite_reader import RemoteReader
from .offsite_remote import all_names, missing_locally
from .progress_file import ProgressFile

_DONE = {COPY: "copied", READ_BACK: "read_back", ADD_PROOF: "proof_added", NOTHING: "nothing"}


class OffsitePresent:
    def __init__(self, context: OffsiteContext) -> None:
        self._context = context
        self._request = context.request

    def plan(self) -> Plan:
        request = self._request
        with files_of(request.backup_dir):
            wanted, self._without = wanted_backups(self._local(), request.backups, request.every, request.required_state)
        if request.tool == RCLONE and not request.accept_unencrypted:
            require_encrypted(wanted)
        self._context.remote.open()
        there = self._context.remote.sets()
        self._steps = [(step_for(backup, there, self._context.key), backup) for backup in wanted]
        steps = tuple(Step(action, backup.id, _name(backup)) for action, backup in self._steps if action)
        rows = [SetRow.of(backup.manifest, "nothing", outcome=PASSED, directory=backup.directory) for action, backup in self._steps if not action]
        before = {_name(one): sorted(row.id for row in there if row.subject_key == (one.manifest.service, one.manifest.subject)) for one in wanted}
        added = {name: [one.id for action, one in self._steps if action == COPY and _name(one) == name] for name in before}
        plan = Plan(before, {name: sorted({*before[name], *added[name]}) for name in before}, steps, offsite_facts(self._context.shown, rows))
        if self._without and (self._context.host.check_mode or not plan.changed):
            raise self._failed(rows, [])
        return plan

    def apply(self, plan: Plan) -> Dict[str, Any]:
        """One set that fails does not keep the others from being copied; a remote that is gone does."""
        rows: List[SetRow] = []
        failures: List[Tuple[str, OperationError]] = []
        if plan.changed:
            with files_of(self._request.backup_dir), self._context.alone():
                for action, backup in self._steps:
                    try:
                        rows.append(self._do(action, backup))
                    except OffsiteFailed as error:
                        self._context.remote.open()
                        failures.append((f"{_name(backup)} {backup.id}", error))
        else:
            return {}
        if self._without or failures or any(row.outcome == FAILED for row in rows):
            raise self._failed(rows, failures)
        return offsite_facts(self._context.shown, rows)

    def _do(self, action: str, backup: Backup) -> SetRow:
        if action == NOTHING:
            return SetRow.of(backup.manifest, "nothing", outcome=PASSED, directory=backup.directory)
        with ProgressFile(self._context.stack, "offsite", backup.manifest.subject) as progress:
            if action in (COPY, ADD_PROOF):
                return self._read_back(_DONE[action], backup, self._send(backup, progress), progress)
            there = next(one for one in self._context.remote.sets() if one.id == backup.id and _name_of(one) == _name(backup))
            row = self._read_back(_DONE[action], backup, there, progress)
            if row.outcome == FAILED and self._request.tool == RESTIC:
                # A snapshot is only ever added; the newest one counts.
                row = self._read_back("copied", backup, self._send(backup, progress), progress)
        return row

    def _send(self, backup: Backup, progress: ProgressFile) -> RemoteSet:
        missing = missing_locally(backup, all_names(backup))
        if missing:
            raise OffsiteFailed(f"{backup.id} was not sent: {', '.join(missing)} is not there any more.", hint="Look at this backup.", backup=backup.id)
        progress.begin(f"sending {backup.id}", backup.manifest.bytes)
        return self._context.remote.send(self._request.backup_dir, backup, progress.moved)

    def _read_back(self, done: str, backup: Backup, one: RemoteSet, progress: ProgressFile) -> SetRow:
        """All of it: nothing less makes it a copy that counts."""
        progress.begin(f"reading back {backup.id}", backup.manifest.bytes)
        found = RemoteReader(self._context.remote, self._context.stack.name, progress.moved).read(one, backup)
        write_offsite_copy(backup.directory, self._context.note(found.problems))
        facts = {"service": backup.manifest.service, "subject": backup.manifest.subject, "id": backup.id, "remote": self._context.shown}
        outcome = FAILED if found.problems else PASSED
        journal(self._context.stack, now_naive(), "backup_copied", **facts, outcome=outcome, tool=self._request.tool)
        return SetRow.of(backup.manifest, done, outcome=outcome, read_bytes=found.read_bytes, directory=backup.directory, problems=found.problems)

    def _local(self) -> List[Backup]:
        request, found = self._request, []
        for service in request.services or services_of(request.backup_dir, self._context.stack.name):
            backups, unreadable = BackupStore(request.backup_dir, self._context.stack.name, service).all()
            for one in unreadable:
                self._context.host.warn(f"{one.directory} is not copied: {one.cause}")
            found += [backup for backup in backups if not request.subjects or backup.manifest.subject in request.subjects]
        if not found:
            raise BackupMissing(f"Stack {self._context.stack.name} has no backup here that could be copied.", hint="Make one: playbooks/backup/create.yml.")
        return found

    def _failed(self, rows: List[SetRow], failures: List[Tuple[str, OperationError]]) -> OperationError:
        told = [(name, str(error)) for name, error in failures]
        told += [(name, f"it has no {self._request.required_state} backup") for name in self._without]
        bad = [f"{row.service}/{row.subject} {row.id}: {'; '.join(row.problems)}" for row in rows if row.outcome == FAILED]
        good = len([row for row in rows if row.outcome == PASSED])
        sentence = " ".join([*(f"{name}: {said.rstrip('.')}." for name, said in told), *(f"{one}." for one in bad)])
        kind = type(failures[0][1]) if failures else OffsiteDamaged if bad else BackupMissing
        hint = failures[0][1].hint if failures else _HINTS[kind]
        facts = offsite_facts(self._context.shown, rows, told)
        return kind(f"Not off-site: {sentence} Of the others, {good} are.", hint=hint, **facts)


_HINTS = {
    OffsiteDamaged: "It does not count as off-site. Look at the remote, move away what is wrong there, and run again.",
    BackupMissing: "Verify a backup first (playbooks/backup/restore_test.yml), or copy what is dumped with required_state=dumped.",
}


def _name(backup: Backup) -> str:
    return f"{backup.manifest.service}/{backup.manifest.subject}"


def _name_of(one: RemoteSet) -> str:
    return f"{one.service}/{one.subject}"
