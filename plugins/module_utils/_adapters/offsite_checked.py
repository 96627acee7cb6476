# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads sets at a remote and compares them with their manifests. Nothing is changed but the note beside the backup on this host."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .._core.backup_catalogue import Backup
from .._core.backup_errors import BackupMissing
from .._core.backup_manifest import ManifestInvalid
from .._core.offsite import RemoteSet, candidates
from .._core.offsite_errors import OffsiteDamaged
from .._core.offsite_report import FAILED, PASSED, SetRow, offsite_facts
from .._core.plan import Plan, facts_only
from .backup_files import files_of, now_naive
from .backup_notes import write_offsite_copy
from .backup_store import BackupStore
from .journal import journal
from .offsite_context import OffsiteContext
from .offsite_reader import RemoteReader
from .progress_file import ProgressFile


class OffsiteChecked:
    def __init__(self, context: OffsiteContext) -> None:
        self._context = context
        self._request = context.request

    def plan(self) -> Plan:
        self._context.remote.open()
        chosen = candidates(self._context.remote.sets(), self._request.backups, self._request.about)
        self._chosen = [one for own in chosen for one in (_one_of_each(own) if self._request.every else own[:1])]
        if not self._chosen:
            raise BackupMissing(f"{self._context.shown} has no backup of stack {self._context.stack.name}.", hint="Copy some with state=present.")
        rows = [SetRow(one.service, one.subject, one.id, "", "", 0, "nothing") for one in self._chosen]
        return facts_only(offsite_facts(self._context.shown, rows))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        rows: List[SetRow] = []
        with files_of(self._request.backup_dir):
            for one in self._chosen:
                rows.append(self._check(one))
        facts = offsite_facts(self._context.shown, rows)
        bad = [row for row in rows if row.outcome == FAILED]
        if bad:
            told = " ".join(f"{row.service}/{row.subject} {row.id}: {'; '.join(row.problems)}." for row in bad)
            raise OffsiteDamaged(
                f"{len(bad)} of {len(rows)} sets at {self._context.shown} are not what their manifests say. {told}",
                hint="They do not count as off-site any more. Move away what is wrong there, and copy them again.",
                **facts,
            )
        return facts

    def _check(self, one: RemoteSet) -> SetRow:
        stack, known = self._context.stack, self._known(one)
        with ProgressFile(stack, "offsite", one.subject) as progress:
            progress.begin(f"checking {one.id}", known.manifest.bytes if known else None)
            reader = RemoteReader(self._context.remote, stack.name, progress.moved)
            found = reader.read(one, known, self._request.data_percent)
        problems, manifest = found.problems, known.manifest if known else found.manifest
        if known and (problems or self._request.data_percent == 100 or known.copy_at(self._context.key)):
            write_offsite_copy(known.directory, self._context.note(problems))
        facts = {"service": one.service, "subject": one.subject, "id": one.id, "remote": self._context.shown, "outcome": FAILED if problems else PASSED}
        journal(stack, now_naive(), "backup_offsite_checked", **facts, bytes=found.read_bytes)
        more: Dict[str, Any] = {
            "outcome": facts["outcome"],
            "read_bytes": found.read_bytes,
            "problems": problems,
            "directory": known.directory if known else "",
        }
        return SetRow.of(manifest, "checked", **more) if manifest else SetRow(one.service, one.subject, one.id, "", "", 0, "checked", **more)

    def _known(self, one: RemoteSet) -> Optional[Backup]:
        """The same backup on this host; None when it is not there, or not to be trusted."""
        store = BackupStore(self._request.backup_dir, self._context.stack.name, one.service)
        try:
            return store.read(f"{store.directory(one.subject)}/{one.id}")
        except ManifestInvalid:
            return None


def _one_of_each(own: List[RemoteSet]) -> List[RemoteSet]:
    """The newest copy of each backup: with restic there may be several."""
    found: Dict[str, RemoteSet] = {}
    for one in own:
        found.setdefault(one.id, one)
    return list(found.values())
