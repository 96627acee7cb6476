# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads sets back from a remote and compares them with their manifests: only that makes a copy one that counts."""

from __future__ import annotations

import hashlib
import os
from typing import Callable, List, Optional, Tuple

from .._core.backup_catalogue import Backup, Verification
from .._core.backup_manifest import MANIFEST, MANIFEST_HASH, BackupFile, Manifest, ManifestInvalid, parse_manifest
from .._core.offsite import RemoteSet, is_due
from .._core.offsite_errors import OffsiteDamaged, OffsiteFailed
from .backup_files import now_naive
from .backup_notes import parse_verification, verification_files
from .offsite_remote import Remote

_LONGEST_NOTE = 64 << 20


class RemoteReader:
    """``moved`` is told how many bytes came."""

    def __init__(self, remote: Remote, stack: str, moved: Callable[[int], None]) -> None:
        self._remote = remote
        self._stack = stack
        self._moved = moved

    def manifest(self, one: RemoteSet) -> Tuple[Manifest, bytes]:
        """With the bytes as they are there. Raises OffsiteDamaged."""
        where = f"the manifest of {one.id} at the remote"
        content = self.small(one, MANIFEST)
        try:
            manifest = parse_manifest(content, self.small(one, MANIFEST_HASH).decode(errors="replace"), where)
        except ManifestInvalid as error:
            raise OffsiteDamaged(str(error), hint="Choose another backup.", backup=one.id) from error
        if (manifest.stack, manifest.service, manifest.subject, manifest.id) != (self._stack, one.service, one.subject, one.id):
            said = f"{manifest.stack}/{manifest.service}/{manifest.subject}/{manifest.id}"
            raise OffsiteDamaged(f"{where.capitalize()} is that of {said}.", hint="Choose another backup.", backup=one.id)
        return manifest, content

    def backup(self, one: RemoteSet) -> Backup:
        """As a catalogue there would know it."""
        manifest = self.manifest(one)[0]
        return Backup(manifest, one.place, tuple(note for _name, _content, note in self.verifications(one)))

    def verifications(self, one: RemoteSet) -> List[Tuple[str, bytes, Verification]]:
        """One that cannot be understood proves nothing and is left out."""
        found = []
        for name in verification_files(self._remote.names(one)):
            content = self.small(one, name)
            try:
                found.append((name, content, parse_verification(content)))
            except ValueError:
                continue
        return found

    def differences(self, one: RemoteSet, known: Optional[Backup] = None, percent: int = 100) -> Tuple[List[str], int]:
        """Sentences, and how many bytes of data were read. ``known`` is the backup on this host, whose manifest must be the same."""
        try:
            manifest, content = self.manifest(one)
        except OffsiteDamaged as error:
            return [str(error)], 0
        except OffsiteFailed as error:
            return [self._unreadable(MANIFEST, error)], 0
        if known and _content(os.path.join(known.directory, MANIFEST)) != content:
            return [f"{MANIFEST}: not the one on this host"], 0
        found, total = [], 0
        for file in manifest.files:
            if is_due(manifest.id, file.path, percent, now_naive()):
                problem, size = self._compare(one, file)
                found += [problem] if problem else []
                total += size
        return found, total

    def take(self, one: RemoteSet, file: BackupFile, path: str) -> None:
        """One file of a set, as a new private file here. Raises OffsiteDamaged when it is not what the manifest says."""
        digest, size = hashlib.sha256(), 0
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target, self._remote.read(one, file.path) as pieces:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                target.write(piece)
                self._moved(len(piece))
        problem = _difference(file, size, digest.hexdigest())
        if problem:
            raise OffsiteDamaged(
                f"Backup {one.id} cannot be fetched: {problem}. Nothing was published.", hint="Choose another backup.", backup=one.id, file=file.path
            )

    def small(self, one: RemoteSet, name: str) -> bytes:
        content = b""
        with self._remote.read(one, name) as pieces:
            for piece in pieces:
                content += piece
                if len(content) > _LONGEST_NOTE:
                    raise OffsiteDamaged(f"{name} of {one.id} at the remote is far too long.", hint="Choose another backup.", backup=one.id)
        return content

    def _compare(self, one: RemoteSet, file: BackupFile) -> Tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        try:
            with self._remote.read(one, file.path) as pieces:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    self._moved(len(piece))
        except OffsiteFailed as error:
            return self._unreadable(file.path, error), size
        return _difference(file, size, digest.hexdigest()), size

    def _unreadable(self, name: str, error: OffsiteFailed) -> str:
        """Raises when the remote is gone altogether: that says nothing about the set."""
        self._remote.open()
        return f"{name}: {error}"


def _difference(file: BackupFile, size: int, digest: str) -> str:
    if (size, digest) == (file.bytes, file.sha256):
        return ""
    return f"{file.path}: {'changed content' if size == file.bytes else f'{size} bytes, expected {file.bytes}'}"


def _content(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()
