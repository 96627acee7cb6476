# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of plain files as one stream, and back: what pg_dump writes with several workers becomes one file of a backup."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tarfile
from typing import IO, Any, Callable, Iterable, Iterator, Tuple

from .._core.restore_errors import ArchiveUnreadable
from .fifo import PIECE

# As pg_dump names them; nothing else is ever written to the host.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def pack(directory: str, write: Callable[[bytes], None]) -> None:
    """A tar of its files, the table of contents first. Each is removed once it is in the stream, so that little room is needed."""
    names = sorted(os.listdir(directory), key=lambda name: (name != "toc.dat", name))
    with tarfile.open(fileobj=StreamExit(write), mode="w|", bufsize=PIECE, format=tarfile.GNU_FORMAT) as archive:
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as content:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = os.fstat(content.fileno()).st_size, 0o600
                archive.addfile(entry, content)
            os.unlink(path)


def unpack(pieces: Iterable[bytes], directory: str) -> None:
    """Into a new private directory. All pieces are taken, so that whoever gives them can judge the end. Raises ArchiveUnreadable."""
    os.mkdir(directory, 0o700)
    entrance = StreamEntrance(iter(pieces))
    try:
        with tarfile.open(fileobj=entrance, mode="r|", bufsize=PIECE) as archive:
            for entry in archive:
                _keep(archive, entry, directory)
    except tarfile.TarError as error:
        raise ArchiveUnreadable(f"The archive is not the directory that was packed ({error}).", hint="Choose another backup.") from error
    entrance.run_out()


def plain_files(pieces: Iterable[bytes]) -> Iterator[Tuple[str, Iterator[bytes]]]:
    """The files of a tar by their last names, each to be read to its end before the next; what is no file is passed over. Takes all pieces.

    What is no tar, or ends too early, gives nothing more: whoever made it knows whether it ended well.
    """
    entrance = StreamEntrance(iter(pieces))
    with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=entrance, mode="r|", bufsize=PIECE) as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is not None:
                yield os.path.basename(entry.name), _pieces(content)
    entrance.run_out()


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    with contextlib.suppress(tarfile.TarError):
        yield from iter(lambda: content.read(PIECE), b"")


def _keep(archive: tarfile.TarFile, entry: tarfile.TarInfo, directory: str) -> None:
    content = archive.extractfile(entry) if entry.isreg() and _NAME.fullmatch(entry.name) else None
    if content is None:
        raise ArchiveUnreadable(f"The archive holds {entry.name!r}, which pg_dump does not write.", hint="Choose another backup.")
    with open(os.open(os.path.join(directory, entry.name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(content, file, PIECE)


class StreamExit(io.RawIOBase):
    """What tarfile writes to."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        super().__init__()
        self._give = write

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._give(bytes(data))
        return len(data)


class StreamEntrance(io.RawIOBase):
    """What tarfile reads from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def run_out(self) -> None:
        for piece in self._pieces:
            del piece
