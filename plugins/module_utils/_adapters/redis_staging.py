# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares what is to become live beside it: placed, checked, loaded by a throwaway server, and given an append-only file where one is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import List, Optional, Tuple

from .._core.errors import OperationError, TimedOut
from .._core.rdb_content import RdbContent, missing_after_load
from .._core.redis_errors import RedisUnreachable
from .._core.redis_key_groups import KeyGroups
from .._core.redis_restore_plan import version_of
from .._core.redis_restore_record import RedisRestoreRecord
from .._core.restore_errors import ArchiveUnreadable, RestoreDiffers, ScratchFailed
from .archive_reader import ArchiveFile
from .helper_bench import HelperBench
from .progress_file import ProgressFile
from .rdb_file import inspect_in_volume
from .redis_files import RedisFiles
from .redis_scratch import RedisScratch, ScratchTask
from .redis_server import RedisServer

_POLL_SECONDS = 0.1
_END_SECONDS = 60.0
_APPEND_DIRECTORY_SINCE = (7,)


@dataclass(frozen=True)
class StagedSource:
    """``content`` is what the manifest says, None for a file; ``groups`` what was counted when the backup was proven."""

    archive: ArchiveFile
    content: Optional[RdbContent]
    groups: Optional[KeyGroups] = None


class RedisStaging:
    """For one restore. ``work_dir`` is a private directory of this host."""

    def __init__(self, server: RedisServer, bench: HelperBench, work_dir: str, timeout: float, progress: ProgressFile) -> None:
        self._server = server
        self._helpers = server.helpers()
        self._bench = bench
        self._work = work_dir
        self._deadline = time.monotonic() + timeout
        self._progress = progress

    def fill(self, record: RedisRestoreRecord, source: StagedSource, redis_version: str) -> RdbContent:
        """What the server will have to have. The live files are not touched, and the server goes on."""
        data, files = self._server.data, RedisFiles(self._helpers, self._bench)
        self._progress.begin("placing the snapshot", source.archive.plain_bytes if source.archive.plain_bytes > 0 else None)
        files.stage(record, source.archive, self._work, self._left(), self._progress.moved)
        path = f"{data.path(record.coming)}/{data.settings['dbfilename']}"
        if source.archive.plain_sha256 and files.hash_of(path, self._left()) != source.archive.plain_sha256:
            raise ArchiveUnreadable("What arrived in the server's volume is not what the manifest says.", hint="Look at the disk, and run again.")
        self._progress.begin("checking")
        _size, summary = inspect_in_volume(self._helpers, self._bench, path, self._left())
        modules = source.content.modules if source.content else ()
        content = RdbContent.of(summary, modules)
        if source.content is not None and source.content.databases != content.databases:
            raise RestoreDiffers("The snapshot does not hold what the manifest says.", hint="Choose another backup.", differences=[])
        self._progress.begin("loading into a throwaway server")
        self._prove(record, content, files, redis_version)
        return content

    def _prove(self, record: RedisRestoreRecord, content: RdbContent, files: RedisFiles, redis_version: str) -> None:
        data = self._server.data
        directories = version_of(redis_version) >= _APPEND_DIRECTORY_SINCE
        with RedisScratch(self._helpers, self._task(record, content, files.owner().user, directories)) as scratch:
            differences = missing_after_load(content, scratch.loaded())
            if differences:
                raise RestoreDiffers(
                    f"A throwaway server loaded something else: {'; '.join(differences[:3])}.", hint="Choose another backup.", differences=differences
                )
            if data.appends:
                self._progress.begin("writing the append-only file")
                self._append_only(scratch)
        if data.appends:
            self._require_append_only(record, files, directories)
            files.make_private(record)

    def _task(self, record: RedisRestoreRecord, content: RdbContent, user: str, directories: bool) -> ScratchTask:
        data = self._server.data
        words = ["--appendfilename", data.settings["appendfilename"], "--aof-use-rdb-preamble", data.settings.get("aof-use-rdb-preamble") or "yes"]
        words += ["--appenddirname", data.settings["appenddirname"]] if directories else []
        there = self._server.modules() if content.modules else {}
        modules = tuple(there[name] for name in content.modules if there.get(name))
        place = data.path(record.coming)
        mounts = (data.mounted(True),)
        return ScratchTask(self._work, place, data.settings["dbfilename"], mounts, tuple(words), modules, user, timeout=self._left())

    def _append_only(self, scratch: RedisScratch) -> None:
        """The manual's own conversion: the loaded server writes one, and is not ended before that is done."""
        with scratch.session() as session:
            session.command("CONFIG SET", "appendonly", "yes")
            while True:
                info = session.info("persistence")
                if info.get("aof_rewrite_in_progress") == info.get("aof_rewrite_scheduled") == "0":
                    break
                if time.monotonic() >= self._deadline:
                    raise TimedOut("The append-only file was not written within its time.", hint="Give it more time ('timeout').")
                time.sleep(_POLL_SECONDS)
            if (info.get("aof_enabled"), info.get("aof_last_bgrewrite_status"), info.get("aof_last_write_status")) != ("1", "ok", "ok"):
                raise ScratchFailed("The throwaway Redis could not write an append-only file.", hint="Look at the room where the server keeps its data.")
            try:
                session.command("SHUTDOWN", "NOSAVE")
            except RedisUnreachable:
                pass  # it answers by going
        code = scratch.wait(_END_SECONDS)
        if code != 0:
            raise ScratchFailed(f"The throwaway Redis did not end well (exit code {code}).", hint="Look at the room where the server keeps its data.")

    def _require_append_only(self, record: RedisRestoreRecord, files: RedisFiles, directories: bool) -> None:
        settings = self._server.data.settings
        place = f"{record.coming}/{settings['appenddirname']}" if directories else record.coming
        wanted = f"{settings['appendfilename']}.manifest" if directories else settings["appendfilename"]
        found: List[str] = files.names(place)
        if wanted not in found:
            raise ScratchFailed(f"The throwaway Redis left no {wanted}.", hint="Report it with the server's version.", found=found)

    def _left(self) -> float:
        return max(1.0, self._deadline - time.monotonic())


def data_names(server: RedisServer, redis_version: str) -> Tuple[str, ...]:
    """Names in the data directory that make up the data. A single append-only file is what older servers keep."""
    settings = server.data.settings
    directory = [settings["appenddirname"]] if version_of(redis_version) >= _APPEND_DIRECTORY_SINCE else []
    names = tuple(dict.fromkeys([settings["dbfilename"], *directory, settings["appendfilename"]]))
    if any("/" in name or name in ("", ".", "..") for name in names):
        raise OperationError(f"The server's files have names with a path in them: {', '.join(names)}.", hint="Set dbfilename and appendfilename without one.")
    return names
