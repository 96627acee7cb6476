# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a stack on its target: one JSON object a line, only ever added to."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

from .._core.errors import StateUnwritable
from .._core.stack import Stack
from .clock import utc_now
from .files import append_line, make_private_directory


def journal(stack: Stack, now: datetime, event: str, **facts: Any) -> None:
    """Adds one event (``snake_case`` past tense, such as ``lease_taken``). ``facts`` must not hold secrets."""
    path = stack.in_state("journal.ndjson")
    make_private_directory(os.path.dirname(path))
    append_line(path, json.dumps({"at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "event": event, **facts}, sort_keys=True))


def note(stack: Stack, event: str, **facts: Any) -> None:
    """The same, now, for an operation that must not go on unrecorded."""
    try:
        journal(stack, utc_now(), event, **facts)
    except OSError as error:
        raise StateUnwritable(
            f"The journal of stack {stack.name} cannot be written: {error.strerror} ({error.filename}).",
            hint="Check state_dir, and that the task runs as the right user (become).",
            path=str(error.filename),
            event=event,
        ) from error
