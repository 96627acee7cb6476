# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backs up files of a stack, its configuration or all of its application, proves such a backup, or brings it back."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Tuple

from ..._core.backup_catalogue import VERIFIED, Backup, latest
from ..._core.backup_request import choose_backup
from ..._core.errors import BadInput
from ..._core.files_request import APPLICATION, PRESENT, PROVEN, SAFETY, SAME, FilesRequest
from ..._core.plan import Plan, Step
from ..._core.stack import Stack
from ..archive_writer import COMPRESS
from ..backup_files import files_of, now_naive
from ..backup_preflight import existing, require_encryption, require_programs, require_space
from ..compose_cli import project_files
from ..file_backups import FileBackups, Host
from ..file_tree import FileTree
from ..files_restoration import FilesRestoration
from ..progress_file import ProgressFile

# Of the size of files that are not compressed yet.
_COMPRESSED = 0.6


class BackupFiles:
    def __init__(self, stack: Stack, request: FilesRequest, host: Host) -> None:
        self._stack = stack
        self._request = request
        self._host = host
        self._backups = FileBackups(stack, request)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "BackupFiles":
        stack = Stack.from_params(params)
        return cls(stack, FilesRequest.from_params(params, stack), host)

    def plan(self) -> Plan:
        request = self._request
        require_programs([COMPRESS[0], *(["age"] if request.recipients or request.identity_file else [])])
        require_encryption(request.recipients, request.identity_file)
        with files_of(request.backup_dir):
            known = self._known()
            if request.state == PRESENT:
                return self._plan_backup(known)
            if request.state == PROVEN:
                return self._plan_proof(choose_backup(known, request.name, request.backup))
            self._restoration = FilesRestoration(self._stack, request, self._backups)
            return self._restoration.plan(known)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        name, store = self._request.name, self._backups.store
        with files_of(self._request.backup_dir), store.working_on(name), ProgressFile(self._stack, "backup", name) as progress:
            if self._request.state == PRESENT:
                return self._back_up(progress)
            store.sweep(name)
            if self._request.state == PROVEN:
                return {"backup": row(self._backups.prove(self._chosen, progress))}
            return self._restoration.apply(progress)

    def _plan_backup(self, known: List[Backup]) -> Plan:
        request = self._request
        # What was made to undo a restore holds only what that replaced, and is never what restored takes by itself.
        counted = [one for one in known if one.manifest.purpose != SAFETY or request.purpose == SAFETY]
        newest = latest(counted, request.name, VERIFIED)
        if newest and request.min_age and (now_naive() - newest.manifest.created).total_seconds() < request.min_age:
            return _enough(newest)
        self._tree = FileTree(request.root, request.paths or self._declared(), (*request.excludes, *self._own_directories()))
        missing = self._tree.missing()
        if missing:
            raise BadInput(f"{', '.join(missing)} is not there.", hint="Correct paths: what is declared has to be saved.", missing=missing)
        if newest and request.reuse == SAME and self._backups.is_still(newest, self._tree):
            return _enough(newest)
        size = self._tree.bytes()
        require_space(request.backup_dir, round(size * _COMPRESSED), request.floor_bytes)
        if os.stat(existing(request.backup_dir)).st_dev == os.stat(self._tree.paths[0]).st_dev:
            self._host.warn(f"{request.backup_dir} is on the disk of the files: a disk that dies takes both. Copy the backups elsewhere (backup_copy).")
        step = Step("back_up", request.name, f"about {size} bytes of files")
        return Plan({"latest": newest.id if newest else None}, {"latest": "new"}, (step,), _facts())

    def _plan_proof(self, backup: Backup) -> Plan:
        self._chosen = backup
        step = Step("verify", backup.id, "every file in it")
        return Plan({backup.id: backup.state}, {backup.id: "verified"}, (step,), _facts(backup=row(backup)))

    def _back_up(self, progress: ProgressFile) -> Dict[str, Any]:
        made = self._backups.make(self._tree, self._request.purpose, progress)
        for name in made.packed.skipped[:10]:
            self._host.warn(f"{name} is neither file, directory nor link, and is not in the backup.")
        for name in made.packed.unstable[:10]:
            self._host.warn(f"{name} changed while it was read: what the backup has of it may be neither before nor after.")
        return {"backup": {**row(self._backups.prove(made.backup, progress)), "made": True, "seconds": made.seconds}}

    def _known(self) -> List[Backup]:
        backups, unreadable = self._backups.store.all()
        for one in unreadable:
            self._host.warn(f"{one.directory} is not counted as a backup: {one.cause}")
        return backups

    def _declared(self) -> Tuple[str, ...]:
        """What makes the configuration of a stack where nothing else is named: its env file and its compose files."""
        env = [self._stack.env_path] if os.path.exists(self._stack.env_path) else []
        return tuple(dict.fromkeys(os.path.normpath(path) for path in [*env, *project_files(self._stack)]))

    def _own_directories(self) -> List[str]:
        """The backups themselves are not part of the application, wherever they lie."""
        if self._request.kind != APPLICATION:
            return []
        below = [self._request.relative(os.path.normpath(path)) for path in (self._request.backup_dir, self._stack.state_dir)]
        return [name for name in below if "/" in name and not name.startswith("..")]


def _enough(backup: Backup) -> Plan:
    return Plan({"latest": backup.id}, {"latest": backup.id}, facts=_facts(backup=row(backup)))


def row(backup: Backup) -> Dict[str, Any]:
    content = backup.manifest.content
    return {**backup.to_dict(now_naive()), "made": False, "seconds": 0.0, **{name: content.get(name) for name in ("members", "skipped", "unstable")}}


def _facts(**facts: Any) -> Dict[str, Any]:
    return {"backup": None, "changes": [], "previous": None, **facts}
