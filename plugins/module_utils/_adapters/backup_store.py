# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on the target's disk: ``<backup_dir>/<stack>/<service>/<subject>/<id>/``, each published by one rename."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Iterator, List, Optional, Tuple

from .._core.backup_catalogue import VERIFIED, Backup, Verification, latest
from .._core.backup_manifest import MANIFEST, MANIFEST_HASH, Manifest, ManifestInvalid, directory_name, is_id, new_id, parse_manifest, sequence_of
from .._core.errors import OperationError
from .files import make_private_directory, read_text, sync_directory, write_atomically

_TEMPORARY, _TRASH = ".tmp-", ".trash-"
_PIECE = 1 << 20


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
        self._service = service

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
        content, digest = _bytes(os.path.join(path, MANIFEST)), read_text(os.path.join(path, MANIFEST_HASH))
        if content is None or digest is None:
            raise ManifestInvalid(f"{path} has no {MANIFEST} with its hash.", hint="Choose another backup.", manifest=path)
        manifest = parse_manifest(content, digest, path)
        if (manifest.stack, manifest.service, manifest.id) != (self._stack, self._service, os.path.basename(path)):
            raise ManifestInvalid(f"{path} belongs to {manifest.stack}/{manifest.service}, not here.", hint="Choose another backup.", manifest=path)
        return Backup(manifest, path, _verifications(path), _missing(path, manifest), (read_text(os.path.join(path, "pinned")) or "").strip())

    def next_id(self, subject: str, now: datetime) -> str:
        names = [os.path.basename(path) for path in self._published(subject)]
        return new_id(now, max([sequence_of(name) for name in names], default=0) + 1, secrets.randbits(16))

    @contextlib.contextmanager
    def working_on(self, subject: str) -> Iterator[None]:
        """One run at a time for a subject. The kernel lets go when a process dies. Raises BackupBusy with who holds it."""
        make_private_directory(self.directory(subject))
        with open(os.path.join(self.directory(subject), ".lock"), "a+", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                raise BackupBusy(
                    f"Another run works on the backups of {subject}: process {handle.read().strip() or 'unknown'}.",
                    hint="Wait until it has ended, and run again.",
                    subject=subject,
                ) from None
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            yield

    def begin(self, subject: str, backup_id: str) -> str:
        """A private directory that nobody takes for a backup; removes those that dead runs left (call it while working on the subject)."""
        for name in os.listdir(self.directory(subject)):
            if name.startswith((_TEMPORARY, _TRASH)):
                shutil.rmtree(os.path.join(self.directory(subject), name))
        path = os.path.join(self.directory(subject), _TEMPORARY + backup_id)
        os.mkdir(path, 0o700)
        return path

    def publish(self, temporary: str, manifest: Manifest) -> str:
        """Makes everything durable, then visible by one rename; the directory it is in from then on."""
        content = manifest.to_bytes()
        write_atomically(os.path.join(temporary, MANIFEST), content, 0o400)
        write_atomically(os.path.join(temporary, MANIFEST_HASH), (hashlib.sha256(content).hexdigest() + "\n").encode(), 0o400)
        for file in manifest.files:
            _make_durable(os.path.join(temporary, file.path))
        sync_directory(temporary)
        published = os.path.join(self.directory(manifest.subject), manifest.id)
        os.rename(temporary, published)
        sync_directory(os.path.dirname(published))
        self.point(manifest.subject)
        return published

    def abandon(self, temporary: str) -> None:
        shutil.rmtree(temporary, ignore_errors=True)

    def add_verification(self, backup: Backup, verification: Verification) -> None:
        """Beside the manifest, in a file of its own: the manifest never changes."""
        name = f"verify-{verification.at.replace(':', '').replace('-', '')}.json"
        write_atomically(os.path.join(backup.directory, name), (json.dumps(asdict(verification), sort_keys=True) + "\n").encode(), 0o400)
        self.point(backup.manifest.subject)

    def point(self, subject: str) -> None:
        """Lets ``latest`` and ``latest-verified`` name the right backups."""
        backups = self.all()[0]
        self._link(subject, "latest", latest(backups, subject))
        self._link(subject, "latest-verified", latest(backups, subject, VERIFIED))

    def remove(self, backup: Backup) -> None:
        """One rename takes it out of the catalogue; what follows may be interrupted, and is finished by the next run."""
        trash = os.path.join(self.directory(backup.manifest.subject), _TRASH + backup.id)
        os.rename(backup.directory, trash)
        sync_directory(os.path.dirname(trash))
        self.point(backup.manifest.subject)
        shutil.rmtree(trash)

    def damaged_files(self, backup: Backup) -> List[str]:
        """Level 0: every file read and hashed; a sentence for each that is not what the manifest says."""
        found = []
        for file in backup.manifest.files:
            size, digest = _hashed(os.path.join(backup.directory, file.path))
            if (size, digest) != (file.bytes, file.sha256):
                found.append(f"{file.path}: {'missing' if size is None else f'{size} bytes, expected {file.bytes}' if size != file.bytes else 'changed content'}")
        return found

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
            temporary = f"{path}.{secrets.token_hex(4)}"
            os.symlink(backup.id, temporary)
            os.replace(temporary, path)


def _entries(directory: str) -> List[str]:
    try:
        return [name for name in os.listdir(directory) if not name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _bytes(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError:
        return None


def _verifications(path: str) -> Tuple[Verification, ...]:
    """An unreadable one proves nothing and is left out."""
    found = []
    for name in sorted(_entries(path)):
        if name.startswith("verify-") and name.endswith(".json"):
            with contextlib.suppress(ValueError, TypeError):
                value = json.loads(_bytes(os.path.join(path, name)) or b"")
                found.append(Verification(**{**value, "differences": tuple(value.get("differences", ()))}))
    return tuple(found)


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
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, "rb") as handle:
            while True:
                piece = handle.read(_PIECE)
                if not piece:
                    return size, digest.hexdigest()
                digest.update(piece)
                size += len(piece)
    except OSError:
        return None, ""


def _make_durable(path: str) -> None:
    with open(path, "rb") as handle:
        os.fchmod(handle.fileno(), 0o400)
        os.fsync(handle.fileno())
