# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on the target's disk: ``<backup_dir>/<stack>/<service>/<subject>/<id>/``, each published by one rename."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import Iterator, List, Optional, Tuple
from urllib.parse import unquote

from .._core.backup_catalogue import VERIFIED, Backup, Verification, latest
from .._core.backup_manifest import MANIFEST, MANIFEST_HASH, Manifest, ManifestInvalid, directory_name, is_id, new_id, parse_manifest, sequence_of
from .._core.errors import OperationError
from .backup_notes import offsite_copies, verifications, write_verification
from .files import alone, hashed, link_atomically, make_durable, make_private_directory, sync_directory, write_atomically

_TEMPORARY, _TRASH, _PIN = ".tmp-", ".trash-", "pinned"


class BackupBusy(OperationError):
    """Another run works on the backups of the same subject."""

    reason = "backup_busy"


@dataclass(frozen=True)
class UnreadableBackup:
    """A directory with the name of a backup whose manifest cannot be trusted."""

    directory: str
    cause: str


class BackupStore:
    """The backups of one service of one stack. Nothing but directories of ours is ever read or removed."""

    def __init__(self, backup_dir: str, stack: str, service: str) -> None:
        self.root = os.path.join(backup_dir, directory_name(stack), directory_name(service))
        self._stack = stack
        self.service = service

    def directory(self, subject: str) -> str:
        return os.path.join(self.root, directory_name(subject))

    def all(self) -> Tuple[List[Backup], List[UnreadableBackup]]:
        """Every published backup of the service, and what looks like one and is not to be trusted."""
        backups, unreadable = [], []
        for path in sorted(self._published()):
            try:
                backups.append(self.read(path))
            except ManifestInvalid as error:
                unreadable.append(UnreadableBackup(path, str(error)))
        return backups, unreadable

    def read(self, path: str) -> Backup:
        """One published backup; raises ManifestInvalid."""
        content, digest = _bytes(os.path.join(path, MANIFEST)), _text(os.path.join(path, MANIFEST_HASH))
        if content is None or digest is None:
            raise ManifestInvalid(f"{path} has no {MANIFEST} with its hash.", hint="Choose another backup.", manifest=path)
        manifest = parse_manifest(content, digest, path)
        place, home = (manifest.stack, manifest.service, manifest.id), os.path.basename(os.path.dirname(path))
        if place != (self._stack, self.service, os.path.basename(path)) or directory_name(manifest.subject) != home:
            said = f"{manifest.stack}/{manifest.service}/{manifest.subject}/{manifest.id}"
            raise ManifestInvalid(f"{path} is of {said} and does not belong there.", hint="Choose another backup.", manifest=path)
        pin = (_text(os.path.join(path, _PIN)) or "").strip()
        return Backup(manifest, path, verifications(path), _missing(path, manifest), pin, offsite_copies(path))

    def next_id(self, subject: str, now: datetime) -> str:
        names = [os.path.basename(path) for path in self._published(subject)]
        return new_id(now, max([sequence_of(name) for name in names], default=0) + 1, secrets.randbits(16))

    @contextlib.contextmanager
    def working_on(self, subject: str) -> Iterator[None]:
        """One run at a time for a subject. The kernel lets go when a process dies. Raises BackupBusy with who holds it."""
        make_private_directory(self.directory(subject))

        def busy(holder: str) -> BackupBusy:
            return BackupBusy(f"Another run works on the backups of {subject}: {holder}.", hint="Wait until it has ended, and run again.", subject=subject)

        with alone(os.path.join(self.directory(subject), ".lock"), busy):
            yield

    def begin(self, subject: str, backup_id: str) -> str:
        """A private directory that nobody takes for a backup; removes those that dead runs left (call it while working on the subject)."""
        self.sweep(subject)
        path = os.path.join(self.directory(subject), _TEMPORARY + backup_id)
        os.mkdir(path, 0o700)
        return path

    def publish(self, temporary: str, manifest: Manifest, written: bytes = b"") -> str:
        """Makes everything durable, then visible by one rename; the directory it is in from then on. A disk that fails leaves it invisible.

        ``written`` is the manifest of a backup that was published before, elsewhere: it stays as it was.
        """
        content = written or manifest.to_bytes()
        write_atomically(os.path.join(temporary, MANIFEST), content, 0o400)
        write_atomically(os.path.join(temporary, MANIFEST_HASH), (hashlib.sha256(content).hexdigest() + "\n").encode(), 0o400)
        for file in manifest.files:
            make_durable(os.path.join(temporary, file.path), 0o400)
        sync_directory(temporary)
        published = os.path.join(self.directory(manifest.subject), manifest.id)
        try:
            os.rename(temporary, published)
            sync_directory(os.path.dirname(published))
            self.point(manifest.subject)
        except OSError:
            self._take_back(published, temporary, manifest.subject)
            raise
        return published

    def abandon(self, temporary: str) -> None:
        shutil.rmtree(temporary, ignore_errors=True)

    def add_verification(self, backup: Backup, verification: Verification) -> None:
        """Beside the manifest, in a file of its own: the manifest never changes."""
        write_verification(backup.directory, verification)
        self.point(backup.manifest.subject)

    def point(self, subject: str) -> None:
        """Lets ``latest`` and ``latest-verified`` name the right backups."""
        newest = proven = None
        for path in sorted(self._published(subject), reverse=True):
            with contextlib.suppress(ManifestInvalid):
                backup = self.read(path)
                newest, proven = newest or latest([backup], subject), proven or latest([backup], subject, VERIFIED)
            if newest and proven:
                break
        self._link(subject, "latest", newest)
        self._link(subject, "latest-verified", proven)

    def remove(self, backup: Backup) -> bool:
        """One rename takes it out of the catalogue; what follows may be interrupted, and is finished by the next run.

        False when somebody pinned it at the last moment: then it stays.
        """
        trash = os.path.join(self.directory(backup.manifest.subject), _TRASH + backup.id)
        os.rename(backup.directory, trash)
        sync_directory(os.path.dirname(trash))
        removed = self._empty(trash)
        self.point(backup.manifest.subject)
        return removed

    def leftovers(self, subject: str) -> List[str]:
        """Names of what a run that is dead, or one that still works, has in its hands: neither published nor gone."""
        return sorted(name for name in _all_entries(self.directory(subject)) if name.startswith((_TEMPORARY, _TRASH)))

    def sweep(self, subject: str) -> None:
        """Finishes what dead runs began. To be called while working on the subject: then no living run has any."""
        for name in self.leftovers(subject):
            self._empty(os.path.join(self.directory(subject), name))

    def pin(self, backup: Backup, why: str) -> None:
        """Keeps it from retention, whatever the policy, until it is unpinned. Needs no lock: a backup that is just being removed raises."""
        write_atomically(os.path.join(backup.directory, _PIN), (why + "\n").encode(), 0o400)

    def unpin(self, backup: Backup) -> None:
        os.unlink(os.path.join(backup.directory, _PIN))
        sync_directory(backup.directory)

    def subjects(self) -> List[str]:
        """Everything of the service that has a directory here."""
        return _named_by_us(self.root)

    def damaged_files(self, backup: Backup) -> List[str]:
        """Level 0: every file read and hashed; a sentence for each that is not what the manifest says."""
        found = []
        for file in backup.manifest.files:
            size, digest = _hashed(os.path.join(backup.directory, file.path))
            if (size, digest) != (file.bytes, file.sha256):
                changed = "changed content" if size == file.bytes else f"{size} bytes, expected {file.bytes}"
                found.append(f"{file.path}: {'missing' if size is None else changed}")
        return found

    def _take_back(self, published: str, temporary: str, subject: str) -> None:
        """Whoever is told that nothing was published finds nothing."""
        with contextlib.suppress(OSError):
            os.rename(published, temporary)
        with contextlib.suppress(OSError):
            self.point(subject)

    @staticmethod
    def _empty(path: str) -> bool:
        """A pin that was set while the rename was on its way wins, because whoever set it was told that it holds."""
        directory, name = os.path.split(path)
        if name.startswith(_TRASH) and os.path.exists(os.path.join(path, _PIN)):
            os.rename(path, os.path.join(directory, name[len(_TRASH) :]))
            sync_directory(directory)
            return False
        shutil.rmtree(path)
        return True

    def _published(self, subject: Optional[str] = None) -> Iterator[str]:
        directories = [self.directory(subject)] if subject is not None else [os.path.join(self.root, name) for name in _entries(self.root)]
        for directory in directories:
            for name in _entries(directory):
                path = os.path.join(directory, name)
                if is_id(name) and os.path.isdir(path) and not os.path.islink(path):
                    yield path

    def _link(self, subject: str, name: str, backup: Optional[Backup]) -> None:
        path = os.path.join(self.directory(subject), name)
        if backup is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        elif not os.path.islink(path) or os.readlink(path) != backup.id:
            link_atomically(path, backup.id)


def services_of(backup_dir: str, stack: str) -> List[str]:
    """The services of a stack that have a directory of backups."""
    return _named_by_us(os.path.join(backup_dir, directory_name(stack)))


def _named_by_us(root: str) -> List[str]:
    """What the directories below are called; those of somebody else are left out."""
    names = [(name, unquote(name)) for name in _entries(root) if os.path.isdir(os.path.join(root, name))]
    return sorted(subject for name, subject in names if directory_name(subject) == name)


def _entries(directory: str) -> List[str]:
    return [name for name in _all_entries(directory) if not name.startswith(".")]


def _all_entries(directory: str) -> List[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _bytes(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError:
        return None


def _text(path: str) -> Optional[str]:
    """Whatever the bytes are: they are compared, or shown."""
    content = _bytes(path)
    return None if content is None else content.decode(errors="replace")


def _missing(path: str, manifest: Manifest) -> Tuple[str, ...]:
    """Sizes only: quick enough for every listing."""
    damage = []
    for file in manifest.files:
        try:
            size = os.stat(os.path.join(path, file.path)).st_size
        except OSError:
            damage.append(f"{file.path}: missing")
            continue
        if size != file.bytes:
            damage.append(f"{file.path}: {size} bytes, expected {file.bytes}")
    return tuple(damage)


def _hashed(path: str) -> Tuple[Optional[int], str]:
    try:
        return hashed(path)
    except OSError:
        return None, ""
