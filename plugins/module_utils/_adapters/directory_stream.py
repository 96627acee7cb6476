# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump by several workers at once: into a directory of the host, then as one file of the backup."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from typing import Callable, Sequence, Tuple

from .._core.backup_manifest import BackupFile
from .._core.errors import TimedOut
from .._core.helper_container import HelperEnded, Mount
from .archive_directory import pack
from .archive_writer import ArchiveWriter
from .helper_container import HelperContainer
from .helper_stream import INSIDE, Streamed, StreamSettings, require_good, warnings_of
from .postgres_client import PostgresClient

DIRECTORY = "pg_dump-directory-tar"
FILE = "database.tar.zst"
_TEMPORARY, _CONTENTS = "dump.d", "toc.dat"
_LOOK_SECONDS = 0.5

directory_inside = f"{INSIDE}/{_TEMPORARY}"


@dataclass(frozen=True)
class ParallelDump:
    """``argv`` writes the directory ``directory_inside``."""

    argv: Sequence[str]
    environment: Tuple[Tuple[str, str], ...] = ()


class DirectoryStream:
    """``on_piece`` is told how many bytes came, and may raise to end it all; ``on_packing`` is called when all are there."""

    def __init__(self, client: PostgresClient, settings: StreamSettings, on_piece: Callable[[int], None], on_packing: Callable[[int], None]) -> None:
        self._client = client
        self._settings = settings
        self._on_piece = on_piece
        self._on_packing = on_packing
        self._path = os.path.join(settings.directory, _TEMPORARY)

    def run(self, dump: ParallelDump, keep: int) -> Streamed:
        """Needs room for the dump before compression. The file holds what pg_restore read to its end; keeps the first bytes of the contents."""
        deadline = time.monotonic() + self._settings.timeout
        mounts = (Mount(self._settings.directory, INSIDE, writable=True),)
        try:
            with self._client.helper("dump", dump.argv, mounts, **dict(dump.environment)) as helper:
                ended = self._await(helper, deadline)
                require_good(ended, dump.argv[0])
            self._read_back(deadline)
            with open(os.path.join(self._path, _CONTENTS), "rb") as contents:
                beginning = contents.read(keep)
            return Streamed(self._pack(deadline), beginning, warnings_of(ended))
        finally:
            shutil.rmtree(self._path, ignore_errors=True)

    def _await(self, helper: HelperContainer, deadline: float) -> HelperEnded:
        known = 0
        while True:
            running = bool(helper.state().get("Running"))
            size = _size(self._path)
            self._settings.floor.check()
            self._on_piece(max(0, size - known))
            known = max(size, known)
            if not running:
                return helper.wait(1.0)
            if time.monotonic() >= deadline:
                raise TimedOut("The dump did not end within its time.", hint="Give it more time ('timeout').")
            time.sleep(_LOOK_SECONDS)

    def _read_back(self, deadline: float) -> None:
        argv = ["pg_restore", "--format=directory", "--file=/dev/null", directory_inside]
        with self._client.offline("dump-check", argv, (Mount(self._settings.directory, INSIDE),)) as helper:
            require_good(helper.wait(max(1.0, deadline - time.monotonic())), argv[0])

    def _pack(self, deadline: float) -> BackupFile:
        self._on_packing(_size(self._path))
        settings = self._settings
        path = os.path.join(settings.directory, FILE + (".age" if settings.recipients else ""))
        with ArchiveWriter(path, settings.recipients, settings.floor, deadline) as writer:

            def write(piece: bytes) -> None:
                writer.write(piece)
                self._on_piece(len(piece))

            pack(self._path, write)
            return writer.finish(DIRECTORY)


def _size(directory: str) -> int:
    try:
        with os.scandir(directory) as entries:
            return sum(entry.stat().st_size for entry in entries)
    except FileNotFoundError:  # not made yet, or a file that was just renamed
        return 0
