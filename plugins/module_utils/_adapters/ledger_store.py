# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the ledger of a stack lies on its host."""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import Iterator

from .._core.ledger import Ledger, ledger_unreadable, parse_ledger
from .._core.stack import Stack
from .files import locked, make_private_directory, read_text, write_json


class LedgerStore:
    """Reads the ledger at any time; changes it only within ``changing``."""

    def __init__(self, stack: Stack) -> None:
        self._directory = stack.in_state("releases")
        self.path = stack.in_state("releases", "ledger.json")
        # Used when there is no ledger yet: fingerprints made while planning must still hold when it is first written.
        self._first_salt = secrets.token_hex(16)

    def load(self) -> Ledger:
        """The ledger, an empty one when there is none; raises LedgerUnreadable for a damaged one."""
        try:
            text = read_text(self.path)
            value = None if text is None else json.loads(text)
        except (OSError, ValueError) as error:
            raise ledger_unreadable(self.path, type(error).__name__) from error
        return Ledger(salt=self._first_salt) if text is None else parse_ledger(value, self.path)

    @contextlib.contextmanager
    def changing(self) -> Iterator[Ledger]:
        """The ledger as it is now, while nobody else can change it."""
        make_private_directory(self._directory)
        with locked(f"{self._directory}/ledger.lock"):
            yield self.load()

    def save(self, ledger: Ledger) -> None:
        write_json(self.path, ledger.to_dict())
