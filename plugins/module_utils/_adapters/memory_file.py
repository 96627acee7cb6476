# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that exists only in memory: it has a path that child processes can read, and goes with this process."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator


@contextlib.contextmanager
def memory_file(name: str, content: bytes) -> Iterator[str]:
    """The path of a file with this content. Even when this process is killed, nothing stays on a disk."""
    descriptor = os.memfd_create(name)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as handle:
            handle.write(content)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)
