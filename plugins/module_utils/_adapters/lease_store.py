# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the leases of a stack lie on its host, and the fence that lets only a lease's holder act."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import replace
from typing import Callable, Iterator

from .._core.errors import StateUnwritable
from .._core.lease import OPERATION, Lease, LeaseLost, LeaseRecord, LeaseUnreadable, Moment, parse_lease_record, require_lease
from .._core.lease_change import LeaseChange
from .._core.stack import Stack
from .clock import moment
from .files import locked, read_text, write_json
from .journal import journal

_SHORTEST_INTERVAL = 1.0


class LeaseStore:
    """One lease of one stack: ``<state_dir>/<stack>/leases/<name>.json``."""

    def __init__(self, stack: Stack, name: str = OPERATION) -> None:
        self._stack = stack
        self._name = name
        self._path = stack.in_state("leases", f"{name}.json")
        self._lock_path = stack.in_state("leases", f"{name}.lock")

    def load(self) -> LeaseRecord:
        """What is known of the lease. A reader needs no lock: the file is replaced whole."""
        try:
            with self._naming_the_lease():
                text = read_text(self._path)
            value = json.loads(text) if text is not None else {"holder": None, "former": []}
        except ValueError:
            value = None  # no JSON, or no text at all: that is damage, not a free lease
        return parse_lease_record(self._stack.name, self._name, value)

    def change(self, decide: Callable[[LeaseRecord, Moment], LeaseChange]) -> LeaseChange:
        """Decides on what the record is now, while nobody else can change it, and writes what was decided."""
        with self._naming_the_lease(), locked(self._lock_path):
            now = moment()
            change = decide(self.load(), now)
            if change.after != change.before:
                write_json(self._path, change.after.to_dict())
            if change.event:
                journal(self._stack, now.wall, change.event, lease=self._name, **change.event_facts)
            return change

    def renew(self, token: str) -> None:
        """Prolongs the lease by its own duration; raises LeaseLost when it is not held under this token."""

        def prolong(record: LeaseRecord, now: Moment) -> LeaseChange:
            held = require_lease(record, token, now)
            return LeaseChange(record, replace(record, holder=held.renewed(now)))

        self.change(prolong)

    def require(self, token: str) -> Lease:
        """The lease; raises LeaseLost when it is not held under this token."""
        return require_lease(self.load(), token, moment())

    @contextlib.contextmanager
    def _naming_the_lease(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateUnwritable(
                f"The {self._name} lease of stack {self._stack.name} cannot be read or written: {error.strerror} ({error.filename}).",
                hint="Check the free space and the owner of state_dir, and that the task runs as the right user (become).",
                path=self._path,
            ) from error


@contextlib.contextmanager
def fenced(stack: Stack, token: str) -> Iterator[None]:
    """Lets the body run only while the operation lease is held under this token, and keeps it held meanwhile.

    The renewal is done by a thread of this process: when the process is killed, the lease expires. The body cannot
    be interrupted safely; when the lease was lost while it ran, LeaseLost is raised after it.
    """
    store = LeaseStore(stack)
    store.renew(token)
    interval = max(_SHORTEST_INTERVAL, store.require(token).expires_after / 4)
    stopping = threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, token, interval, stopping), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()
    store.require(token)


def _keep(store: LeaseStore, token: str, interval: float, stopping: threading.Event) -> None:
    while not stopping.wait(interval):
        try:
            store.renew(token)
        except (LeaseLost, LeaseUnreadable):
            return  # said when the body ends
        except StateUnwritable:
            continue  # a full disk may have room again before the lease expires
