# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a process that an engine started on this host, with all processes below it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Dict, List, Set

from .files import read_text

_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.05


def end_process(pid: int, container: str) -> bool:
    """Asks the process to end, then kills it; False when it is not a process of that container on this host.

    Those without children go first: one whose parent went before it would become a child of the container's first process, and a Postgres that is that
    process takes the end of a child by a signal for a crash, and ends all of its sessions.
    The engine may run elsewhere, where the same number is another process. The control group tells: it names the container.
    """
    if not belongs_to(pid, container):
        return False
    family = {pid}
    for number in (signal.SIGTERM, signal.SIGKILL):
        if _unwind(family, container, number):
            return True
    _send(family, container, signal.SIGKILL)  # it starts new ones faster than they are ended
    return True


def _unwind(family: Set[int], container: str, number: signal.Signals) -> bool:
    """Signals each process once it has no child any more; whether all were gone in time. ``family`` grows, and so knows those whose parent has left them."""
    until = time.monotonic() + _GRACE_SECONDS
    signalled: Set[int] = set()
    while time.monotonic() < until:
        children = _children()
        family.update(_below(family, children))
        living = {member for member in family if belongs_to(member, container)}
        if not living:
            return True
        leaves = {member for member in living if not living & set(children.get(member, ()))}
        _send(leaves - signalled, container, number)
        signalled |= leaves
        time.sleep(_POLL_SECONDS)
    return False


def _send(family: Set[int], container: str, number: signal.Signals) -> None:
    for member in family:
        if belongs_to(member, container):  # checked again just before: numbers are given anew
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, number)


def belongs_to(pid: int, container: str) -> bool:
    """Whether a living process belongs to the container. A dead one whose parent has not yet asked for it has no command line."""
    with contextlib.suppress(OSError):
        return container in (read_text(f"/proc/{pid}/cgroup") or "") and bool(read_text(f"/proc/{pid}/cmdline"))
    return False


def _children() -> Dict[int, List[int]]:
    """Of all processes of this host, by their parent."""
    children: Dict[int, List[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # "pid (name) state ppid ...": the name may hold anything, so the last bracket counts.
                parent = int((read_text(f"/proc/{name}/stat") or "").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    return children


def _below(family: Set[int], children: Dict[int, List[int]]) -> Set[int]:
    found: Set[int] = set()
    todo = list(family)
    while todo:
        below = children.get(todo.pop(), [])
        todo += below
        found.update(below)
    return found
