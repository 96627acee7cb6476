# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a Redis server: what it sets, and the same with other settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .redaction import MASK
from .redis_setting_values import directives, value_of

_PROGRAM = "redis-server"
_SECRETS = ("requirepass", "masterauth", "user", "primaryauth", "tls-key-file-pass", "tls-client-key-file-pass")


@dataclass(frozen=True)
class RedisCommand:
    """``start`` is the program with its file; each of ``options`` has a name and its arguments."""

    start: Tuple[str, ...]
    options: Tuple[Tuple[str, Tuple[str, ...]], ...]

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Optional[RedisCommand]":
        """None for what is not the server's own command line, such as a shell's. The official images add the program where it is left out."""
        first = next((place + 1 for place, word in enumerate(words) if word.rpartition("/")[2] == _PROGRAM), 0)
        if not first and words and not (words[0].startswith("--") or words[0].endswith(".conf")):
            return None
        if first < len(words) and not words[first].startswith("--"):
            first += 1  # its configuration file
        options: List[Tuple[str, Tuple[str, ...]]] = []
        for word in words[first:]:
            if word.startswith("--"):
                options.append((word[2:].lower(), ()))
            elif options:
                options[-1] = (options[-1][0], (*options[-1][1], word))
            else:
                return None
        return cls(tuple(words[:first]), tuple(options))

    @property
    def words(self) -> List[str]:
        return [*self.start, *(word for name, arguments in self.options for word in (f"--{name}", *arguments))]

    @property
    def shown(self) -> List[str]:
        """The words without passwords."""
        return [*self.start, *(word for name, arguments in self.options for word in (f"--{name}", *_shown(name, arguments)))]

    def lines(self, name: str) -> List[Tuple[str, ...]]:
        """The arguments of each time that a setting is given."""
        return [arguments for option, arguments in self.options if option == name]

    def with_settings(self, wanted: Mapping[str, str]) -> "RedisCommand":
        """The same with these settings, each where it stood, else at the end."""
        options: List[Tuple[str, Tuple[str, ...]]] = []
        left: Dict[str, str] = dict(wanted)
        for name, arguments in self.options:
            if name in left:
                options += _options(name, left.pop(name))
            elif name not in wanted:
                options.append((name, arguments))
        return RedisCommand(self.start, (*options, *(option for name, text in left.items() for option in _options(name, text))))


def setting_of(name: str, file_lines: Sequence[Sequence[str]], command_lines: Sequence[Sequence[str]]) -> Optional[str]:
    """What a start would make of a setting; None when nothing but the server's built-in value says anything. The command line is read last."""
    lines = [*file_lines, *command_lines]
    return value_of(name, lines) if lines else None


def _options(name: str, text: str) -> List[Tuple[str, Tuple[str, ...]]]:
    return [(name, words) for words in directives(name, text)]


def _shown(name: str, arguments: Sequence[str]) -> Sequence[str]:
    return [MASK] if name in _SECRETS and arguments else arguments
