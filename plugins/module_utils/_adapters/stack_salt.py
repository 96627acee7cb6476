# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The salt of a stack: it keeps the fingerprints of short secrets from being guessed."""

from __future__ import annotations

import secrets

from .._core.stack import Stack
from .files import locked, read_text, write_atomically


class StackSalt:
    """``<state_dir>/<stack>/salt``, readable by its owner only and made once. Until it is kept, a new one holds for this process."""

    def __init__(self, stack: Stack) -> None:
        self._path = stack.in_state("salt")
        self._lock_path = stack.in_state("salt.lock")
        self._value = read_text(self._path) or secrets.token_hex(16)

    @property
    def value(self) -> str:
        return self._value

    def keep(self) -> str:
        """The salt that is or now becomes the stack's."""
        with locked(self._lock_path):
            kept = read_text(self._path)
            if not kept:
                write_atomically(self._path, self._value.encode(), keep_owner=False)
            self._value = kept or self._value
        return self._value
