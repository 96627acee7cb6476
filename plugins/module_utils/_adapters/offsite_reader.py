# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads sets back from a remote and compares them with their manifests: only that makes a copy one that counts."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import IO, Callable, Dict, Iterator, List, Optional, Tuple

from .._core.backup_catalogue import Backup, Verification
from .._core.backup_manifest import MANIFEST, MANIFEST_HASH, Manifest, ManifestInvalid, parse_manifest
from .._core.offsite import RemoteSet, is_due
from .._core.offsite_errors import OffsiteDamaged, OffsiteFailed
from .backup_files import now_naive
from .backup_notes import parse_verification, verification_files
from .offsite_remote import Remote

_LONGEST_NOTE = 64 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass
class ReadSet:
    """What came from the remote: small files whole, of data their size and hash. ``problems`` are sentences; without any it is what the manifest says."""

    manifest: Optional[Manifest] = None
    notes: Dict[str, bytes] = field(default_factory=dict)
    data: Dict[str, Tuple[int, str]] = field(default_factory=dict)
    problems: List[str] = field(default_factory=list)

    @property
    def read_bytes(self) -> int:
        return sum(size for size, _digest in self.data.values())


class RemoteReader:
    """``moved`` is told how many bytes of data came."""

    def __init__(self, remote: Remote, stack: str, moved: Callable[[int], None]) -> None:
        self._remote = remote
        self._stack = stack
        self._moved = moved

    def peek(self, one: RemoteSet) -> Backup:
        """As a catalogue there would know it, from what it says of itself. Raises OffsiteDamaged."""
        content = self._small(one, MANIFEST)
        manifest = self._parse(one, content, hashlib.sha256(content).hexdigest())
        notes = [] if self._remote.vouches else [self._small(one, name) for name in verification_files(self._remote.names(one))]
        return Backup(manifest, one.place, tuple(found for note in notes for found in _verification(note)))

    def read(self, one: RemoteSet, known: Optional[Backup] = None, percent: int = 100, into: str = "") -> ReadSet:
        """Reads and compares. ``known`` is the backup on this host, whose manifest must be the same; ``into`` takes the data as new private files."""
        found = ReadSet()
        try:
            for name, pieces in self._remote.each(one) if percent >= 100 else self._due(one, percent):
                self._take(found, name, pieces, into)
        except OffsiteFailed as error:
            self._remote.open()  # raises when the remote is gone altogether: that says nothing about the set
            found.problems.append(f"it cannot be read: {error}")
        self._judge(one, found, known, percent)
        return found

    def _take(self, found: ReadSet, name: str, pieces: Iterator[bytes], into: str) -> None:
        if name in (MANIFEST, MANIFEST_HASH) or verification_files([name]):
            found.notes[name] = self._joined(name, pieces)
        elif _NAME.fullmatch(name):
            digest, size, target = hashlib.sha256(), 0, _new_file(os.path.join(into, name)) if into else None
            try:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    if target:
                        target.write(piece)
                    self._moved(len(piece))
            finally:
                if target:
                    target.close()
            found.data[name] = (size, digest.hexdigest())

    def _judge(self, one: RemoteSet, found: ReadSet, known: Optional[Backup], percent: int) -> None:
        content = found.notes.get(MANIFEST)
        if content is None:
            found.problems.append(f"{MANIFEST}: missing")
            return
        try:
            found.manifest = self._parse(one, content, found.notes.get(MANIFEST_HASH, b"").decode(errors="replace"))
        except OffsiteDamaged as error:
            found.problems.append(str(error))
            return
        if known and _content(os.path.join(known.directory, MANIFEST)) != content:
            found.problems.append(f"{MANIFEST}: not the one on this host")
        for file in found.manifest.files:
            if is_due(one.id, file.path, percent, now_naive()):
                size, digest = found.data.get(file.path, (None, ""))
                if (size, digest) != (file.bytes, file.sha256):
                    changed = "changed content" if size == file.bytes else f"{size} bytes, expected {file.bytes}"
                    found.problems.append(f"{file.path}: {'missing' if size is None else changed}")

    def _due(self, one: RemoteSet, percent: int) -> Iterator[Tuple[str, Iterator[bytes]]]:
        """The manifest, and today's share of the data."""
        names = [MANIFEST_HASH]
        with self._remote.read(one, MANIFEST) as pieces:
            content = self._joined(MANIFEST, pieces)
        yield MANIFEST, iter([content])
        try:
            manifest = self._parse(one, content, hashlib.sha256(content).hexdigest())
            names += [file.path for file in manifest.files if is_due(one.id, file.path, percent, now_naive())]
        except OffsiteDamaged:
            pass  # said when everything is judged
        for name in names:
            with self._remote.read(one, name) as pieces:
                yield name, pieces

    def _parse(self, one: RemoteSet, content: bytes, digest: str) -> Manifest:
        where = f"the manifest of {one.id} at the remote"
        try:
            manifest = parse_manifest(content, digest, where)
        except ManifestInvalid as error:
            raise OffsiteDamaged(str(error), hint="Choose another backup.", backup=one.id) from error
        if (manifest.stack, manifest.service, manifest.subject, manifest.id) != (self._stack, one.service, one.subject, one.id):
            said = f"{manifest.stack}/{manifest.service}/{manifest.subject}/{manifest.id}"
            raise OffsiteDamaged(f"{where} is that of {said}.", hint="Choose another backup.", backup=one.id)
        return manifest

    def _small(self, one: RemoteSet, name: str) -> bytes:
        with self._remote.read(one, name) as pieces:
            return self._joined(name, pieces)

    def _joined(self, name: str, pieces: Iterator[bytes]) -> bytes:
        content = b""
        for piece in pieces:
            content += piece
            if len(content) > _LONGEST_NOTE:
                raise OffsiteDamaged(f"{name} at the remote is far too long.", hint="Choose another backup.", file=name)
        return content


def _verification(content: bytes) -> List[Verification]:
    """One that cannot be understood proves nothing and is left out."""
    try:
        return [parse_verification(content)]
    except ValueError:
        return []


def _new_file(path: str) -> IO[bytes]:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _content(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()
