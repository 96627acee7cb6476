# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all work on backups shares: the clock as the catalogue counts, and faults of the disk in its words."""

from __future__ import annotations

import contextlib
import errno
from datetime import datetime
from typing import Iterator

from .._core.backup_errors import BackupNoSpace
from .._core.errors import StateUnwritable
from .clock import utc_now


@contextlib.contextmanager
def files_of(backup_dir: str) -> Iterator[None]:
    """Translates what goes wrong with the files of the backups."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupNoSpace(f"The disk of {backup_dir} is full. Nothing was published.", hint="Make room there.", free_bytes=0) from error
        raise StateUnwritable(
            f"The backups below {backup_dir} cannot be read or written: {error.strerror} ({error.filename}).",
            hint="Check the owner and the disk, and that the task runs as the right user (become).",
            path=str(error.filename),
        ) from error


def now_naive() -> datetime:
    """UTC, as the catalogue counts."""
    return utc_now().replace(tzinfo=None)
