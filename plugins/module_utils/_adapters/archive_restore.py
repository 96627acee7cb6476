# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores one archive into one database that is empty, with the server's own pg_restore or psql in a helper container."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, List, Optional, Protocol, Tuple

from .._core.backup_errors import BackupNoSpace
from .._core.helper_container import HelperEnded, Mount
from .._core.restore_errors import ArchiveRejected, ScratchFailed
from .archive_directory import unpack
from .archive_reader import ArchiveFile, ArchiveReader
from .archive_writer import free_bytes
from .directory_stream import DIRECTORY
from .fifo import FifoSink, make_fifo
from .helper_container import HelperContainer
from .postgres_dump import Server

CUSTOM, SQL = "pg_dump-custom", "sql"
_FORMATS = {CUSTOM: "custom", DIRECTORY: "directory"}
_INSIDE = "/in"
_PIPE, _COPY = "archive.pipe", "archive"
_SPARE_BYTES = 2**30
# Parallel workers of one index share memory; the engine gives containers 64 MiB of it unless it is told otherwise.
_SMALL_SHARED_MEMORY = 128 * 2**20
_LONGEST_LINE = 300
_SIGNALLED = 128
_LAST_WORDS_SECONDS = 30.0


class Guard(Protocol):
    """Looks at a stream on its way, and raises for what must not go through."""

    def pass_on(self, pieces: Iterable[bytes]) -> Iterable[bytes]: ...


@dataclass(frozen=True)
class ArchiveInput:
    """``format`` is pg_dump-custom, pg_dump-directory-tar or sql."""

    file: ArchiveFile
    format: str
    guard: Optional[Guard] = None


@dataclass(frozen=True)
class RestoreSettings:
    """``work_dir`` is a private directory of this host. ``purpose`` becomes part of application_name."""

    work_dir: str
    purpose: str
    jobs: int = 1
    timeout: float = 14400.0
    keep_tablespaces: bool = True


class ArchiveRestore:
    """Into databases of one server. ``on_piece`` is told the size of every piece that was read."""

    def __init__(self, server: Server, settings: RestoreSettings, on_piece: Callable[[int], None]) -> None:
        self._server = server
        self._settings = settings
        self._on_piece = on_piece
        self._deadline = time.monotonic() + settings.timeout

    def run(self, archive: ArchiveInput, database: str) -> None:
        """The first error ends it; the database is then of no use."""
        if archive.format == DIRECTORY:
            with unpacked(archive.file, self._settings.work_dir, self._on_piece) as path:
                self._run_from_file(path, database, DIRECTORY)
            return
        if archive.format == CUSTOM and self._settings.jobs > 1:
            path = self._as_file(archive.file)
            if path:
                try:
                    self._run_from_file(path, database)
                finally:
                    if path != archive.file.path:
                        os.unlink(path)
                return
        self._run_from_pipe(archive, database)

    def _run_from_pipe(self, archive: ArchiveInput, database: str) -> None:
        pipe = make_fifo(os.path.join(self._settings.work_dir, _PIPE))
        argv = self._command(archive.format, f"{_INSIDE}/{_PIPE}", database)
        with self._helper(argv, Mount(self._settings.work_dir, _INSIDE)) as helper:
            pour(archive, helper, FifoSink(pipe, lambda: _runs(helper), self._deadline), self._on_piece)
            _require_good(helper.wait(self._left()), argv[0])

    def _as_file(self, file: ArchiveFile) -> str:
        """A file that several workers can read at once: itself when it is plain, else a copy where there is room for one; empty if there is not."""
        if not file.commands:
            return file.path
        if file.plain_bytes < 0 or free_bytes(self._settings.work_dir) < file.plain_bytes + _SPARE_BYTES:
            return ""
        path = os.path.join(self._settings.work_dir, _COPY)
        with open(path, "xb", buffering=0) as copy, ArchiveReader(file) as reader:
            for piece in reader:
                view = memoryview(piece)
                while view:
                    view = view[copy.write(view) :]
                self._on_piece(len(piece))
        return path

    def _run_from_file(self, path: str, database: str, kind: str = CUSTOM) -> None:
        argv = self._command(kind, f"{_INSIDE}/{_COPY}", database) + [f"--jobs={self._settings.jobs}"]
        with self._helper(argv, Mount(path, f"{_INSIDE}/{_COPY}")) as helper:
            _require_good(helper.wait(self._left()), argv[0])

    def _command(self, kind: str, source: str, database: str) -> List[str]:
        target = f"--dbname={as_connection_string(database)}"
        if kind == SQL:
            return ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", "--output=/dev/null", f"--file={source}", target]
        tablespaces = [] if self._settings.keep_tablespaces else ["--no-tablespaces"]
        return ["pg_restore", f"--format={_FORMATS[kind]}", "--exit-on-error", "--no-password", *tablespaces, target, source]

    def _helper(self, argv: List[str], mount: Mount) -> HelperContainer:
        environment = {"PGAPPNAME": f"runbook.compose {self._settings.purpose}", "PGOPTIONS": " ".join(self._options())}
        return self._server.client.helper("restore", argv, (mount,), **environment)

    def _options(self) -> List[str]:
        """Settings of the restoring sessions. Workers of one statement (an index, a view that is filled) share memory of which a container may have little."""
        options = ["-c statement_timeout=0", "-c lock_timeout=0", "-c idle_in_transaction_session_timeout=0"]
        shared = ((self._server.service.inspected.get("HostConfig") or {}).get("ShmSize")) or 0
        alone = ["-c max_parallel_maintenance_workers=0", "-c max_parallel_workers_per_gather=0"]
        return options + (alone if shared < _SMALL_SHARED_MEMORY else [])

    def _left(self) -> float:
        return max(1.0, self._deadline - time.monotonic())


def read_whole(open_helper: Callable[[List[str], Mount], HelperContainer], archive: ArchiveInput, work_dir: str, timeout: float) -> None:
    """Level 1: lets pg_restore read the archive from its beginning to its end, without a server; other files are just read."""
    deadline = time.monotonic() + timeout
    if archive.format == DIRECTORY:
        argv = ["pg_restore", "--format=directory", "--file=/dev/null", f"{_INSIDE}/{_COPY}"]
        with unpacked(archive.file, work_dir, lambda size: None) as path, open_helper(argv, Mount(path, f"{_INSIDE}/{_COPY}")) as helper:
            _require_good(helper.wait(max(1.0, deadline - time.monotonic())), argv[0])
        return
    if archive.format != CUSTOM:
        with ArchiveReader(archive.file) as reader:
            for piece in reader:
                del piece
        return
    pipe = make_fifo(os.path.join(work_dir, _PIPE))
    argv = ["pg_restore", "--format=custom", "--file=/dev/null", f"{_INSIDE}/{_PIPE}"]
    with open_helper(argv, Mount(work_dir, _INSIDE)) as helper:
        pour(archive, helper, FifoSink(pipe, lambda: _runs(helper), deadline), lambda size: None)
        _require_good(helper.wait(max(1.0, deadline - time.monotonic())), argv[0])


@contextlib.contextmanager
def unpacked(file: ArchiveFile, work_dir: str, on_piece: Callable[[int], None]) -> Iterator[str]:
    """The directory that pg_dump wrote, for as long as the block takes."""
    if free_bytes(work_dir) < file.plain_bytes + _SPARE_BYTES:
        raise BackupNoSpace(f"The disk of {work_dir} has no room to unpack {file.plain_bytes >> 20} MiB.", hint="Make room.")
    path = os.path.join(work_dir, _COPY)
    try:
        with ArchiveReader(file) as reader:
            unpack(_told(reader, on_piece), path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _told(pieces: Iterable[bytes], on_piece: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        on_piece(len(piece))
        yield piece


def pour(archive: ArchiveInput, helper: HelperContainer, sink: FifoSink, on_piece: Callable[[int], None]) -> None:
    """The whole archive into a pipe. A program that leaves before the end must have failed; what it says then goes first."""
    with sink, ArchiveReader(archive.file) as reader:
        for piece in archive.guard.pass_on(reader) if archive.guard else reader:
            sink.write(piece)
            on_piece(len(piece))
            if sink.left_early:
                break
    if sink.left_early:
        _require_good(helper.wait(_LAST_WORDS_SECONDS), "The program that reads the archive")
        raise ArchiveRejected("The program that reads the archive ended well, and did not read it to its end.", hint="Choose another backup.")


def as_connection_string(database: str) -> str:
    """The name of a database as an argument that libpq takes for nothing else."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _require_good(ended: HelperEnded, program: str) -> None:
    """The exit code, and no error among what it said. A program that was killed says nothing about the archive."""
    if ended.oom_killed or ended.exit_code >= _SIGNALLED:
        cause = "for want of memory" if ended.oom_killed else f"(exit code {ended.exit_code})"
        raise ScratchFailed(f"{program} was killed {cause}.", hint="Look at the memory of the host.")
    said = _first_lines(ended.stderr)
    errors = [line for line in ended.stderr.splitlines() if line.startswith(f"{program}: error:")]
    if ended.exit_code != 0 or errors:
        raise ArchiveRejected(
            f"{program} stopped (exit code {ended.exit_code}): {' | '.join(said) or 'it gave no reason'}",
            hint="The first error is shown.",
            exit_code=ended.exit_code,
            stderr=list(said),
        )


def _runs(helper: HelperContainer) -> bool:
    return bool(helper.state().get("Running"))


def _first_lines(said: str) -> Tuple[str, ...]:
    """Where an error begins; what follows may hold rows of the data."""
    return tuple(line[:_LONGEST_LINE] for line in said.strip().splitlines()[:2])
