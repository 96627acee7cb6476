# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the shape of a database's schema, and how it changed since another time."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ..._core.plan import Plan, facts_only
from ..._core.schema_shape import NOT_KNOWN, KeptShape, compare, require_shape
from ..live_schema import live_shape
from ..postgres_target import PostgresTarget


class PostgresSchemaInfo:
    def __init__(self, target: PostgresTarget, database: str, earlier: Optional[KeptShape]) -> None:
        self._target = target
        self._database = database
        self._earlier = earlier

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "PostgresSchemaInfo":
        earlier = require_shape(params["compare_with"]) if params["compare_with"] else None
        return cls(PostgresTarget.from_params(params), params["database"], earlier)

    def plan(self) -> Plan:
        live = live_shape(self._target, self._database)
        kept = live.keep()
        change = compare(self._earlier, live) if self._earlier else NOT_KNOWN
        return facts_only(
            {
                "database": live.database,
                "fingerprint": kept.fingerprint,
                "shape": kept.to_dict(),
                "change": change.name,
                "differences": {**change.to_dict(), "breaking": change.breaking()},
            }
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}
