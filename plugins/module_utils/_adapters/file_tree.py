# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of this host as a tar with relative names, and what such a tar holds; flat in memory."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from dataclasses import dataclass, field, replace
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from .._core.file_members import DIRECTORY, FILE, LINK, Member, is_excluded, is_safe
from .._core.restore_errors import ArchiveUnreadable
from .archive_directory import StreamEntrance, StreamExit
from .fifo import PIECE

_TYPES = {FILE: tarfile.REGTYPE, DIRECTORY: tarfile.DIRTYPE, LINK: tarfile.SYMTYPE}


@dataclass
class Packed:
    """``unstable`` are files that changed while they were read, ``skipped`` what is neither file, directory nor link; ``source`` says where from."""

    members: List[Member] = field(default_factory=list)
    unstable: List[str] = field(default_factory=list)
    skipped: List[str] = field(default_factory=list)
    source: Dict[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(member.size for member in self.members)


@dataclass(frozen=True)
class FileTree:
    """``paths`` are absolute and below ``root``. What they name themselves is followed when it is a link; links within directories stay links."""

    root: str
    paths: Tuple[str, ...]
    excludes: Tuple[str, ...] = ()

    def missing(self) -> List[str]:
        return [path for path in self.paths if not os.path.exists(path)]

    def bytes(self) -> int:
        """Of the files, as far as they can be looked at."""
        return sum(status.st_size for _name, _path, status in self._entries([]) if stat.S_ISREG(status.st_mode))

    def pack(self, write: Callable[[bytes], None]) -> Packed:
        packed = Packed(source={"root": self.root, "paths": list(self.paths), "excludes": list(self.excludes)})
        with tarfile.open(fileobj=StreamExit(write), mode="w|", bufsize=PIECE, format=tarfile.GNU_FORMAT) as archive:
            for name, path, status in self._entries(packed.skipped):
                member = _described(name, path, status)
                if member.type == FILE:
                    member = self._add_file(archive, member, path, packed)
                else:
                    archive.addfile(_entry(member))
                packed.members.append(member)
        return packed

    def _add_file(self, archive: tarfile.TarFile, member: Member, path: str, packed: Packed) -> Member:
        """As many bytes as it had when it was opened; one that changes meanwhile is told."""
        with open(path, "rb") as handle:
            before = os.fstat(handle.fileno())
            content = _Hashed(handle, before.st_size)
            member = replace(member, size=before.st_size)
            archive.addfile(_entry(member), content)
            after = os.fstat(handle.fileno())
        if content.padded or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            packed.unstable.append(_shown(member.name))
        return replace(member, sha256=content.digest.hexdigest())

    def _entries(self, skipped: List[str]) -> Iterator[Tuple[str, str, os.stat_result]]:
        for path in self.paths:
            name = os.path.relpath(path, self.root)
            if not is_excluded(name, self.excludes):
                yield from self._below(name, path, os.stat(path), skipped)

    def _below(self, name: str, path: str, status: os.stat_result, skipped: List[str]) -> Iterator[Tuple[str, str, os.stat_result]]:
        kind = status.st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
            skipped.append(_shown(name))
            return
        yield name, path, status
        if stat.S_ISDIR(kind):
            for entry in sorted(os.scandir(path), key=lambda one: one.name):
                below = f"{name}/{entry.name}"
                if not is_excluded(below, self.excludes):
                    yield from self._below(below, entry.path, entry.stat(follow_symlinks=False), skipped)


def unpacked(pieces: Iterable[bytes], keep: Optional[Callable[[Member, IO[bytes]], None]] = None) -> List[Member]:
    """What a tar holds, read to its end; ``keep`` gets each member with its content. Raises ArchiveUnreadable."""
    entrance, found = StreamEntrance(iter(pieces)), []
    try:
        with tarfile.open(fileobj=entrance, mode="r|", bufsize=PIECE) as archive:
            for entry in archive:
                found.append(_member_of(archive, entry, keep))
    except tarfile.TarError as error:
        raise ArchiveUnreadable(f"The archive cannot be read to its end ({error}).", hint="Choose another backup.") from error
    entrance.run_out()
    return found


def _member_of(archive: tarfile.TarFile, entry: tarfile.TarInfo, keep: Optional[Callable[[Member, IO[bytes]], None]]) -> Member:
    kind = next((name for name, code in _TYPES.items() if code == entry.type), "")
    if not kind or not is_safe(entry.name):
        raise ArchiveUnreadable(f"The archive holds {entry.name!r}, which does not belong into it.", hint="Choose another backup.")
    member = Member(entry.name, kind, entry.mode, entry.uid, entry.gid, int(entry.mtime), target=entry.linkname if kind == LINK else "")
    source = archive.extractfile(entry) if kind == FILE else None
    if source is None:
        if keep:
            keep(member, _Hashed(None, 0))
        return member
    content = _Hashed(source, entry.size)
    if keep:
        keep(member, content)
    while content.read(PIECE):
        pass
    return replace(member, size=entry.size, sha256=content.digest.hexdigest())


class _Hashed:
    """A stream of exactly so many bytes, hashed while it is read. One that is too short is filled up, and says so."""

    def __init__(self, source: Any, size: int) -> None:
        self._source = source
        self._left = size
        self.digest = hashlib.sha256()
        self.padded = False

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        if not wanted:
            return b""
        piece = self._source.read(wanted)
        if len(piece) < wanted:  # tarfile takes no less than it asked for
            self.padded, piece = True, piece.ljust(wanted, b"\0")
        self._left -= len(piece)
        self.digest.update(piece)
        return piece


def _described(name: str, path: str, status: os.stat_result) -> Member:
    mode = status.st_mode
    kind = DIRECTORY if stat.S_ISDIR(mode) else LINK if stat.S_ISLNK(mode) else FILE
    return Member(name, kind, stat.S_IMODE(mode), status.st_uid, status.st_gid, int(status.st_mtime), target=os.readlink(path) if kind == LINK else "")


def _shown(name: str) -> str:
    """For people and manifests: names need not be text."""
    return name.encode("utf-8", "backslashreplace").decode()


def _entry(member: Member) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(member.name)
    entry.type, entry.mode, entry.mtime = _TYPES[member.type], member.mode, member.mtime
    entry.uid, entry.gid, entry.size, entry.linkname = member.uid, member.gid, member.size, member.target
    return entry
