# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base backups and the received log of one database cluster, below ``<backup_dir>/<stack>/<service>/pitr/<system identifier>/``.

``wal`` is where the log is received; ``wal-old`` has what was received before the slot was made anew; ``base/<id>`` are base backups.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from datetime import datetime
from typing import Iterable, Iterator, List, Tuple

from .._core.backup_manifest import directory_name, is_id, new_id, sequence_of
from .._core.pitr import Base, BaseUnreadable, parse_base
from .._core.wal import Wal, WalFile, is_history, parse_file, segment_name
from .files import make_private_directory, sync_directory, write_atomically

SUBJECT = "pitr"  # in the store of the service's backups, whose lock it shares
DATA, DESCRIPTION = "data", "base.json"
_TEMPORARY, _TRASH, _RECOVERY = ".tmp-", ".trash-", ".recover-"


def root_of(backup_dir: str, stack: str, service: str) -> str:
    return os.path.join(backup_dir, directory_name(stack), directory_name(service), SUBJECT)


def clusters(root: str) -> List["PitrStore"]:
    """Every cluster that anything was kept of."""
    return [PitrStore(root, name) for name in _entries(root) if name.isdigit()]


class PitrStore:
    """Nothing but files of ours, by their names, is ever read or removed."""

    def __init__(self, root: str, system_identifier: str) -> None:
        self.system_identifier = system_identifier
        self.directory = os.path.join(root, system_identifier)
        self.wal_directory = os.path.join(self.directory, "wal")
        self._old = os.path.join(self.directory, "wal-old")
        self._bases = os.path.join(self.directory, "base")

    def bases(self) -> Tuple[List[Base], List[str]]:
        """Oldest first; and the directories that look like base backups and cannot be trusted."""
        found, unreadable = [], []
        for name in filter(is_id, _entries(self._bases)):
            path = os.path.join(self._bases, name)
            try:
                found.append(self._read(path, name))
            except BaseUnreadable:
                unreadable.append(path)
        return sorted(found, key=lambda base: base.finished), unreadable

    def data_of(self, base: Base) -> str:
        return os.path.join(self._bases, base.id, DATA)

    def wal(self, segment_bytes: int) -> Wal:
        return Wal.of(self._segments(segment_bytes), segment_bytes)

    def prepare_wal(self, owner: Tuple[int, int]) -> None:
        """``owner`` is the uid and gid of the server's files."""
        for directory in (self.wal_directory, self._bases, self._old):
            make_private_directory(directory)
        for directory in (self.wal_directory, self._old):
            os.chown(directory, *owner)

    def has_wal(self) -> bool:
        return any(not name.startswith(".") for name in _entries(self.wal_directory))

    def retire_wal(self) -> None:
        """Makes room for a receiver that begins elsewhere: it goes on from the newest file that it finds."""
        make_private_directory(self._old)
        for name in _entries(self.wal_directory):
            os.replace(os.path.join(self.wal_directory, name), os.path.join(self._old, name))
        sync_directory(self._old)
        sync_directory(self.wal_directory)

    def begin_base(self, now: datetime) -> Tuple[str, str]:
        """The id of a new base backup and a private directory for it; removes what dead runs left."""
        make_private_directory(self._bases)
        for parent in (self._bases, self.directory):
            for name in _all_entries(parent):
                if name.startswith((_TEMPORARY, _TRASH)) or (name.startswith(_RECOVERY) and not _is_owned(name)):
                    shutil.rmtree(os.path.join(parent, name))
        backup_id = new_id(now, max((sequence_of(name) for name in _entries(self._bases)), default=0) + 1, secrets.randbits(16))
        path = os.path.join(self._bases, _TEMPORARY + backup_id)
        os.mkdir(path, 0o700)
        return backup_id, path

    def publish_base(self, temporary: str, base: Base) -> None:
        """By one rename. The program that wrote the data has made them durable."""
        write_atomically(os.path.join(temporary, DESCRIPTION), base.to_bytes(), 0o400)
        os.rename(temporary, os.path.join(self._bases, base.id))
        sync_directory(self._bases)

    def abandon(self, temporary: str) -> None:
        shutil.rmtree(temporary, ignore_errors=True)

    def remove_base(self, base: Base) -> None:
        trash = os.path.join(self._bases, _TRASH + base.id)
        os.rename(os.path.join(self._bases, base.id), trash)
        sync_directory(self._bases)
        shutil.rmtree(trash)

    def superfluous_wal(self, first_needed: int, segment_bytes: int) -> List[WalFile]:
        """What lies before a segment. Parts that are still received never do."""
        return [file for file in self._segments(segment_bytes) if file.number < first_needed]

    def remove_wal(self, files: Iterable[WalFile]) -> None:
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.path)

    @contextlib.contextmanager
    def recovery_directory(self) -> Iterator[str]:
        """A directory for a copy of a base backup, gone afterwards. Others may enter, but its parents are private."""
        make_private_directory(self.directory)
        path = os.path.join(self.directory, f"{_RECOVERY}{os.getpid()}-{secrets.token_hex(4)}")
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def link_wal(self, files: Iterable[WalFile], segment_bytes: int, directory: str) -> None:
        """Puts segments under their whole names into a directory, so that a recovery sees just what was looked at."""
        os.mkdir(directory, 0o755)
        os.chmod(directory, 0o755)
        for file in files:
            _link(file.path, os.path.join(directory, segment_name(file.timeline, file.number, segment_bytes)))
        for parent in (self._old, self.wal_directory):
            for name in filter(is_history, _entries(parent)):
                with contextlib.suppress(FileExistsError):
                    _link(os.path.join(parent, name), os.path.join(directory, name))

    def _segments(self, segment_bytes: int) -> Iterator[WalFile]:
        for directory in (self.wal_directory, self._old):
            for name in _entries(directory):
                path = os.path.join(directory, name)
                with contextlib.suppress(FileNotFoundError):  # a part becomes whole under a new name at any time
                    file = parse_file(path, os.stat(path).st_size, segment_bytes)
                    if file is not None:
                        yield file

    def _read(self, path: str, name: str) -> Base:
        description = os.path.join(path, DESCRIPTION)
        try:
            with open(description, "rb") as handle:
                base = parse_base(handle.read(), description)
        except OSError as error:
            raise BaseUnreadable(f"{description} cannot be read: {error.strerror}.", hint="Choose another base backup.", path=description) from error
        if base.id != name or not os.path.isdir(os.path.join(path, DATA)):
            raise BaseUnreadable(f"{path} is not the base backup that it says it is.", hint="Choose another base backup.", path=path)
        return base


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
        status = os.stat(source)
        os.chown(target, status.st_uid, status.st_gid)


def _is_owned(name: str) -> bool:
    """Whether the module that made a recovery directory still lives."""
    return os.path.exists(f"/proc/{name[len(_RECOVERY):].partition('-')[0]}")


def _entries(directory: str) -> List[str]:
    return [name for name in _all_entries(directory) if not name.startswith(".")]


def _all_entries(directory: str) -> List[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
