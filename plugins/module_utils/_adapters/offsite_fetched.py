# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings backups back from a remote, perhaps to a host that has nothing else: every byte is compared before anything is visible."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Tuple

from .._core.backup_catalogue import VERIFIED, Backup
from .._core.backup_errors import BackupMissing
from .._core.backup_manifest import MANIFEST, ManifestInvalid
from .._core.errors import BadInput
from .._core.offsite import RemoteSet, candidates
from .._core.offsite_errors import OffsiteDamaged, OffsiteFailed
from .._core.offsite_report import PASSED, SetRow, offsite_facts
from .._core.plan import Plan, Step
from .backup_files import files_of, now_naive
from .backup_notes import verification_files, write_offsite_copy
from .backup_preflight import require_space
from .backup_store import BackupStore
from .files import write_atomically
from .journal import journal
from .offsite_context import OffsiteContext
from .offsite_reader import RemoteReader
from .progress_file import ProgressFile


class OffsiteFetched:
    def __init__(self, context: OffsiteContext) -> None:
        self._context = context
        self._request = context.request
        self._reader = RemoteReader(context.remote, context.stack.name, lambda size: None)

    def plan(self) -> Plan:
        request = self._request
        self._context.remote.open()
        own = candidates(self._context.remote.sets(), request.backups, request.about)
        chosen = [pair for sets in own for pair in self._choose(sets)]
        if not chosen:
            raise BackupMissing(
                f"{self._context.shown} has no {request.required_state if not request.backups else 'such'} backup of stack {self._context.stack.name}.",
                hint="Name one in backups, or accept what was not verified with required_state=dumped.",
            )
        with files_of(request.backup_dir):
            self._present = {backup.id: self._local(one, backup) for one, backup in chosen}
        self._missing = [(one, backup) for one, backup in chosen if self._present[backup.id] is None]
        require_space(request.backup_dir, sum(backup.manifest.bytes for _one, backup in self._missing), request.floor_bytes if self._missing else 0)
        rows = [SetRow.of(there.manifest, "nothing", directory=there.directory) for there in self._present.values() if there]
        steps = tuple(Step("fetch", backup.id, f"{one.service}/{one.subject}") for one, backup in self._missing)
        before = {backup.id: "here" if self._present[backup.id] else "absent" for _one, backup in chosen}
        return Plan(before, {name: "here" for name in before}, steps, offsite_facts(self._context.shown, rows))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        rows = [SetRow.of(there.manifest, "nothing", directory=there.directory) for there in self._present.values() if there]
        with files_of(self._request.backup_dir), self._context.alone():
            rows += [self._fetch(one, backup) for one, backup in self._missing]
        return offsite_facts(self._context.shown, rows)

    def _choose(self, sets: List[RemoteSet]) -> List[Tuple[RemoteSet, Backup]]:
        """Named ones whatever their state, else the newest that counts, or all of them. One that cannot be read is passed over, and said."""
        found: Dict[str, Tuple[RemoteSet, Backup]] = {}
        for one in sets:
            if one.id in found or (self._needs_proof and not one.proven):
                continue
            try:
                backup = self._reader.peek(one)
            except (OffsiteDamaged, OffsiteFailed) as error:
                self._context.host.warn(f"{one.service}/{one.subject} {one.id} is passed over: {error}")
                continue
            if not self._needs_proof or self._context.remote.vouches or backup.state == VERIFIED:
                found[one.id] = (one, backup)
                if not self._request.every:
                    break
        return list(found.values())

    @property
    def _needs_proof(self) -> bool:
        return not self._request.backups and self._request.required_state == VERIFIED

    def _fetch(self, one: RemoteSet, backup: Backup) -> SetRow:
        store = self._store(one)
        with store.working_on(one.subject), ProgressFile(self._context.stack, "offsite", one.subject) as progress:
            progress.begin(f"fetching {one.id}", backup.manifest.bytes)
            temporary = store.begin(one.subject, one.id)
            reader = RemoteReader(self._context.remote, self._context.stack.name, progress.moved)
            try:
                found = reader.read(one, into=temporary)
                if found.problems or found.manifest is None:
                    raise _not_whole(one, found.problems)
                manifest = found.manifest
                _keep_only(temporary, [file.path for file in manifest.files])
                for name in verification_files(list(found.notes)):
                    write_atomically(os.path.join(temporary, name), found.notes[name], 0o400)
                write_offsite_copy(temporary, self._context.note([]))
                published = store.publish(temporary, manifest, found.notes[MANIFEST])
            except BaseException:
                store.abandon(temporary)
                raise
        facts = {"service": one.service, "subject": one.subject, "id": one.id, "bytes": manifest.bytes, "remote": self._context.shown}
        journal(self._context.stack, now_naive(), "backup_fetched", **facts)
        return SetRow.of(manifest, "fetched", outcome=PASSED, read_bytes=manifest.bytes, directory=published)

    def _local(self, one: RemoteSet, wanted: Backup) -> Optional[Backup]:
        """The same backup on this host. One that is there and is not whole is in the way, and a person has to decide about it."""
        store = self._store(one)
        path = os.path.join(store.directory(one.subject), one.id)
        if not os.path.lexists(path):
            return None
        try:
            there = store.read(path)
            whole = not there.damage and there.manifest == wanted.manifest
        except ManifestInvalid:
            whole = False
        if not whole:
            raise BadInput(
                f"{path} is there, and is not what the remote has under this id. Nothing was fetched.",
                hint="Move it away, or fetch into another backup_dir.",
                directory=path,
            )
        return there

    def _store(self, one: RemoteSet) -> BackupStore:
        return BackupStore(self._request.backup_dir, self._context.stack.name, one.service)


def _keep_only(directory: str, names: List[str]) -> None:
    """What the manifest does not name is not part of the backup."""
    for name in set(os.listdir(directory)) - set(names):
        os.unlink(os.path.join(directory, name))


def _not_whole(one: RemoteSet, problems: List[str]) -> OffsiteDamaged:
    return OffsiteDamaged(
        f"Backup {one.id} of {one.service}/{one.subject} cannot be fetched: {'; '.join(problems)}. Nothing of it was published.",
        hint="Choose another backup.",
        backup=one.id,
        problems=problems,
    )
