# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier contents of env files, each readable by its owner only, with a note on when and why it was replaced."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime
from typing import Any, Dict, List, Sequence, Tuple

from .._core.env_change import NoSuchVersion
from .._core.stack import Stack
from .files import make_private_directory, read_text, write_atomically, write_json

PREVIOUS = "previous"


class EnvVersions:
    """Versions of one env file: ``<state_dir>/<stack>/env/<time>-<n>.env`` with a ``.json`` of the same name."""

    def __init__(self, stack: Stack, path: str) -> None:
        self._stack = stack
        self._path = path
        self._directory = stack.in_state("env")

    @property
    def lock_path(self) -> str:
        return os.path.join(self._directory, "lock")

    def list(self) -> List[Dict[str, Any]]:
        """Newest first; a version without its note is one whose writing was interrupted, and does not count."""
        notes = [(name, self._note(name)) for name in self._names()]
        return [
            {"id": name, "at": note["at"], "module": note["module"], "changed_keys": note["changed_keys"]}
            for name, note in sorted(notes, key=lambda entry: _order(entry[0]), reverse=True)
            if note.get("path") == self._path
        ]

    def find(self, version: str) -> Tuple[str, bytes]:
        """The id and the content of a version, by id or as ``previous``, the newest one."""
        known = [entry["id"] for entry in self.list()]
        name = known[0] if version == PREVIOUS and known else version
        if name not in known:
            raise NoSuchVersion(
                f"No version {version} of {self._path} is kept for stack {self._stack.name}.",
                hint=f"Choose from: {', '.join(known)}." if known else "A version is kept each time env_file changes the file; there is none yet.",
                version=version,
                versions=known,
            )
        with open(os.path.join(self._directory, f"{name}.env"), "rb") as handle:
            return name, handle.read()

    def keep(self, content: bytes, now: datetime, module: str, changed_keys: Sequence[str]) -> str:
        """Keeps a content that is about to be replaced; returns its id."""
        make_private_directory(self._directory)
        name = self._next_name(now.strftime("%Y%m%dT%H%M%SZ"))
        write_atomically(os.path.join(self._directory, f"{name}.env"), content, keep_owner=False)
        note = {"at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "module": module, "changed_keys": list(changed_keys), "path": self._path}
        write_json(os.path.join(self._directory, f"{name}.json"), note)
        return name

    def forget_all_but(self, count: int) -> None:
        for entry in self.list()[count:]:
            for suffix in ("json", "env"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._directory, f"{entry['id']}.{suffix}"))

    def _next_name(self, stamp: str) -> str:
        """Behind all others, also when the clock was set back: ``previous`` has to be the one that was kept last."""
        newest, number = max((_order(name) for name in self._names()), default=("", 0))
        return f"{stamp}-1" if stamp > newest else f"{newest}-{number + 1}"

    def _names(self) -> List[str]:
        with contextlib.suppress(FileNotFoundError):
            return [name[: -len(".env")] for name in os.listdir(self._directory) if name.endswith(".env") and not name.startswith(".")]
        return []

    def _note(self, name: str) -> Dict[str, Any]:
        try:
            return json.loads(read_text(os.path.join(self._directory, f"{name}.json")) or "{}")
        except ValueError:
            return {}


def _order(name: str) -> Tuple[str, int]:
    stamp, _dash, number = name.rpartition("-")
    return stamp, int(number) if number.isdigit() else 0
