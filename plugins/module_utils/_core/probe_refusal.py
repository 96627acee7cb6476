# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a probe that makes no sense is refused."""

from __future__ import annotations

from .errors import BadInput


def refuse(label: str, problem: str, hint: str) -> BadInput:
    return BadInput(f"Probe {label}: {problem}", hint=hint, probe=label)


def positive(label: str, option: str, value: float) -> float:
    if not value > 0:
        raise refuse(label, f"{option} must be above 0, not {value:g}.", "Leave it out for the default.")
    return float(value)
