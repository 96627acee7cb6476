# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from typing import Any, Callable, Iterator, Optional, Tuple

_PIECE = 1 << 20


def read_text(path: str) -> Optional[str]:
    """The text of a file, or None when there is no such file."""
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def write_atomically(path: str, content: bytes, mode: int = 0o600, keep_owner: bool = True) -> None:
    """Replaces a file by a complete new one: a reader, or a crash, sees the old content or the new, never a part.

    The owner of a replaced file stays (where we may set it) unless ``keep_owner`` is false.
    """
    directory = os.path.dirname(os.path.abspath(path))
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            os.fchmod(handle.fileno(), mode)
            if keep_owner:
                _take_owner_of(path, handle.fileno())
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(directory)


def write_json(path: str, value: Any, mode: int = 0o600) -> None:
    """Writes sorted, indented JSON whole or not at all."""
    write_atomically(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode(), mode)


def link_atomically(path: str, target: str) -> None:
    """Lets a symbolic link name something else: it names the old target or the new one, and nothing is left beside it."""
    temporary = f"{path}.{secrets.token_hex(4)}"
    os.symlink(target, temporary)
    try:
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def make_durable(path: str, mode: int) -> None:
    """What somebody else wrote is on the disk afterwards, with this mode."""
    with open(path, "rb") as handle:
        os.fchmod(handle.fileno(), mode)
        os.fsync(handle.fileno())


def append_line(path: str, line: str, mode: int = 0o600) -> None:
    """Adds one line to a journal in one write, and makes it durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode)
    try:
        os.write(descriptor, (line.rstrip("\n") + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: str) -> None:
    """Makes a directory (and its parents) that only its owner can read, and that a power cut does not take away again."""
    directory = os.path.abspath(path)
    missing = []
    while not os.path.isdir(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for directory in reversed(missing):  # os.makedirs gives its mode to the last one only
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, 0o700)
        with contextlib.suppress(PermissionError):  # a parent that we may write to and not read
            sync_directory(os.path.dirname(directory))


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds an exclusive lock for a short read-change-write. The kernel frees it when the process dies."""
    make_private_directory(os.path.dirname(path))
    with open(path, "a", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def alone(path: str, busy: Callable[[str], Exception]) -> Iterator[None]:
    """Holds a lock, or raises what ``busy`` makes of who holds it. The kernel frees it when the process dies."""
    with open(path, "a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise busy(f"process {handle.read().strip() or 'unknown'}") from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def hashed(path: str) -> Tuple[int, str]:
    """Size and SHA-256 of what a file holds."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as handle:
        while True:
            piece = handle.read(_PIECE)
            if not piece:
                return size, digest.hexdigest()
            digest.update(piece)
            size += len(piece)


def _take_owner_of(path: str, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        status = os.stat(path)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, status.st_uid, status.st_gid)


def sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
