# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a running Redis server: reading them, setting them, and knowing whether their keys are safe."""

from __future__ import annotations

import time
from typing import Dict, Optional, Sequence

from .._core import redis_sections
from .._core.errors import OperationError
from .._core.redis_keys_text import key_bytes
from .._core.redis_setting_values import same
from .._core.redis_settings import SettingChange
from .._core.setting_errors import SettingNotInEffect
from .redis_session import RedisSession

_POLL_SECONDS = 0.1
_BATCH = 1000


class RedisConfiguration:
    def __init__(self, session: RedisSession) -> None:
        self._session = session

    def look(self, names: Sequence[str]) -> Dict[str, str]:
        """By name; names that the server does not know are absent."""
        found = self._session.settings(*names)
        return {name: found[name] for name in names if name in found}

    def set(self, changes: Sequence[SettingChange], seconds: float) -> None:
        """All of them are in effect, or all are as they were."""
        changes = [change for change in changes if change.apply]
        try:
            for change in changes:
                self._session.command("CONFIG SET", change.name, change.value)
                if change.name == "appendonly" and change.value.lower() == "yes":
                    self._await_append_only_file(seconds)
            now = self.look([change.name for change in changes])
            missing = [change.name for change in changes if not same(change.name, change.value, now.get(change.name))]
            if missing:
                raise SettingNotInEffect(
                    f"The server took {', '.join(missing)} and does not go by it.", hint="The values before were set again.", settings=missing
                )
        except OperationError as error:
            self.restore(changes, error)
            raise

    def restore(self, changes: Sequence[SettingChange], cause: Optional[OperationError] = None) -> None:
        """The values before, the other way round. What cannot be set again is told with the cause."""
        for change in reversed(changes):
            try:
                if change.apply:
                    self._session.command("CONFIG SET", change.name, change.setting.effective)
            except OperationError as error:
                if cause is None:
                    raise
                cause.hint = f"{cause.hint} {change.name} could not be set back to {change.setting.effective!r} ({error}).".strip()

    def _await_append_only_file(self, seconds: float) -> None:
        """Switched on, the server first writes all of its data into it, and may fail to."""
        until = time.monotonic() + seconds
        while True:
            info = self._session.info("persistence")
            pending = "1" in (info.get("aof_rewrite_in_progress"), info.get("aof_rewrite_scheduled"))
            failed = info.get("aof_last_bgrewrite_status") != "ok" or info.get("aof_last_write_status") != "ok"
            if not pending and info.get("aof_enabled") == "1" and not failed:
                return
            if (failed and not pending) or time.monotonic() >= until:
                raise SettingNotInEffect(
                    f"The append-only file {'could not be written' if failed else f'was not complete after {seconds:g} s'}; it is switched off again.",
                    hint="Look at the server's log and at the free space of its volume.",
                    settings=["appendonly"],
                )
            time.sleep(_POLL_SECONDS)


def expiring_below(session: RedisSession, prefixes: Sequence[str], seconds: float) -> Dict[str, int]:
    """How many keys with an expiry are below each prefix, in all databases; no more than one is looked for. -1 when there was no time to be sure."""
    until = time.monotonic() + seconds
    found = {prefix: 0 for prefix in prefixes}
    databases = [row["database"] for row in redis_sections.keyspace(session.info("keyspace"))["databases"]]
    for database in databases if prefixes else []:
        session.command("SELECT", database)
        cursor = b"0"
        while not all(found.values()):
            cursor, batch = session.command("SCAN", cursor, "COUNT", _BATCH)
            _count(session, batch, found)
            if cursor == b"0":
                break
            if time.monotonic() >= until:
                return {prefix: count or -1 for prefix, count in found.items()}
    return found


def _count(session: RedisSession, batch: Sequence[bytes], found: Dict[str, int]) -> None:
    for prefix in (prefix for prefix, count in found.items() if not count):
        below = [key for key in batch if key.startswith(key_bytes(prefix))]
        lives = session.pipeline([("PTTL", key) for key in below])
        for refused in (life for life in lives if isinstance(life, OperationError)):
            raise refused
        found[prefix] = sum(life >= 0 for life in lives)
