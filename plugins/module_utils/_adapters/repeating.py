# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls a function again and again beside the main work."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Callable, Optional, Type


class Repeating:
    """Calls ``action`` at once and then every ``seconds`` while the block runs, and once more at its end.

    The first error ends the calls, not the block: what is done here (showing progress, looking around) is not the work itself.
    """

    def __init__(self, action: Callable[[], None], seconds: float) -> None:
        self._action = action
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.failure: Optional[Exception] = None

    def __enter__(self) -> "Repeating":
        self._thread.start()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._action()
                self._ended.wait(self._seconds)
            self._action()
        except Exception as failure:
            self.failure = failure
