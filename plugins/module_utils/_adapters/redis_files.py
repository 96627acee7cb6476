# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a stack's Redis in its volume: put beside, exchanged, put back, removed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Callable, List, Sequence

from .._core.errors import OperationError
from .._core.helper_container import HelperTask, Mount
from .._core.redis_file_moves import FilesThere, Move, moves_back, moves_forth
from .._core.redis_restore_record import RedisRestoreRecord
from .archive_reader import ArchiveFile
from .archive_restore import ArchiveInput, pour
from .fifo import FifoSink, make_fifo
from .helper_bench import HelperBench
from .redis_data import RedisHelpers

_PIPE, _INSIDE = "archive.pipe", "/in"


@dataclass(frozen=True)
class Owner:
    """As the file has them that is to be replaced."""

    user: str
    mode: str


class RedisFiles:
    """To be used while one bench is open."""

    def __init__(self, helpers: RedisHelpers, bench: HelperBench) -> None:
        self._helpers = helpers
        self._bench = bench
        self._data = helpers.data

    def owner(self) -> Owner:
        """Of the snapshot that is there; without one, of the directory."""
        there = os.path.basename(self._data.file) in self._bench.listed(os.path.dirname(self._data.file))
        looked = ("%u:%g %a", self._data.file) if there else ("%u:%g 600", self._data.directory)
        user, mode = self._bench.answer("stat", "-c", *looked).split()
        return Owner(user, mode)

    def stage(self, record: RedisRestoreRecord, archive: ArchiveFile, work_dir: str, timeout: float, on_piece: Callable[[int], None]) -> None:
        """The decompressed snapshot into a directory of its own in the volume, durable, with the right owner."""
        place, deadline = self._data.path(record.coming), time.monotonic() + timeout
        owner = self.owner()
        self._bench.must("rm", "-rf", place)
        self._bench.must("mkdir", "-m", "700", place)
        target = os.path.join(place, self._data.settings["dbfilename"])
        pipe = make_fifo(os.path.join(work_dir, _PIPE))
        argv = ("dd", f"if={_INSIDE}/{_PIPE}", f"of={target}", "bs=1M", "conv=fsync")
        mounts = (self._data.mounted(True), Mount(work_dir, _INSIDE))
        with self._helpers.made(HelperTask("stage", argv, mounts=mounts)) as helper:
            sink = FifoSink(pipe, lambda: bool(helper.state().get("Running")), deadline)
            pour(ArchiveInput(archive, ""), helper, sink, on_piece)
            helper.wait(max(1.0, deadline - time.monotonic())).require_success("dd")
        self._bench.must("chmod", owner.mode, target)
        self._bench.must("chown", "-R", owner.user, place)

    def hash_of(self, path: str, timeout: float) -> str:
        with self._helpers.helper("hash", ["sha256sum", path]) as hashing:
            ended = hashing.wait(timeout)
        ended.require_success("sha256sum")
        return ended.stdout.split(" ", 1)[0].lstrip("\\")

    def there(self, record: RedisRestoreRecord) -> FilesThere:
        """Makes the directories that are missing, so that one that is empty and one that cannot be read are told apart."""
        beside = [self._data.path(name) for name in (record.coming, record.aside)]
        self._bench.must("mkdir", "-p", "-m", "700", *beside)
        names = [frozenset(self._bench.listed(place)) & set(record.names) for place in (self._data.directory, *beside)]
        return FilesThere(*names)

    def make_private(self, record: RedisRestoreRecord) -> None:
        """What a throwaway server wrote into it gets the mode of the snapshot that was there."""
        place, mode = self._data.path(record.coming), self.owner().mode
        self._bench.must("find", place, "-type", "f", "-exec", "chmod", mode, "{}", "+")
        self._bench.must("find", place, "-type", "d", "-exec", "chmod", "700", "{}", "+")

    def names(self, directory: str) -> List[str]:
        return self._bench.listed(self._data.path(directory))

    def held(self, record: RedisRestoreRecord) -> Sequence[str]:
        """What of the data is there, of a server that has stopped."""
        live = set(self._bench.listed(self._data.directory))
        return [name for name in record.names if name in live]

    def exchange(self, record: RedisRestoreRecord) -> None:
        self._move(record, moves_forth(record, self.there(record)))

    def put_back(self, record: RedisRestoreRecord) -> None:
        self._move(record, moves_back(record, self.there(record)))

    def remove(self, name: str) -> None:
        """One of our own directories, whatever is in it."""
        if not name.startswith(".runbook-"):  # never: records are checked when they are read
            raise OperationError(f"{name} is no directory of a restore.")
        self._bench.must("rm", "-rf", self._data.path(name))

    def _move(self, record: RedisRestoreRecord, moves: Sequence[Move]) -> None:
        for old, new in moves:
            self.move(old, new)
        self._bench.must("sync", *(self._data.path(name) for name in ("", record.coming, record.aside)))

    def move(self, old: str, new: str) -> None:
        self._bench.must("mv", self._data.path(old), self._data.path(new))
