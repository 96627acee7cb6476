# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one backup of a Redis: saved, linked, described, streamed, published."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._core.backup_catalogue import Backup, timestamp
from .._core.backup_errors import BackupDisappointing
from .._core.backup_manifest import BackupFile, Manifest
from .._core.backup_request import BackupRequest, shrunk
from .._core.rdb_content import FORMAT, KIND, SUBJECT, RdbContent
from .._core.rdb_errors import RedisSaveLost
from .._core.stack import Stack
from .archive_writer import SpaceFloor
from .backup_files import files_of, now_naive
from .backup_store import BackupStore
from .helper_bench import HelperBench
from .helper_stream import HelperStream, Producer, StreamSettings, pipe_inside
from .progress_file import ProgressFile
from .rdb_file import inspect_in_volume
from .rdb_snapshot import RdbSnapshot, Saved
from .redis_data import RedisData, RedisHelpers
from .redis_server import RedisServer

FILE_NAME = "dump.rdb.zst"
_LINK = ".runbook-save-"


@dataclass(frozen=True)
class Made:
    """A backup that was published just now."""

    backup: Backup
    keys: int
    seconds: float
    warnings: List[str] = field(default_factory=list)


class RdbMaker:
    """Backups of one server by one request. ``described`` is what ``describe_redis`` said of it."""

    def __init__(self, stack: Stack, server: RedisServer, request: BackupRequest, described: Mapping[str, Any]) -> None:
        self._stack = stack
        self._server = server
        self._request = request
        self._described = described
        self._store = BackupStore(request.backup_dir, stack.name, server.service.access.service)

    def make(self, set_id: str, proven: Optional[Backup], progress: ProgressFile) -> Made:
        """To be called while ``store.working_on`` the snapshots. Whatever goes wrong, nothing incomplete is published."""
        began, started = time.monotonic(), now_naive()
        deadline = began + self._request.timeout
        with files_of(self._request.backup_dir):
            backup_id = self._store.next_id(SUBJECT, started)
            directory = self._store.begin(SUBJECT, backup_id)
            try:
                content, file = self._save(directory, backup_id, deadline, progress)
                progress.phase = "publishing"
                manifest = self._manifest(backup_id, set_id, timestamp(started), self._content(content), file)
                published = self._store.publish(directory, manifest)
            except BaseException:
                self._store.abandon(directory)
                raise
        warnings = [sentence for sentence in [shrunk(file.plain_bytes, proven)] if sentence]
        if not content.checksum:
            warnings.append("The server writes no checksums (rdbchecksum no): only the hash of the backup would show a changed bit.")
        return Made(self._store.read(published), content.keys, round(time.monotonic() - began, 3), warnings)

    def _save(self, directory: str, backup_id: str, deadline: float, progress: ProgressFile) -> Tuple[RdbContent, BackupFile]:
        progress.begin("saving")

        def keys(done: int, every: int) -> None:
            progress.phase = f"saving, {done} of {every} keys" if every else "saving"

        helpers = self._server.helpers()
        with self._server.session() as session, helpers.bench(self._request.timeout) as bench:
            sweep_links(bench, helpers.data)
            snapshot = RdbSnapshot(session, deadline, keys)
            saved = snapshot.save()
            link = helpers.data.path(_LINK + backup_id)
            bench.must("ln", helpers.data.file, link)
            try:
                snapshot.require_undisturbed(saved)
                return self._store_link(helpers, bench, link, (directory, deadline, saved), progress)
            finally:
                bench.run("rm", "-f", link)

    def _store_link(
        self, helpers: RedisHelpers, bench: HelperBench, link: str, run: Tuple[str, float, Saved], progress: ProgressFile
    ) -> Tuple[RdbContent, BackupFile]:
        directory, deadline, saved = run
        progress.begin("checking")
        size, summary = inspect_in_volume(helpers, bench, link, max(1.0, deadline - time.monotonic()))
        if summary.header.created and summary.header.created < saved.requested:
            raise RedisSaveLost("The file is older than the snapshot that was asked for.", hint="Is dbfilename the one that the server writes? Run again.")
        progress.begin("reading the snapshot", size)
        stream = StreamSettings(directory, self._request.recipients, SpaceFloor(directory, self._request.floor_bytes), max(1.0, deadline - time.monotonic()))
        producer = Producer("dump", ("dd", f"if={link}", f"of={pipe_inside}", "bs=1M"), FORMAT, FILE_NAME)
        with helpers.helper("hash", ["sha256sum", link]) as hashing:
            streamed = HelperStream(helpers, stream, progress.moved).run(producer)
            hashed = hashing.wait(max(1.0, deadline - time.monotonic()))
        hashed.require_success("sha256sum")
        if (size, hashed.stdout.split(" ", 1)[0].lstrip("\\")) != (streamed.file.plain_bytes, streamed.file.plain_sha256):
            raise BackupDisappointing("What was read of the snapshot is not what the server's volume has. Nothing was published.", hint="Run again.")
        self._server.service.require_same(self._server.engine)
        return RdbContent.of(summary, tuple(sorted(module["name"] for module in self._described["modules"]))), streamed.file

    def _content(self, content: RdbContent) -> Dict[str, Any]:
        # The size in memory is what the next estimate goes by.
        return {**content.to_dict(), "database_bytes": self._described["used_memory"]}

    def _manifest(self, backup_id: str, set_id: str, started: str, content: Dict[str, Any], file: BackupFile) -> Manifest:
        decrypt = f"age -d -i KEY_FILE {file.path} | zstd -d" if file.encryption else f"zstd -dc {file.path}"
        return Manifest(
            id=backup_id,
            set_id=set_id,
            kind=KIND,
            purpose=self._request.purpose,
            stack=self._stack.name,
            service=self._server.service.access.service,
            subject=SUBJECT,
            started=started,
            finished=timestamp(now_naive()),
            source=self._described,
            content=content,
            files=(file,),
            restore_hint=f"{decrypt} > dump.rdb, into the data directory of a stopped Redis with appendonly no; a server with appendonly yes ignores it",
        )


def sweep_links(bench: HelperBench, data: RedisData) -> None:
    """Removes what killed runs left in the volume."""
    bench.must("find", data.directory, "-maxdepth", "1", "-name", f"{_LINK}*", "-delete")
