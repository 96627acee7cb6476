# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an application cannot reach a server: one finding out of checks, each of which explains those after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence

from .text_table import aligned

HEALTHY = "healthy"


@dataclass(frozen=True)
class Attempt:
    """A login that was tried. ``reason`` is that of the error, empty when it worked."""

    reason: str = ""
    message: str = ""
    seconds: Optional[float] = None


def check(name: str, message: str) -> Dict[str, Any]:
    """``message`` is empty for what is well."""
    return {"check": name, "verdict": "yes" if message else "no", "message": message}


def concluded(checks: Sequence[Dict[str, Any]], hints: Mapping[str, str], all_well: str) -> Dict[str, Any]:
    """The first of the checks that fails is the finding."""
    failed = next((one for one in checks if one["message"]), {"check": HEALTHY, "message": ""})
    return {
        "finding": failed["check"],
        "healthy": failed["check"] == HEALTHY,
        "message": failed["message"] or all_well,
        "hint": "" if failed["check"] == HEALTHY else hints[failed["check"]],
        "checks": list(checks),
        "table": "\n".join(aligned([["CHECK", "VERDICT", "MESSAGE"], *[[one["check"], one["verdict"], one["message"]] for one in checks]])),
    }
