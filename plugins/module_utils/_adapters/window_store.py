# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the maintenance window of a stack lies on its host."""

from __future__ import annotations

import contextlib
import json
from typing import Iterator

from .._core.errors import StateUnwritable
from .._core.stack import Stack
from .._core.window import WindowRecord, parse_window_record
from .._core.window_change import Decision, WindowChange
from .clock import moment
from .files import locked, read_text, write_json
from .journal import journal


class WindowStore:
    """``<state_dir>/<stack>/window.json``, written whole or not at all."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._path = stack.in_state("window.json")

    def load(self) -> WindowRecord:
        """A reader needs no lock: the file is replaced whole."""
        try:
            with self._naming_the_file():
                text = read_text(self._path)
            value = json.loads(text) if text is not None else {"window": None, "former": []}
        except ValueError:
            value = None
        return parse_window_record(self._stack.name, value)

    def change(self, decide: Decision) -> WindowChange:
        """Decides on what the record is now, while nobody else can change it, and writes what was decided."""
        with self._naming_the_file(), locked(self._stack.in_state("window.lock")):
            now = moment()
            change = decide(self.load(), now)
            if change.after != change.before:
                write_json(self._path, change.after.to_dict())
            if change.action and change.after.window:
                name = change.after.window.change
                journal(self._stack, now.wall, "maintenance_window", action=change.action, change=name, phase=change.after.window.phase, **change.facts)
            return change

    @contextlib.contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateUnwritable(
                f"The window of stack {self._stack.name} cannot be read or written: {error.strerror} ({error.filename}).",
                hint="Check the free space and the owner of state_dir, and that the task runs as the right user (become).",
                path=self._path,
            ) from error
