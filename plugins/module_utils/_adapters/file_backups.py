# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes backups of files, and proves them by reading them to their end."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Callable, Iterator, List, Optional, Protocol, Sequence, Tuple

from .._core.backup_catalogue import RESTORED_AND_COMPARED, Backup, Verification, timestamp
from .._core.backup_errors import BackupStageFailed, BackupUnverified
from .._core.backup_manifest import BackupFile, Manifest, ManifestInvalid
from .._core.file_members import Member, MembersInvalid, is_same_content, member_differences, members_to_bytes, parse_members
from .._core.files_request import CONFIG, SERVICE, FilesRequest
from .._core.restore_errors import ArchiveUnreadable
from .._core.stack import Stack
from .archive_reader import ArchiveFile, ArchiveReader
from .archive_writer import ArchiveWriter, SpaceFloor
from .backup_files import files_of, now_naive
from .backup_store import BackupStore
from .file_tree import FileTree, Packed, unpacked
from .journal import journal
from .progress_file import ProgressFile

TAR, MEMBERS = "tar", "members-json"
_LONGEST_LIST = 1 << 30


class Host(Protocol):
    check_mode: bool

    def warn(self, message: str) -> None: ...


@dataclass(frozen=True)
class MadeFiles:
    backup: Backup
    packed: Packed
    seconds: float


class FileBackups:
    """Backups of one name. To be used while ``store.working_on`` it."""

    def __init__(self, stack: Stack, request: FilesRequest) -> None:
        self._stack = stack
        self._request = request
        self.store = BackupStore(request.backup_dir, stack.name, SERVICE)

    def make(self, tree: FileTree, purpose: str, progress: ProgressFile) -> MadeFiles:
        """Whatever goes wrong, nothing incomplete is published."""
        request, began, started = self._request, time.monotonic(), now_naive()
        progress.begin("packing files")
        with files_of(request.backup_dir):
            backup_id = self.store.next_id(request.name, started)
            directory = self.store.begin(request.name, backup_id)
            try:
                tar, packed = self._write_tar(tree, directory, progress)
                members = self._write(directory, "members.json", MEMBERS, [members_to_bytes(packed.members)])
                published = self.store.publish(directory, self._manifest(backup_id, (purpose, started), packed, (tar, members)))
            except BaseException:
                self.store.abandon(directory)
                raise
            facts = {"service": SERVICE, "subject": request.name, "id": backup_id, "members": len(packed.members), "bytes": packed.bytes}
            journal(self._stack, now_naive(), "backup_made", **facts)
            return MadeFiles(self.store.read(published), packed, round(time.monotonic() - began, 3))

    def prove(self, backup: Backup, progress: ProgressFile) -> Backup:
        """Every member is read and compared with the list: what a restore would write. Raises BackupUnverified unless it passed."""
        began, level = time.monotonic(), 0
        progress.begin("checking hashes")
        problems = self.store.damaged_files(backup)
        outcome = "failed"
        if not problems:
            try:
                progress.begin("reading the archive", backup.manifest.content.get("bytes"))
                problems = member_differences(self.members(backup), self.read(backup, None, progress.moved))
                level = RESTORED_AND_COMPARED
            except (ArchiveUnreadable, MembersInvalid, ManifestInvalid) as error:
                outcome = "inconclusive" if error.details.get("stage") == "age" else "failed"
                problems, level = [str(error)], 1
        seconds = round(time.monotonic() - began, 3)
        found = Verification(timestamp(now_naive()), level, outcome if problems else "passed", "", seconds, tuple(problems))
        with files_of(self._request.backup_dir):
            self.store.add_verification(backup, found)
        facts = {"service": SERVICE, "subject": self._request.name, "id": backup.id}
        journal(self._stack, now_naive(), "backup_verified", **facts, level=level, outcome=found.outcome, seconds=seconds)
        if problems:
            raise _unproven(backup, found)
        return self.store.read(backup.directory)

    def is_still(self, backup: Backup, tree: FileTree) -> bool:
        """Whether the backup is whole, encrypted for whom it would be now, and holds just what the files are. Reads all of them."""
        recipients = list(self._request.recipients)
        if any(list(file.encryption.get("recipients", [])) != recipients for file in backup.manifest.files) or self.store.damaged_files(backup):
            return False
        try:
            saved = self.members(backup)
        except (ArchiveUnreadable, MembersInvalid, ManifestInvalid):
            return False
        found = tree.pack(lambda piece: None)
        return not found.unstable and is_same_content(saved, found.members)

    def members(self, backup: Backup) -> List[Member]:
        content = b""
        with ArchiveReader(self._archive(backup, MEMBERS)) as reader:
            for piece in reader:
                content += piece
                if len(content) > _LONGEST_LIST:
                    raise MembersInvalid("The list of the files in this backup is far too long.", hint="Choose another backup.")
        return parse_members(content)

    def read(self, backup: Backup, keep: Optional[Callable[[Member, IO[bytes]], None]] = None, moved: Optional[Callable[[int], None]] = None) -> List[Member]:
        with ArchiveReader(self._archive(backup, TAR)) as reader:
            return unpacked(_counted(reader, moved), keep)

    def _write_tar(self, tree: FileTree, directory: str, progress: ProgressFile) -> Tuple[BackupFile, Packed]:
        with self._writer(directory, "files.tar") as writer:

            def write(piece: bytes) -> None:
                writer.write(piece)
                progress.moved(len(piece))

            packed = tree.pack(write)
            if packed.unstable and self._request.kind == CONFIG:
                raise BackupStageFailed(
                    f"{', '.join(packed.unstable[:5])} changed while it was read. Nothing was published.", hint="Run again.", stage="read", exit_code=-1
                )
            return writer.finish(TAR), packed

    def _write(self, directory: str, name: str, kind: str, pieces: Sequence[bytes]) -> BackupFile:
        with self._writer(directory, name) as writer:
            for piece in pieces:
                writer.write(piece)
            return writer.finish(kind)

    @contextlib.contextmanager
    def _writer(self, directory: str, name: str) -> Iterator[ArchiveWriter]:
        request = self._request
        path = os.path.join(directory, f"{name}.zst{'.age' if request.recipients else ''}")
        with ArchiveWriter(path, request.recipients, SpaceFloor(directory, request.floor_bytes), time.monotonic() + request.timeout) as writer:
            yield writer

    def _manifest(self, backup_id: str, why: Tuple[str, datetime], packed: Packed, files: Tuple[BackupFile, ...]) -> Manifest:
        request, (purpose, started) = self._request, why
        decrypt = "age -d -i KEY files.tar.zst.age | zstd -d" if request.recipients else "zstd -d -c files.tar.zst"
        return Manifest(
            id=backup_id,
            set_id=request.set_id or backup_id,
            kind=f"files-{request.kind}",
            purpose=purpose,
            stack=self._stack.name,
            service=SERVICE,
            subject=request.name,
            started=timestamp(started),
            finished=timestamp(now_naive()),
            source=packed.source,
            content={"members": len(packed.members), "bytes": packed.bytes, "unstable": packed.unstable, "skipped": packed.skipped},
            files=files,
            restore_hint=f"{decrypt} | tar -xp -C DIRECTORY",
        )

    def _archive(self, backup: Backup, kind: str) -> ArchiveFile:
        for file in backup.manifest.files:
            if file.format == kind:
                return ArchiveFile.of_backup(backup.directory, file, self._request.identity_file)
        raise ManifestInvalid(f"Backup {backup.id} holds no archive of files.", hint="Choose another backup.", backup=backup.id)


def _counted(pieces: Iterator[bytes], moved: Optional[Callable[[int], None]]) -> Iterator[bytes]:
    for piece in pieces:
        if moved:
            moved(len(piece))
        yield piece


def _unproven(backup: Backup, found: Verification) -> BackupUnverified:
    outcome = "is not what was saved" if found.outcome == "failed" else "could not be verified to the end"
    return BackupUnverified(
        f"Backup {backup.id} of {backup.manifest.subject} {outcome}: {'; '.join(found.differences[:5])}.",
        hint="It is kept, and does not count as verified. Make another one.",
        backup=backup.id,
        outcome=found.outcome,
        differences=list(found.differences),
    )
