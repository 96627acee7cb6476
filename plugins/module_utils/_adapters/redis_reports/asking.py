# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions of a report to a Redis server; a command that was renamed or is forbidden leaves its part unknown, and the rest as it is."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..._core.errors import OperationError
from ..._core.problem import Problem
from ..._core.redis_errors import RedisBusy, RedisFailed, RedisForbidden, RedisLoading, RedisReadOnly
from ..._core.redis_problems import unavailable
from ..redis_session import RedisSession, Word

OF_ONE_PART = (RedisBusy, RedisFailed, RedisForbidden, RedisLoading, RedisReadOnly)


class Asking:
    """``missing`` are the parts that nobody could tell, as problems of the report."""

    def __init__(self, session: RedisSession) -> None:
        self.session = session
        self.missing: List[Problem] = []

    def ask(self, section: str, name: str, *words: Word) -> Any:
        """None when the server does not tell."""
        try:
            return self.session.command(name, *words)
        except OF_ONE_PART as error:
            self.note(section, name, error)
            return None

    def settings(self, section: str, *names: str) -> Dict[str, str]:
        """Settings by name; empty when the server does not tell."""
        try:
            return self.session.settings(*names)
        except OF_ONE_PART as error:
            self.note(section, "CONFIG GET", error)
            return {}

    def text(self, section: str, name: str) -> Optional[str]:
        answer = self.ask(section, name)
        return None if answer is None else answer.decode(errors="replace").strip()

    def note(self, section: str, command: str, error: OperationError) -> None:
        self.missing.append(unavailable(section, command, error.reason, str(error)))
