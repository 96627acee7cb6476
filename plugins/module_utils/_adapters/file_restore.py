# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts files of an archive back in place, all of them or none, or unpacks it beside."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from dataclasses import dataclass
from typing import IO, Callable, Dict, Iterator, List, Sequence

from .._core.errors import BadInput, StateUnwritable
from .._core.file_members import DIRECTORY, FILE, LINK, Member, member_differences
from .._core.restore_errors import ArchiveUnreadable
from .files import sync_directory, write_atomically

_PIECE = 1 << 20


@dataclass(frozen=True)
class Placed:
    """What is to be at a path. ``content`` is of files; ``change`` says in a word what is different now, and is empty when nothing is."""

    path: str
    member: Member
    content: bytes = b""
    change: str = ""


def compared(root: str, member: Member, content: bytes) -> Placed:
    """Raises BadInput where something of another type is in the way."""
    path = os.path.join(root, member.name)
    if member.type == FILE and os.path.islink(path):
        path = os.path.realpath(path)  # a link stays a link, and the file that it leads to is replaced
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return Placed(path, member, content, "missing")
    if _type_of(status.st_mode) != member.type:
        raise BadInput(
            f"{path} is no {member.type}, and the backup has one of this name. Nothing was changed.", hint="Look at it, and move it away.", path=path
        )
    if member.type == LINK:
        return Placed(path, member, content, "" if os.readlink(path) == member.target else "other target")
    if member.type == FILE and _content(path) != content:
        return Placed(path, member, content, "other content")
    if stat.S_IMODE(status.st_mode) != member.mode:
        return Placed(path, member, content, f"mode {stat.S_IMODE(status.st_mode):04o}")
    if os.geteuid() == 0 and (status.st_uid, status.st_gid) != (member.uid, member.gid):
        return Placed(path, member, content, f"owner {status.st_uid}:{status.st_gid}")
    return Placed(path, member, content)


@contextlib.contextmanager
def all_or_none() -> Iterator[Callable[[Placed], None]]:
    """What places one thing after the other; when anything fails within, everything is as it was before."""
    undo: List[Callable[[], None]] = []

    def place(one: Placed) -> None:
        undo.append(_way_back(one.path))
        _put(one)

    try:
        yield place
    except BaseException as error:
        for step in reversed(undo):
            step()
        if isinstance(error, OSError):
            raise StateUnwritable(
                f"{error.filename} cannot be written: {error.strerror}. Everything is as it was.",
                hint="Look at its owner and the disk.",
                path=str(error.filename),
            ) from error
        raise


def unpack_into(into: str, expected: Sequence[Member], read: Callable[[Callable[[Member, IO[bytes]], None]], List[Member]]) -> None:
    """A new directory with all of it, or nothing. ``read`` hands each member with its content to what it is given."""
    parent = os.path.dirname(into.rstrip("/"))
    os.makedirs(parent, exist_ok=True)
    temporary = os.path.join(parent, f".tmp-restore-{secrets.token_hex(4)}")
    os.mkdir(temporary, 0o700)
    directories: Dict[str, Member] = {}

    def keep(member: Member, content: IO[bytes]) -> None:
        path = _below(temporary, member.name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if member.type == DIRECTORY:
            os.makedirs(path, exist_ok=True)
            directories[path] = member
        elif member.type == LINK:
            os.symlink(member.target, path)
            _own(path, member)
        else:
            _write_new(path, content)
            _own(path, member)

    try:
        problems = member_differences(expected, read(keep))
        if problems:
            raise ArchiveUnreadable(f"The archive is not what its list says: {'; '.join(problems)}.", hint="Choose another backup.")
        for path in sorted(directories, reverse=True):
            _own(path, directories[path])
        if os.path.isdir(into):
            os.rmdir(into)  # it is empty
        os.rename(temporary, into)
        sync_directory(parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _put(one: Placed) -> None:
    member, directory = one.member, os.path.dirname(one.path)
    os.makedirs(directory, exist_ok=True)
    if member.type == DIRECTORY:
        os.makedirs(one.path, exist_ok=True)
        _own(one.path, member)
    elif member.type == LINK:
        temporary = f"{one.path}.{secrets.token_hex(4)}"
        os.symlink(member.target, temporary)
        _own(temporary, member)
        os.replace(temporary, one.path)
    else:
        write_atomically(one.path, one.content, member.mode)
        _own(one.path, member)
    sync_directory(directory)


def _way_back(path: str) -> Callable[[], None]:
    """How a path becomes again what it is now."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return lambda: _remove(path)
    kind = _type_of(status.st_mode)
    target = os.readlink(path) if kind == LINK else ""
    before = Member(path, kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, target=target)
    content = _content(path) if kind == FILE else b""
    return lambda: _put(Placed(path, before, content))


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            with contextlib.suppress(OSError):  # somebody else has put something there meanwhile
                os.rmdir(path)
        else:
            os.unlink(path)


def _below(root: str, name: str) -> str:
    """Raises ArchiveUnreadable when a link of the archive would lead out of the root."""
    path = os.path.join(root, name)
    top, parent = os.path.realpath(root), os.path.realpath(os.path.dirname(path))
    if parent != top and not parent.startswith(f"{top}/"):
        raise ArchiveUnreadable(f"{name!r} in the archive leads out of it.", hint="Choose another backup.")
    return path


def _write_new(path: str, content: IO[bytes]) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        shutil.copyfileobj(content, target, _PIECE)


def _own(path: str, member: Member) -> None:
    """Owners can be given away by root only."""
    if os.geteuid() == 0:
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if member.type != LINK:  # the mode of a link is never asked for
        os.chmod(path, member.mode)
    if member.mtime:
        os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)


def _type_of(mode: int) -> str:
    return DIRECTORY if stat.S_ISDIR(mode) else LINK if stat.S_ISLNK(mode) else FILE if stat.S_ISREG(mode) else "special file"


def _content(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()
