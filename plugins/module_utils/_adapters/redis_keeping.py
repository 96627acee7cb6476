# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the settings of a Redis server are written so that its next start finds them: its configuration file, or its command line."""

from __future__ import annotations

import os
import posixpath
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._core import redis_config_file
from .._core.errors import OperationError, StateUnwritable
from .._core.redis_command import setting_of
from .._core.redis_config_file import REWRITTEN
from .._core.redis_setting_values import same
from .._core.redis_settings import SettingChange, SettingsNotKept
from .container_file import read_container_file
from .engine import Engine
from .files import read_text, write_atomically
from .redis_compose_command import ComposeCommand
from .redis_service import RedisService
from .redis_session import RedisSession


class ConfigFile:
    """The server's own file. ``way`` is how it can be written: ``config_file`` (by us), ``rewrite`` (by the server), empty (not for good)."""

    def __init__(self, engine: Engine, service: RedisService, path: str) -> None:
        self._engine = engine
        self._service = service
        self.path = path
        mount: Mapping[str, Any] = (service.mount(path) if path else None) or {}
        self._host_path = self._on_host(mount)
        server_may_write = bool(mount) and mount.get("RW") is not False and mount.get("Destination") != path and mount.get("Type") != "tmpfs"
        self.way = "config_file" if self._host_path else "rewrite" if server_may_write else ""
        self.text = self.read()
        self._before = self.text

    @property
    def where(self) -> str:
        return self._host_path or f"{self.path} in {self._service.container.name}"

    def read(self) -> str:
        """What the next start reads. A file of the container's own layer that was rewritten does not survive the container."""
        if self._host_path:
            return read_text(self._host_path) or ""
        text = (read_container_file(self._engine, self._service.container.id, self.path) or "") if self.path else ""
        return "" if not self.way and REWRITTEN in text else text

    def write(self, session: RedisSession, wanted: Mapping[str, str]) -> None:
        if self.way == "rewrite":
            session.command("CONFIG REWRITE")
        else:
            self._replace(redis_config_file.with_settings(self.text, wanted))
        self.text = self.read()

    def restore(self, session: RedisSession) -> None:
        """After the server has its old settings again."""
        if self.way == "rewrite":
            session.command("CONFIG REWRITE")
        elif read_text(self._host_path) != self._before:
            self._replace(self._before)

    def _replace(self, text: str) -> None:
        write_atomically(self._host_path, text.encode(), os.stat(self._host_path).st_mode & 0o777)

    def _on_host(self, mount: Mapping[str, Any]) -> str:
        """The file as this host sees it; empty when it does not, or may not write it."""
        if mount.get("Type") != "bind" or not self._engine.is_local:
            return ""
        beside = posixpath.relpath(self.path, mount["Destination"])
        path = posixpath.normpath(posixpath.join(mount["Source"], "" if beside == "." else beside))
        return path if os.path.isfile(path) and os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK) else ""


class Keeping:
    """Both places together. The command line wins over the file, so what it gives already is changed there."""

    def __init__(self, file: ConfigFile, command: ComposeCommand) -> None:
        self._file = file
        self._command = command

    def kept(self, name: str) -> Optional[str]:
        """What the next start makes of a setting; None when nothing says."""
        return setting_of(name, redis_config_file.lines_of(self._file.text, name), self._given(name))

    def place(self, name: str) -> str:
        """Where the setting would be written, for people."""
        return self._command.where if self._by_command(name) else self._file.where

    def require(self, changes: Sequence[SettingChange]) -> None:
        """Raises SettingsNotKept, with what to write where, when there is a change that cannot be kept."""
        lost = {change.name: change.value for change in changes if change.keep and self._by_command(change.name)}
        if lost and not self._command.can_be_written:
            wanted = self._command.resolved.with_settings(lost) if self._command.resolved else None
            said = f"Its command would be: {' '.join(_quoted(wanted.shown))}." if wanted else "Its command is not one of redis-server."
            raise SettingsNotKept(
                f"{', '.join(lost)} would be lost with the container: the server has no configuration file that stays. {said} Nothing was changed.",
                hint="Name the last of stack_compose_files for it (override_file; stack_redis.settings_file), or write the command yourself.",
                settings=sorted(lost),
                command=wanted.shown if wanted else [],
            )
        if lost:
            self._command.require_ours()

    def write(self, session: RedisSession, changes: Sequence[SettingChange]) -> None:
        wanted = {change.name: change.value for change in changes if change.keep}
        by_command = {name: text for name, text in wanted.items() if self._by_command(name)}
        by_file = {name: text for name, text in wanted.items() if name not in by_command}
        try:
            if by_file:
                self._file.write(session, by_file)
            if by_command:
                self._command.write(by_command)
        except OSError as error:
            raise StateUnwritable(
                f"{error.filename} cannot be written: {error.strerror}.", hint="Run as the right user (become).", path=str(error.filename)
            ) from error
        missing = sorted(name for name, text in wanted.items() if not same(name, text, self.kept(name)))
        if missing:
            raise SettingsNotKept(
                f"{', '.join(missing)} would not be in effect after the next start, although written to {self.place(missing[0])}.",
                hint="Another file that is read later says otherwise. What was written was taken back.",
                settings=missing,
            )

    def restore(self, session: RedisSession, cause: OperationError) -> None:
        """What was written is taken back, after the server has its old settings again. What could not be is told with the cause."""
        try:
            self._command.restore()
            if self._file.way:
                self._file.restore(session)
        except (OperationError, OSError) as error:
            cause.hint = f"{cause.hint} What was written for the next start could not be taken back ({error}): look at {self._file.where}.".strip()

    def differences(self, changes: Sequence[SettingChange]) -> Dict[str, List[str]]:
        """The command line before and after, for diff mode; empty when it stays."""
        by_command = {change.name: change.value for change in changes if change.keep and self._by_command(change.name)}
        if not by_command or self._command.resolved is None:
            return {}
        return {"before": self._command.resolved.shown, "after": self._command.resolved.with_settings(by_command).shown}

    def _by_command(self, name: str) -> bool:
        return not self._file.way or bool(self._given(name))

    def _given(self, name: str) -> Sequence[Sequence[str]]:
        return self._command.resolved.lines(name) if self._command.resolved else []


def _quoted(words: Sequence[str]) -> List[str]:
    return [word if word and not set(word) & set(" \"'$") else f"'{word}'" for word in words]
