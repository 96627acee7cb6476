# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a process that an engine started on this host, with all processes below it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Dict, List

from .files import read_text

_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.05


def end_process(pid: int, container: str) -> bool:
    """Asks the process to end, then kills it; False when it is not a process of that container on this host.

    The engine may run elsewhere, where the same number is another process. The control group tells: it names the container.
    """
    if not belongs_to(pid, container):
        return False
    family = [member for member in [pid, *_below(pid)] if belongs_to(member, container)]
    _send(family, container, signal.SIGTERM)
    until = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < until and any(belongs_to(member, container) for member in family):
        time.sleep(_POLL_SECONDS)
    latecomers = [member for parent in family for member in _below(parent)]
    _send([*family, *latecomers], container, signal.SIGKILL)
    return True


def _send(family: List[int], container: str, number: signal.Signals) -> None:
    for member in family:
        if belongs_to(member, container):  # checked again just before: numbers are given anew
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, number)


def belongs_to(pid: int, container: str) -> bool:
    """Whether a living process belongs to the container. A dead one whose parent has not yet asked for it has no command line."""
    with contextlib.suppress(OSError):
        return container in (read_text(f"/proc/{pid}/cgroup") or "") and bool(read_text(f"/proc/{pid}/cmdline"))
    return False


def _below(pid: int) -> List[int]:
    children: Dict[int, List[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # "pid (name) state ppid ...": the name may hold anything, so the last bracket counts.
                parent = int((read_text(f"/proc/{name}/stat") or "").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: List[int] = []
    todo = [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found
