# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``rollout.json`` of a stack: rollouts that have not come to their end."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator, Sequence, Tuple

from .._core.container import Container
from .._core.errors import StateUnwritable
from .._core.rollout import Rollout, RolloutBusy, Rollouts, parse_rollouts, without_idle
from .._core.stack import Stack
from .files import alone, make_private_directory, read_text, write_json


class RolloutStore:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._path = stack.in_state("rollout.json")
        self._lock = stack.in_state("rollout.lock")

    def load(self) -> Rollouts:
        """Raises StateUnwritable when the file makes no sense."""
        try:
            return parse_rollouts(read_text(self._path) or "")
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StateUnwritable(
                f"{self._path} cannot be read, or is no list of rollouts ({type(error).__name__}).",
                hint="Look which containers of the service run and where the edge sends requests (edge_traffic), then move the file away.",
                path=self._path,
            ) from error

    def live(self, containers: Sequence[Container]) -> Tuple[Container, ...]:
        """Without old containers that only wait. Who may not read the record, or cannot, sees all containers."""
        try:
            return without_idle(self.load(), containers)
        except StateUnwritable:
            return tuple(containers)

    def put(self, rollout: Rollout) -> None:
        self._write(self.load().with_open(rollout))

    def end(self, service: str, runs: str) -> None:
        self._write(self.load().with_ended(service, runs))

    def require_free(self) -> None:
        """Raises RolloutBusy while another process replaces containers; makes nothing."""
        if os.path.exists(self._lock):
            with alone(self._lock, _busy):
                pass

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While one process replaces containers, no other takes what it does for something that was left over."""
        make_private_directory(self._stack.in_state())
        with alone(self._lock, _busy):
            yield

    def _write(self, rollouts: Rollouts) -> None:
        try:
            make_private_directory(self._stack.in_state())
            write_json(self._path, rollouts.to_dict())
        except OSError as error:
            raise StateUnwritable(
                f"{self._path} cannot be written: {error.strerror}.",
                hint="Check state_dir, and that the task runs as the right user (become).",
                path=self._path,
            ) from error


def _busy(holder: str) -> RolloutBusy:
    return RolloutBusy(f"Another rollout of this stack is under way ({holder}). Nothing was done.", hint="Wait for its end.", holder=holder)
