# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings an archive of files back: in place, validated first and with what was there kept; or into a directory of its own."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from typing import IO, Any, Dict, List, Sequence, Tuple

from .._core.backup_catalogue import DAMAGED, VERIFIED, Backup, latest
from .._core.backup_errors import BackupMissing
from .._core.backup_request import choose_backup
from .._core.configuration import Configuration
from .._core.errors import BadInput, ProjectMissing
from .._core.file_members import FILE, Member, chosen_members, member_differences
from .._core.files_request import SAFETY, FilesRequest
from .._core.plan import Plan, Step
from .._core.redaction import fingerprint
from .._core.restore_errors import ArchiveUnreadable
from .._core.stack import Stack
from .backup_files import now_naive
from .backup_preflight import require_space
from .candidate import render
from .compose_cli import project_files
from .file_backups import FileBackups
from .file_restore import Placed, all_or_none, compared, unpack_into
from .file_tree import FileTree
from .journal import journal
from .progress_file import ProgressFile
from .stack_salt import StackSalt

# What is put back in place is held in memory, so that all of it can be replaced or none.
_MOST_IN_PLACE = 64 << 20


class FilesRestoration:
    def __init__(self, stack: Stack, request: FilesRequest, backups: FileBackups) -> None:
        self._stack = stack
        self._request = request
        self._backups = backups

    def plan(self, known: Sequence[Backup]) -> Plan:
        self._backup = backup = self._choose(known)
        damage = self._backups.store.damaged_files(backup)
        if damage:
            raise ArchiveUnreadable(
                f"Backup {backup.id} is damaged: {'; '.join(damage)}. Nothing was changed.", hint="Choose another backup.", backup=backup.id
            )
        members = self._backups.members(backup)
        return self._plan_beside(members) if self._request.into else self._plan_in_place(members)

    def apply(self, progress: ProgressFile) -> Dict[str, Any]:
        progress.begin("restoring", self._backup.manifest.content.get("bytes"))
        if self._request.into:
            unpack_into(self._request.into, self._members, lambda keep: self._backups.read(self._backup, keep, progress.moved))
            journal(self._stack, now_naive(), "files_restored", backup=self._backup.id, into=self._request.into, members=len(self._members))
            return {}
        previous = self._keep_previous(progress)
        with all_or_none() as place:
            for one in self._placed:
                if one.change:
                    place(one)
        changed = [one.path for one in self._placed if one.change]
        journal(self._stack, now_naive(), "files_restored", backup=self._backup.id, previous=previous, paths=changed)
        return {"previous": previous}

    def _plan_beside(self, members: List[Member]) -> Plan:
        into = self._request.into
        if os.path.lexists(into) and (os.path.islink(into) or not os.path.isdir(into) or os.listdir(into)):
            raise BadInput(f"{into} is there, and is no empty directory. Nothing was changed.", hint="Choose another one.", into=into)
        self._members = members
        require_space(into, sum(member.size for member in members), self._request.floor_bytes)
        step = Step("unpack", into, f"{self._backup.id}: {len(members)} files, directories and links")
        return Plan({into: "absent or empty"}, {into: self._backup.id}, (step,), self._facts([]))

    def _plan_in_place(self, members: List[Member]) -> Plan:
        chosen, absent = chosen_members(members, [self._request.relative(path) for path in self._request.only])
        if absent:
            raise BackupMissing(f"Backup {self._backup.id} holds no {', '.join(absent)}.", hint="Leave only out to see what it holds.", missing=absent)
        if sum(member.size for member in chosen) > _MOST_IN_PLACE:
            raise BadInput(f"More than {_MOST_IN_PLACE >> 20} MiB cannot be put back in place.", hint="Give into, or narrow it with only.")
        contents = self._contents(members)
        root = str(self._backup.manifest.source.get("root") or "/")
        self._placed = [compared(root, member, contents.get(member.name, b"")) for member in chosen]
        self._validate()
        changes = [one for one in self._placed if one.change]
        before, after = self._pictures(changes)
        steps = tuple(Step("write", one.path, one.change) for one in changes)
        return Plan(before, after, steps, self._facts([{"path": one.path, "change": one.change} for one in changes]))

    def _contents(self, members: Sequence[Member]) -> Dict[str, bytes]:
        found: Dict[str, bytes] = {}

        def keep(member: Member, content: IO[bytes]) -> None:
            if member.type == FILE:
                found[member.name] = b"".join(iter(lambda: content.read(1 << 20), b""))

        problems = member_differences(members, self._backups.read(self._backup, keep))
        if problems:
            raise ArchiveUnreadable(f"The archive is not what its list says: {'; '.join(problems)}.", hint="Choose another backup.")
        return found

    def _validate(self) -> None:
        """Lets compose read its files as they would be. Where the project is not there yet, the backup alone has to make one."""
        if self._request.validate != "compose" or not any(one.change for one in self._placed):
            return
        root = str(self._backup.manifest.source.get("root") or "/")
        restored = {os.path.join(root, one.member.name): one.content for one in self._placed if one.member.type == FILE}
        env = restored.get(os.path.normpath(self._stack.env_path))
        with tempfile.TemporaryDirectory(prefix="runbook-config-") as directory:
            stack = self._stack
            if not os.path.isdir(stack.project_dir):
                stack = replace(stack, project_dir=directory)
                self._stage_project(directory, restored)
            files = self._compose_files(stack, restored)
            staged = [_staged(directory, position, restored[path]) if path in restored else path for position, path in enumerate(files)]
            content = env if env is not None else _content(self._stack.env_path)
            render(stack, Configuration(self._stack.env_path, content, ()), staged)

    def _compose_files(self, stack: Stack, restored: Dict[str, bytes]) -> List[str]:
        """By the names that they have in the project; one may be there only in the backup."""
        declared = [os.path.normpath(self._stack.in_project(path)) for path in self._stack.compose_files]
        if declared:
            missing = [path for path in declared if path not in restored and not os.path.isfile(path)]
            if missing:
                raise ProjectMissing(f"{', '.join(missing)} is neither there nor in the backup.", hint="Correct compose_files, or use validate=none.")
            return declared
        return project_files(stack)

    def _stage_project(self, directory: str, restored: Dict[str, bytes]) -> None:
        prefix = os.path.normpath(self._stack.project_dir) + "/"
        for path, content in restored.items():
            if path.startswith(prefix):
                target = os.path.join(directory, path[len(prefix) :])
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as handle:
                    handle.write(content)

    def _keep_previous(self, progress: ProgressFile) -> Any:
        """A backup of its own of what is replaced; restoring that one is the way back."""
        there = tuple(one.path for one in self._placed if one.member.type == FILE and os.path.exists(one.path))
        if not there:
            return None
        made = self._backups.make(FileTree("/", there), SAFETY, progress)
        return self._backups.prove(made.backup, progress).id

    def _pictures(self, changes: Sequence[Placed]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        """Fingerprints only: contents may be secrets."""
        salt = StackSalt(self._stack).value
        before = {one.path: None if one.change == "missing" else one.change for one in changes}
        after = {one.path: f"{one.member.type} {one.member.mode:04o} {fingerprint(one.content.hex(), salt) if one.content else ''}".strip() for one in changes}
        return before, after

    def _choose(self, known: Sequence[Backup]) -> Backup:
        """``latest`` is the newest verified one that was not made to undo a restore."""
        request = self._request
        if request.backup != "latest":
            found = choose_backup(known, request.name, request.backup)
            if found.state == DAMAGED:
                raise ArchiveUnreadable(f"Backup {found.id} is damaged. Nothing was changed.", hint="Choose another backup.", backup=found.id)
            return found
        newest = latest([one for one in known if one.manifest.purpose != SAFETY], request.name, VERIFIED)
        if newest is None:
            raise BackupMissing(f"There is no verified backup of {request.name}.", hint="playbooks/backup/verify.yml lists those that are there.")
        return newest

    def _facts(self, changes: List[Dict[str, str]]) -> Dict[str, Any]:
        return {"backup": {**self._backup.to_dict(now_naive()), "made": False, "seconds": 0.0}, "changes": changes, "previous": None}


def _staged(directory: str, position: int, content: bytes) -> str:
    path = os.path.join(directory, f".candidate-{position}.yml")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(content)
    return path


def _content(path: str) -> bytes:
    if not os.path.isfile(path):
        return b""
    with open(path, "rb") as handle:
        return handle.read()
