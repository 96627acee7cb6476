# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restores of all kinds have in common: each step is written down before it is done, and what fails is taken back."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List, Mapping, Sequence

from .._core.container import Container
from .._core.errors import OperationError
from .dependents import identifier

UNTOUCHED, ROLLED_BACK, NEEDS_ATTENTION = "untouched", "rolled_back", "needs_attention"


class RecordedRun:
    """To be used once. ``place`` knows the records and the dependents, and warns; ``SENTENCES`` say how safe the live data are."""

    SENTENCES: Mapping[str, str]

    def __init__(self, place: Any, record: Any, containers: Sequence[Container]) -> None:
        self._place = place
        self._record = record
        self._containers = tuple(containers)

    def _note(self, stage: str, **changes: object) -> None:
        self._record = self._place.records.write(self._record.at(stage, **changes))

    def _stop_dependents(self, stage: str) -> None:
        self._note(stage, containers=tuple(identifier(container) for container in self._containers))
        self._place.dependents().stop(self._containers)

    def _start_dependents(self) -> List[str]:
        """What is to be said about it."""
        with self._taken_back_on_failure():
            gone = self._place.dependents().start(self._record.containers)
        return [not_started_again(gone)] if gone else []

    @contextlib.contextmanager
    def _taken_back_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            safe = self._take_back()
            if isinstance(error, OperationError):
                self._tell(error, safe)
            raise

    def _take_back(self) -> str:
        """How safe the live data are now. Whatever goes wrong here is left to state=recovered."""
        raise NotImplementedError

    @contextlib.contextmanager
    def _live_already(self) -> Iterator[None]:
        """What was restored is live, and only the record does not say so yet."""
        try:
            yield
        except OperationError as error:
            self._tell(error, NEEDS_ATTENTION)
            raise

    def _tell(self, error: OperationError, safe: str) -> None:
        error.args = (f"{error} {self.SENTENCES[safe]}",)
        error.details.update(stage=self._record.stage, safe_state=safe, restore_id=self._record.run_id)


def not_started_again(gone: Sequence[str]) -> str:
    return f"Not started again, because its container was removed meanwhile: {', '.join(gone)}."
