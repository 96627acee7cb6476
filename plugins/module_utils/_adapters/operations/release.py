# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes the ledger: one operation for each ``state`` of the module ``release``."""

from __future__ import annotations

from typing import Any, Mapping

from ..._core.stack import Stack
from .release_context import Host, ReleaseContext
from .release_prune import PruneReleases
from .release_register import RegisterRelease
from .release_stage import StageRelease
from .release_verdict import RejectRelease, VerifyRelease

_OPERATIONS = {
    "registered": RegisterRelease,
    "staged": StageRelease,
    "verified": VerifyRelease,
    "failed": RejectRelease,
    "rolled_back": RejectRelease,
    "pruned": PruneReleases,
}


def release_operation(params: Mapping[str, Any], host: Host) -> Any:
    """The operation for the wanted state."""
    context = ReleaseContext(Stack.from_params(params), host)
    return _OPERATIONS[params["state"]].from_params(params, context)
