# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of a Redis whose data are about to be exchanged, and their last snapshot."""

from __future__ import annotations

import secrets
import time
from typing import Sequence

from .._core.backup_catalogue import Backup
from .._core.backup_manifest import new_id
from .._core.backup_request import MIB, BackupRequest, DatabaseSize, Decision, decide
from .._core.rdb_content import SUBJECT
from .._core.redis_restore_request import RedisRestoreRequest
from .._core.restore_plan import SAFETY
from .._core.stack import Stack
from .backup_files import now_naive
from .backup_preflight import programs_for, require_encryption, require_programs, require_space
from .progress_file import ProgressFile
from .rdb_maker import RdbMaker
from .rdb_snapshot import RdbSnapshot
from .redis_server import RedisServer, describe_redis

_FLOOR_BYTES = 256 * MIB


class RedisSafety:
    """Of one server."""

    def __init__(self, stack: Stack, server: RedisServer, request: RedisRestoreRequest) -> None:
        self._stack = stack
        self._server = server
        self._request = BackupRequest(
            state="present",
            backup_dir=request.backup_dir,
            databases=(SUBJECT,),
            purpose=SAFETY,
            min_age=request.safety_max_age,
            verify="none",
            timeout=request.timeout,
            floor_bytes=_FLOOR_BYTES,
            recipients=request.recipients,
            identity_file=request.identity_file,
        )
        self._decision: Decision

    def decide(self, used_memory: int, backups: Sequence[Backup]) -> str:
        """``new``, or the id of one that is young enough. Raises for what a new one lacks."""
        request = self._request
        self._decision = decide([DatabaseSize(SUBJECT, used_memory)], backups, request, now_naive())[0]
        if self._decision.kept:
            return self._decision.kept.id
        require_programs(programs_for(request.recipients, request.identity_file))
        require_encryption(request.recipients, request.identity_file)
        require_space(request.backup_dir, self._decision.estimate_bytes, request.floor_bytes)
        return "new"

    def take(self, progress: ProgressFile) -> str:
        """The id, of a new backup unless one was young enough. To be called while ``store.working_on`` the snapshots."""
        if self._decision.kept:
            return self._decision.kept.id
        with self._server.session() as session:
            described = describe_redis(session, self._server)
        set_id = new_id(now_naive(), 0, secrets.randbits(16))
        return RdbMaker(self._stack, self._server, self._request, described).make(set_id, self._decision.proven, progress).backup.id


def save_last(server: RedisServer, timeout: float) -> None:
    """A server that neither appends nor saves when it ends would leave an old snapshot as what was live."""
    if server.data.appends or server.data.settings.get("save", "").strip():
        return
    with server.session() as session:
        RdbSnapshot(session, time.monotonic() + timeout, lambda done, every: None).save()
