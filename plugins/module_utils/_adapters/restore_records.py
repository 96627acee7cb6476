# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of restores: ``<state_dir>/<stack>/postgres/restore-<run id>.json``, each written whole and durable before every step.

Those of Redis lie in ``redis``.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable, Generic, Iterator, List, Optional, Protocol, TypeVar

from .._core.backup_manifest import directory_name
from .._core.errors import StateUnwritable
from .._core.restore_record import parse_record
from .._core.stack import Stack
from .backup_store import BackupBusy
from .files import alone, make_private_directory, sync_directory, write_atomically

_PREFIX, _SUFFIX = "restore-", ".json"


class Storable(Protocol):
    @property
    def run_id(self) -> str: ...

    @property
    def service(self) -> str: ...

    def to_bytes(self) -> bytes: ...


Record = TypeVar("Record", bound=Storable)


class RestoreRecords(Generic[Record]):
    """Of one service of one stack. ``kind`` is the directory they lie in, ``parse`` reads one."""

    def __init__(self, stack: Stack, service: str, kind: str = "postgres", parse: Callable[[bytes, str], Any] = parse_record) -> None:
        self.directory = stack.in_state(kind)
        self._service = service
        self._parse = parse

    def all(self) -> List[Record]:
        """Oldest first; raises RecordUnreadable for one that cannot be trusted."""
        found = []
        with _files_of(self.directory):
            names = sorted(os.listdir(self.directory)) if os.path.isdir(self.directory) else []
            for name in names:
                if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                    path = os.path.join(self.directory, name)
                    with open(path, "rb") as handle:
                        found.append(self._parse(handle.read(), path))
        return [record for record in found if record.service == self._service]

    def current(self, record: Record) -> Optional[Record]:
        """As it is now, which is certain only while ``working_on`` its database; None when it was removed."""
        return next((one for one in self.all() if one.run_id == record.run_id), None)

    def write(self, record: Record) -> Record:
        """Returns only when it would survive a power cut."""
        with _files_of(self.directory):
            make_private_directory(self.directory)
            write_atomically(self._path(record), record.to_bytes())
        return record

    def remove(self, record: Record) -> None:
        with _files_of(self.directory), contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(record))
            sync_directory(self.directory)

    @contextlib.contextmanager
    def working_on(self, database: str) -> Iterator[None]:
        """One restore of a database at a time. The kernel lets go when a process dies. Raises BackupBusy with who holds it."""

        def busy(holder: str) -> BackupBusy:
            return BackupBusy(f"Another run restores {database}: {holder}.", hint="Wait until it has ended, and run again.", subject=database)

        with contextlib.ExitStack() as stack:
            with _files_of(self.directory):
                make_private_directory(self.directory)
                stack.enter_context(alone(os.path.join(self.directory, f"{directory_name(database)}.lock"), busy))
            yield

    def _path(self, record: Record) -> str:
        return os.path.join(self.directory, f"{_PREFIX}{record.run_id}{_SUFFIX}")


@contextlib.contextmanager
def _files_of(directory: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateUnwritable(
            f"The records of restores in {directory} cannot be read or written: {error.strerror} ({error.filename}).",
            hint="Check the owner and the disk, and that the task runs as the right user (become).",
            path=str(error.filename),
        ) from error
