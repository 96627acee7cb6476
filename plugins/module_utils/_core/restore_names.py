# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the databases that a restore makes beside the real one, and of the restores themselves."""

from __future__ import annotations

import re
from datetime import datetime

NEW, UNDO, REDO = "new", "undo", "redo"
_BEGUN = "%Y%m%dT%H%M%SZ"
_LONGEST_NAME = 63  # bytes; the server cuts off the rest without an error
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


def new_run_id(now: datetime, random: int) -> str:
    """Sorts by time: ``20261103T021500Z-7f3a01bc``."""
    return f"{now.strftime(_BEGUN)}-{random & 0xFFFFFFFF:08x}"


def begun(run_id: str) -> datetime:
    return datetime.strptime(run_id.partition("-")[0], _BEGUN)


def is_run_id(text: str) -> bool:
    return _RUN_ID.fullmatch(text) is not None


def beside(database: str, kind: str, run_id: str) -> str:
    """``shop__undo_7f3a01bc``; of a long name as much as there is room for, by whole characters."""
    suffix = f"__{kind}_{run_id.rpartition('-')[2]}"
    return database.encode()[: _LONGEST_NAME - len(suffix)].decode(errors="ignore") + suffix
