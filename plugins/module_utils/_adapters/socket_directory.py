# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of this host for the socket of a throwaway server."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator


@contextlib.contextmanager
def socket_directory(parent: str) -> Iterator[str]:
    """Writable for the server, whatever its user is; the parent keeps everybody else out."""
    path = os.path.join(parent, "socket")
    os.mkdir(path, 0o700)
    try:
        os.chmod(path, 0o1777)
        yield path
    finally:
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)


@contextlib.contextmanager
def short_path(directory: str) -> Iterator[str]:
    """The directory by a name that always fits: a path of a socket may have 107 bytes only."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
