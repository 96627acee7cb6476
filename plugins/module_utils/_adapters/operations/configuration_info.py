# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the env file and the resolved compose project, and says what must not reach production."""

from __future__ import annotations

import os
import stat
from typing import Any, Dict, Mapping

from ..._core.configuration_review import Reviewed, raise_unfit, review
from ..._core.dotenv import parse_values
from ..._core.env_rules import parse_rules
from ..._core.plan import Plan, facts_only
from ..._core.problem import is_healthy, worst_first
from ..._core.stack import Stack
from ..compose_cli import ComposeCli
from ..files import read_text

_EXAMPLES = ("env.example", ".env.example", ".env.sample", ".env.dist")


class ConfigurationInfo:
    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack = stack
        self._params = params
        self._rules = parse_rules(params["validate"])

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "ConfigurationInfo":
        return cls(Stack.from_params(params), params)

    def plan(self) -> Plan:
        _model, config = ComposeCli(self._stack).model_and_config()
        text = read_text(self._stack.env_path)
        seen = Reviewed(
            settings=parse_values(text or ""),
            file_mode=stat.S_IMODE(os.stat(self._stack.env_path).st_mode) if text is not None else 0o600,
            examples=self._examples(),
            services=config.get("services") or {},
            stores=tuple(self._params["stores"]),
            required=tuple(self._params["required_keys"]),
            rules=self._rules,
        )
        problems = worst_first(review(seen))
        if self._params["on_problem"] == "fail":
            raise_unfit(problems)
        return facts_only({"healthy": is_healthy(problems), "problems": [problem.to_dict() for problem in problems]})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _examples(self) -> Dict[str, str]:
        """Values that came with the files: whoever has these has them."""
        found: Dict[str, str] = {}
        for name in _EXAMPLES:
            text = read_text(self._stack.in_project(name))
            found.update(parse_values(text) if text else {})
        return found
