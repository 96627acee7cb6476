# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container logs through the engine, both streams."""

from __future__ import annotations

from typing import List

from .._core.redaction import Redactor
from .engine import Engine


def log_tail(engine: Engine, container: str, lines: int, redactor: Redactor) -> List[str]:
    """The last lines of both streams in the order in which they came, redacted; empty when they cannot be read."""
    with engine.calling(f"read the logs of {container[:12]}"):
        text = engine.client.logs(container, stdout=True, stderr=True, tail=lines)
    return [redactor.text(line) for line in text.decode(errors="replace").splitlines()]
