# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Postgres server that an operation works on: found once, with sessions on demand."""

from __future__ import annotations

import time
from typing import Any, Mapping

from .._core.postgres_errors import PostgresFull
from .._core.stack import Stack
from .engine import Engine
from .journal import note
from .postgres_service import PostgresAccess, PostgresService
from .postgres_session import PostgresSession, SessionLimits

_RETRY_SECONDS = 0.5


class PostgresTarget:
    """Read-only but for what is done in its sessions."""

    def __init__(self, stack: Stack, service: PostgresService) -> None:
        self.stack = stack
        self.service = service

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "PostgresTarget":
        stack = Stack.from_params(params)
        return cls(stack, PostgresService.find(stack, Engine.connect(stack), PostgresAccess.from_params(params)))

    def open(self, purpose: str, database: str = "", limits: SessionLimits = SessionLimits()) -> PostgresSession:
        """Without a database, the one for maintenance. Waits for a free slot as long as for a connection."""
        access = self.service.access
        until = time.monotonic() + access.connect_timeout
        limits = SessionLimits(limits.statement, limits.lock, access.connect_timeout)
        while True:
            try:
                return PostgresSession.open(self.service.address, database or access.maintenance_database, purpose, limits)
            except PostgresFull:
                if time.monotonic() >= until:
                    raise
                time.sleep(_RETRY_SECONDS)

    def note(self, event: str, **facts: Any) -> None:
        """Adds an event to the stack's journal."""
        note(self.stack, event, **facts)
