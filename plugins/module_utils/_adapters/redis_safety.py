# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of a Redis whose data are about to be exchanged, and their last snapshot."""

from __future__ import annotations

import secrets
import time

from .._core.backup_manifest import new_id
from .._core.rdb_content import SUBJECT
from .._core.redis_restore_request import RedisRestoreRequest
from .._core.stack import Stack
from .backup_files import now_naive
from .progress_file import ProgressFile
from .rdb_maker import RdbMaker
from .rdb_snapshot import RdbSnapshot
from .redis_server import RedisServer, describe_redis
from .safety_decision import SafetyDecision, safety_request


class RedisSafety(SafetyDecision):
    """Of one server."""

    def __init__(self, stack: Stack, server: RedisServer, restore: RedisRestoreRequest) -> None:
        super().__init__(safety_request(restore, SUBJECT, restore.safety_max_age))
        self._stack = stack
        self._server = server

    def take(self, progress: ProgressFile) -> str:
        """The id, of a new backup unless one was young enough. To be called while ``store.working_on`` the snapshots."""
        if self.kept is not None:
            return self.kept
        with self._server.session() as session:
            described = describe_redis(session, self._server)
        set_id = new_id(now_naive(), 0, secrets.randbits(16))
        return RdbMaker(self._stack, self._server, self.request, described).make(set_id, self.taken.proven, progress).backup.id


def save_last(server: RedisServer, timeout: float) -> None:
    """A server that neither appends nor saves when it ends would leave an old snapshot as what was live."""
    if server.data.appends or server.data.settings.get("save", "").strip():
        return
    with server.session() as session:
        RdbSnapshot(session, time.monotonic() + timeout, lambda done, every: None).save()
