# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes one file of a backup: hashed, compressed by zstd, encrypted by age, hashed again; flat in memory."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import subprocess
import tempfile
import threading
from types import TracebackType
from typing import Any, List, Optional, Sequence, Type

from .._core.backup_errors import BackupNoSpace, BackupStageFailed
from .._core.backup_manifest import BackupFile
from .._core.errors import OperationError
from .conveyor import Conveyor
from .fifo import PIECE, widen
from .processes import ChildProcess

COMPRESS = ("zstd", "-q", "-3", "-T0", "-c")


def encrypt_command(recipients: Sequence[str]) -> List[str]:
    """Recipients are public keys, so they may be seen in the list of processes."""
    return ["age", *(word for recipient in recipients for word in ("-r", recipient))]


class SpaceFloor:
    """Keeps a part of a disk free, for everybody else on it."""

    def __init__(self, directory: str, floor_bytes: int) -> None:
        self._directory = directory
        self._floor = floor_bytes

    def check(self) -> None:
        free = free_bytes(self._directory)
        if free < self._floor:
            raise BackupNoSpace(
                f"Only {free >> 20} MiB are left on the disk of {self._directory}; the backup stops at {self._floor >> 20} MiB. Nothing was published.",
                hint="Make room, or let retention remove old backups (playbooks/backup/retention.yml).",
                free_bytes=free,
                floor_bytes=self._floor,
            )


class ArchiveWriter:
    """Use it as a context: programs that still run at its end are ended. ``written`` counts bytes on disk.

    Not to be written to after ``deadline`` (of the monotonic clock).
    """

    def __init__(self, path: str, recipients: Sequence[str], floor: SpaceFloor, deadline: float) -> None:
        self._deadline = deadline
        self._path = path
        self._recipients = tuple(recipients)
        self._floor = floor
        self._programs: List[_Program] = []
        self._plain, self._final = hashlib.sha256(), hashlib.sha256()
        self._failure: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._take, daemon=True)
        self.plain_bytes = 0
        self.written = 0

    def __enter__(self) -> "ArchiveWriter":
        with contextlib.ExitStack() as stack:
            self._programs.append(stack.enter_context(_Program(COMPRESS, subprocess.PIPE)))
            if self._recipients:
                self._programs.append(stack.enter_context(_Program(encrypt_command(self._recipients), self._programs[0].exit)))
                self._programs[0].exit.close()  # else zstd would not notice that age is gone
            self._file = stack.enter_context(open(self._path, "xb", opener=_private, buffering=0))
            self._stack = stack.pop_all()
        self._thread.start()
        self._belt = Conveyor(self._put_in, self._deadline)
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        for program in self._programs:
            program.end()
        self._belt.abandon()
        self._thread.join()
        self._stack.close()

    def write(self, piece: bytes) -> None:
        """Raises BackupStageFailed or BackupNoSpace for whatever broke further down, perhaps some pieces ago."""
        self._belt.put(piece)

    def _put_in(self, piece: bytes) -> None:
        self._plain.update(piece)
        self.plain_bytes += len(piece)
        view = memoryview(piece)
        try:
            while view:
                view = view[self._programs[0].write(view) :]
        except BrokenPipeError:
            self._thread.join()
            self._judge()
            raise  # never: somebody must have closed the pipe

    def finish(self, kind: str) -> BackupFile:
        """Lets everything run out, and describes the file; ``kind`` is its format as manifests name it."""
        self._belt.finish()
        self._programs[0].close_entrance()
        self._thread.join()
        self._judge()
        os.fsync(self._file.fileno())
        return BackupFile(
            path=os.path.basename(self._path),
            bytes=self.written,
            sha256=self._final.hexdigest(),
            plain_bytes=self.plain_bytes,
            plain_sha256=self._plain.hexdigest(),
            format=kind,
            compression="zstd",
            encryption={"type": "age", "recipients": list(self._recipients)} if self._recipients else {},
        )

    def _take(self) -> None:
        """Runs in a thread of its own: what comes out of the last program goes to disk."""
        last = self._programs[-1].exit
        try:
            while True:
                piece = last.read(PIECE)
                if not piece:
                    return
                self._floor.check()
                self._final.update(piece)
                self._keep(piece)
        except BaseException as error:  # told by the thread that writes
            self._failure = error
        finally:
            last.close()

    def _keep(self, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            count = self._file.write(view)
            view = view[count:]
            self.written += count

    def _judge(self) -> None:
        if isinstance(self._failure, OSError):
            raise _disk_failure(self._path, self._failure) from self._failure
        if self._failure is not None:
            raise self._failure
        for program in reversed(self._programs):  # one that dies takes those before it along
            program.require_success()


class _Program:
    """One program of the chain, with what it said on stderr."""

    def __init__(self, command: Sequence[str], entrance: Any) -> None:
        self._name = command[0]
        self._said = tempfile.TemporaryFile()
        try:
            self._process = ChildProcess(list(command), stdin=entrance, stdout=subprocess.PIPE, stderr=self._said, bufsize=0)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    widen(pipe.fileno())
        except BaseException:
            self._said.close()
            raise

    def __enter__(self) -> "_Program":
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.__exit__(*raised)
        self._said.close()

    @property
    def exit(self) -> Any:
        return self._process.stdout

    def write(self, piece: memoryview) -> int:
        return self._process.stdin.write(piece) if self._process.stdin else 0

    def close_entrance(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()

    def require_success(self) -> None:
        code = self._process.wait()
        if code != 0:
            self._said.seek(0)
            said = " ".join(self._said.read(2000).decode(errors="replace").split())
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise BackupStageFailed(
                f"{self._name} {how}: {said or 'it gave no reason'}. Nothing was published.",
                hint="Run again; look at the memory of the host when it was killed.",
                stage=self._name,
                exit_code=code,
            )


def free_bytes(directory: str) -> int:
    """What ordinary users may still write there."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _disk_failure(path: str, error: OSError) -> OperationError:
    where = os.path.dirname(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BackupNoSpace(f"The disk of {where} is full. Nothing was published.", hint="Make room there.", free_bytes=0)
    return BackupStageFailed(
        f"Writing below {where} failed: {error.strerror or error}. Nothing was published.", hint="Look at the disk (dmesg).", stage="disk", exit_code=-1
    )
