# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into a snapshot file with the server's own redis-check-rdb, and by its bytes."""

from __future__ import annotations

import os
from typing import Callable, Tuple

from .._core.backup_errors import BackupNoSpace
from .._core.helper_container import HelperEnded, Mount
from .._core.rdb_errors import RdbInvalid
from .._core.rdb_header import RdbSummary, summarize
from .._core.restore_errors import ScratchFailed
from .archive_reader import ArchiveFile, ArchiveReader
from .archive_writer import free_bytes
from .helper_bench import HelperBench
from .redis_data import RedisHelpers

CHECK = "redis-check-rdb"
COPY = "dump.rdb"
INSIDE = "/in"
_SIGNALLED = 128
_SPARE_BYTES = 256 * 2**20


def inspect_in_volume(helpers: RedisHelpers, bench: HelperBench, path: str, timeout: float) -> Tuple[int, RdbSummary]:
    """Size and summary of a file in the server's volume. Raises RdbInvalid."""
    with helpers.helper("check", [CHECK, path]) as helper:
        ended = helper.wait(timeout)
    require_checked(ended)
    size = int(bench.answer("stat", "-c", "%s", path))
    return size, summarize(size, ended.stdout, lambda offset, count: bench.read(path, offset, count))


def inspect_on_host(helpers: RedisHelpers, path: str, timeout: float) -> RdbSummary:
    """Of a file of this host. Raises RdbInvalid."""
    with helpers.offline("check", [CHECK, f"{INSIDE}/{COPY}"], (Mount(path, f"{INSIDE}/{COPY}"),)) as helper:
        ended = helper.wait(timeout)
    require_checked(ended)
    with open(path, "rb", buffering=0) as file:

        def read(offset: int, count: int) -> bytes:
            return os.pread(file.fileno(), count, offset)

        return summarize(os.fstat(file.fileno()).st_size, ended.stdout, read)


def require_checked(ended: HelperEnded) -> None:
    """A check that was killed says nothing about the file."""
    if ended.exit_code == 0:
        return
    if ended.oom_killed or ended.exit_code >= _SIGNALLED:
        raise ScratchFailed(f"{CHECK} was killed (exit code {ended.exit_code}).", hint="Look at the memory of the host.")
    said = [line[:300] for line in ended.stdout.splitlines() if line.startswith(("[offset", "[additional"))][-3:]
    raise RdbInvalid(f"{CHECK} finds fault with the snapshot: {' | '.join(said) or 'it gave no reason'}", hint="Choose another one.")


def unpacked(archive: ArchiveFile, work_dir: str, on_piece: Callable[[int], None]) -> str:
    """The snapshot itself as a file in the work directory."""
    needed = max(0, archive.plain_bytes)
    if free_bytes(work_dir) < needed + _SPARE_BYTES:
        raise BackupNoSpace(f"The disk of {work_dir} has no room to unpack {needed >> 20} MiB.", hint="Make room.")
    path = os.path.join(work_dir, COPY)
    with ArchiveReader(archive) as reader, open(path, "xb") as copy:
        for piece in reader:
            copy.write(piece)
            on_piece(len(piece))
    # The parent keeps everybody else out; a server in a helper may not be root.
    os.chmod(path, 0o644)
    return path
