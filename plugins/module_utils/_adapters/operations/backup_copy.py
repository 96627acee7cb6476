# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies backups to a remote, checks them there, or brings them back. Needs no engine."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ..._core.offsite_request import CHECKED, FETCHED, PRESENT
from ..._core.plan import Plan
from ..._core.stack import Stack
from ..offsite_checked import OffsiteChecked
from ..offsite_context import Host, OffsiteContext
from ..offsite_fetched import OffsiteFetched
from ..offsite_present import OffsitePresent

_STATES = {PRESENT: OffsitePresent, CHECKED: OffsiteChecked, FETCHED: OffsiteFetched}


class BackupCopy:
    def __init__(self, context: OffsiteContext) -> None:
        self._context = context
        self._work = _STATES[context.request.state](context)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "BackupCopy":
        return cls(OffsiteContext(Stack.from_params(params), params, host))

    def plan(self) -> Plan:
        self._context.require_program()
        return self._work.plan()

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return self._work.apply(plan)
