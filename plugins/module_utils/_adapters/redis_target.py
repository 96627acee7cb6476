# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redis server that an operation works on: found once, with sessions on demand."""

from __future__ import annotations

import time
from typing import Any, Mapping, Optional

from .._core.errors import OperationError
from .._core.redis_errors import RedisReadOnly, RedisUnreachable
from .._core.stack import Stack
from .engine import Engine
from .journal import note
from .redis_service import RedisAccess, RedisService
from .redis_session import RedisLimits, RedisSession

_NOTICE_SECONDS, _POLL_SECONDS = 2.0, 0.2  # a server's last word comes a moment before the engine knows that it ended


class RedisTarget:
    """Read-only but for what is done in its sessions."""

    def __init__(self, stack: Stack, engine: Engine, service: RedisService) -> None:
        self.stack = stack
        self.service = service
        self._engine = engine

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RedisTarget":
        stack = Stack.from_params(params)
        engine = Engine.connect(stack)
        return cls(stack, engine, RedisService.find(stack, engine, RedisAccess.from_params(params)))

    def open(self, database: int = 0, reply_seconds: float = RedisLimits.reply) -> RedisSession:
        return RedisSession.open(self.service.address, database, RedisLimits(self.service.access.connect_timeout, reply_seconds))

    def require_primary(self, session: RedisSession) -> None:
        """Raises RedisReadOnly for a replica, also for one that takes writes: they would be its own alone."""
        told = session.info("replication")
        if told.get("role") != "master":
            primary = f"{told.get('master_host', '?')}:{told.get('master_port', '?')}"
            raise RedisReadOnly(f"This server is a replica of {primary}; what is written to it is not kept.", hint="Ask the primary.", primary=primary)

    def explained(self, error: OperationError) -> Optional[OperationError]:
        """RedisChanged, when the connection was lost because the server was started again, replaced or stopped."""
        if not isinstance(error, RedisUnreachable) or not self.service.in_stack:
            return None
        until = time.monotonic() + _NOTICE_SECONDS
        while time.monotonic() < until:
            try:
                self.service.require_same(self._engine)
            except OperationError as cause:
                return cause
            time.sleep(_POLL_SECONDS)
        return None

    def note(self, event: str, **facts: Any) -> None:
        """Adds an event to the stack's journal."""
        note(self.stack, event, **facts)
