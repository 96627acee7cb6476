# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one file of a backup: decrypted by age, decompressed, hashed; flat in memory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Iterator, List, Optional, Sequence, Tuple, Type

from .._core.backup_errors import BackupStageFailed
from .._core.backup_manifest import BackupFile
from .._core.restore_errors import ArchiveUnreadable
from .fifo import PIECE
from .processes import ChildProcess

DECOMPRESS = {"zstd": ("zstd", "-q", "-d", "-c"), "gzip": ("gzip", "-d", "-c")}


@dataclass(frozen=True)
class ArchiveFile:
    """A file and what it takes to read it. Without ``plain_sha256`` nobody knows what should come out."""

    path: str
    compression: str = ""  # "", zstd or gzip
    encrypted: bool = False
    identity_file: str = ""
    plain_bytes: int = -1
    plain_sha256: str = ""

    @classmethod
    def of_backup(cls, directory: str, file: BackupFile, identity_file: str) -> "ArchiveFile":
        path = os.path.join(directory, file.path)
        return cls(path, file.compression, bool(file.encryption), identity_file, file.plain_bytes, file.plain_sha256)

    @property
    def commands(self) -> List[Sequence[str]]:
        """The programs that the file goes through, none for a plain one."""
        decrypt: List[Sequence[str]] = [("age", "-d", "-i", self.identity_file)] if self.encrypted else []
        return decrypt + ([DECOMPRESS[self.compression]] if self.compression else [])

    @property
    def programs(self) -> List[str]:
        return [command[0] for command in self.commands]


class ArchiveReader:
    """Use it as a context: programs that still run at its end are ended. ``plain_bytes`` counts what was read so far."""

    def __init__(self, file: ArchiveFile) -> None:
        self._file = file
        self._programs: List[Tuple[str, ChildProcess, IO[bytes]]] = []
        self._digest = hashlib.sha256()
        self.plain_bytes = 0

    def __enter__(self) -> "ArchiveReader":
        source: Any = open(self._file.path, "rb", buffering=0)
        try:
            for command in self._file.commands:
                said = tempfile.TemporaryFile()
                process = ChildProcess(list(command), stdin=source, stdout=subprocess.PIPE, stderr=said, bufsize=0)
                self._programs.append((command[0], process, said))
                source.close()  # else a program would not notice that the one after it is gone
                source = process.stdout
        except BaseException:
            source.close()
            self._end()
            raise
        self._exit = source
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._exit.close()
        self._end()

    def __iter__(self) -> Iterator[bytes]:
        """All pieces; after the last one, raises unless every program ended well and what came out is what the manifest says."""
        while True:
            piece = self._exit.read(PIECE)
            if not piece:
                break
            self._digest.update(piece)
            self.plain_bytes += len(piece)
            yield piece
        for name, process, said in self._programs:
            _require_success(name, process.wait(), said)
        if self._file.plain_sha256 and (self.plain_bytes, self._digest.hexdigest()) != (self._file.plain_bytes, self._file.plain_sha256):
            raise ArchiveUnreadable(
                f"{os.path.basename(self._file.path)}: {self.plain_bytes} bytes came out of it, not the {self._file.plain_bytes} that were put in.",
                hint="Choose another backup.",
            )

    def _end(self) -> None:
        for _name, process, said in self._programs:
            process.__exit__(None, None, None)
            said.close()


def _require_success(name: str, code: int, said: IO[bytes]) -> None:
    """A program that was killed says nothing about the file; one that refuses it does."""
    if code == 0:
        return
    said.seek(0)
    words = " ".join(said.read(2000).decode(errors="replace").split()) or "it gave no reason"
    if code < 0:
        raise BackupStageFailed(f"{name} was killed by signal {-code}.", hint="Look at the memory of the host.", stage=name, exit_code=code)
    hint = "Is encryption.identity_file the key of one of the recipients?" if name == "age" else "Choose another file."
    raise ArchiveUnreadable(f"{name} cannot read it (exit code {code}): {words}", hint=hint, stage=name, exit_code=code)
