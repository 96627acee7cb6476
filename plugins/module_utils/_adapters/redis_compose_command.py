# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that Compose gives to a stack's Redis, and a compose file of ours that says what it is."""

from __future__ import annotations

import functools
import json
import os
import shlex
from typing import Any, Dict, List, Mapping, Optional

from .._core.errors import BadInput
from .._core.redis_command import RedisCommand
from .._core.redis_settings import SettingsNotKept
from .._core.stack import Stack
from .compose_cli import ComposeCli
from .engine import Engine
from .files import read_text, write_atomically

_SECONDS = 60
_MODE = 0o644
_SIGN = "x-written-by"


class ComposeCommand:
    """``resolved`` is what the server gets, ``written`` the same with the variables that the files name: no secret is copied."""

    def __init__(self, stack: Stack, engine: Engine, service: str, override: str) -> None:
        self._stack = stack
        self._service = service
        self._compose = ComposeCli(stack)
        self.path = stack.in_project(override) if override else ""
        self._before: Optional[str] = None
        body = self._body("--format", "json")
        image = engine.image(body.get("image") or f"{stack.name}-{service}") or {}
        self._of_image = list((image.get("Config") or {}).get("Cmd") or [])
        self.resolved = self._resolved(body)

    @property
    def where(self) -> str:
        return f"command of {self._service} in {self.path or 'the compose file'}"

    @property
    def can_be_written(self) -> bool:
        return bool(self.path) and self.path in self._compose.files and self.written is not None

    def write(self, wanted: Mapping[str, str]) -> None:
        """Proven by what Compose makes of all files; otherwise the file is as it was."""
        content = self.require_ours()
        command = _parsed(self.written).with_settings({name: text.replace("$", "$$") for name, text in wanted.items()})
        content.setdefault("services", {}).setdefault(self._service, {})["command"] = command.words
        content[_SIGN] = "runbook.compose.redis_settings"
        write_atomically(self.path, (json.dumps(content, indent=2) + "\n").encode(), self._mode())
        self.resolved = self._resolved(self._body("--format", "json"))

    def restore(self) -> None:
        if self._before is not None:
            write_atomically(self.path, self._before.encode(), self._mode())

    def require_ours(self) -> Dict[str, Any]:
        """What the file holds: JSON, which is YAML as well. What people wrote as YAML is theirs; a file that says nothing becomes ours."""
        self._before = read_text(self.path)
        text = self._before or ""
        if text.replace("{}", "").split() in ([], ["---"], ["services:"], ["---", "services:"]):
            return {}
        try:
            return json.loads(text)
        except ValueError:
            raise BadInput(
                f"{self.path} was written by somebody else, and is not changed.",
                hint="Give override_file a file of its own that holds 'services: {}', as the last of the stack's compose files.",
                override_file=self.path,
            ) from None

    def _mode(self) -> int:
        return os.stat(self.path).st_mode & 0o777 if os.path.exists(self.path) else _MODE

    def _body(self, *words: str) -> Dict[str, Any]:
        services = json.loads(self._compose.command(["config", *words], _SECONDS).stdout).get("services") or {}
        if self._service not in services:
            raise BadInput(f"Service {self._service} is not in the compose files of stack {self._stack.name}.", service=self._service)
        return services[self._service]

    def _resolved(self, body: Mapping[str, Any]) -> Optional[RedisCommand]:
        """None when it is not the server's own command line."""
        entrypoint = body.get("entrypoint") or []
        if entrypoint and entrypoint[-1].rpartition("/")[2] not in ("redis-server", "docker-entrypoint.sh"):
            return None
        command = body.get("command")
        return RedisCommand.parse(self._of_image if command is None else [word.replace("$$", "$") for word in command])

    @functools.cached_property
    def written(self) -> Optional[List[str]]:
        """None when its words cannot be told apart before the variables have their values."""
        command = self._body("--no-interpolate", "--format", "json").get("command")
        if self.resolved is None:
            return None
        if command is None:
            return [word.replace("$", "$$") for word in self._of_image]
        words = shlex.split(command) if isinstance(command, str) else list(command)
        same_length = len(words) == len(self.resolved.words)
        return words if same_length and all("$" in word or word == other for word, other in zip(words, self.resolved.words)) else None


def _parsed(words: Optional[List[str]]) -> RedisCommand:
    command = RedisCommand.parse(words or [])
    if command is None:
        raise SettingsNotKept("The command of the service is not one of redis-server.", hint="Write it as a list that begins with redis-server.")
    return command
