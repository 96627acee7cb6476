# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the ledger, and compares what runs with the current release."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ..._core.errors import BadInput
from ..._core.image_holders import holds
from ..._core.plan import Plan, facts_only
from ..._core.release_history import history_table, release_history
from ..._core.release_report import find_drift, release_table
from ..._core.release_selection import find_release, rollback_target
from ..._core.stack import Stack
from ..engine import Engine
from ..image_holders import ImageHolders
from ..image_store import ImageStore
from ..ledger_store import LedgerStore
from ..rollout_store import RolloutStore


class ReleaseInfo:
    def __init__(self, stack: Stack, selector: str, limit: int) -> None:
        self._stack = stack
        self._selector = selector
        self._limit = limit

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "ReleaseInfo":
        if params["limit"] < 1:
            raise BadInput(f"limit must be at least 1, not {params['limit']}.", limit=params["limit"])
        return cls(Stack.from_params(params), params["release"], params["limit"])

    def plan(self) -> Plan:
        ledger = LedgerStore(self._stack).load()
        newest_first = tuple(reversed(ledger.releases))[: self._limit]
        shown = (find_release(ledger, self._selector),) if self._selector else newest_first
        engine = Engine.connect(self._stack)
        current, target = ledger.current_release, rollback_target(ledger)
        history = release_history(ledger, shown)
        drift = find_drift(current, RolloutStore(self._stack).live(engine.containers(self._stack.name))) if current else []
        kept, holders = ImageStore(self._stack, engine).kept_tags(), ImageHolders(self._stack, engine).present()
        return facts_only(
            {
                "releases": [release.to_dict() for release in shown],
                "current": ledger.current,
                "previous": target.id if target else "",
                "staged": ledger.staged,
                "drift": drift,
                "kept_images": [{"reference": tag.reference, "id": tag.image_id, "held": holds(holders, tag.reference, tag.image_id)} for tag in kept],
                "table": release_table(ledger, shown),
                "history": history,
                "history_table": history_table(history),
            }
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}
