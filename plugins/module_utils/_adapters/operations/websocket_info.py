# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads nginx' configuration and says whether WebSockets can pass it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ..._core.errors import BadInput
from ..._core.nginx_text import parse_dump
from ..._core.plan import Plan, facts_only
from ..._core.stack import Stack
from ..._core.websocket_directives import judge_path
from ..engine import Engine
from ..nginx_program import dump_of_host, dump_of_service


class WebsocketInfo:
    """Only looks. The configuration stays on the target, as it may hold secrets."""

    def __init__(self, stack: Stack, service: str, paths: List[str], least_seconds: float) -> None:
        self._stack = stack
        self._service = service
        self._paths = paths
        self._least_seconds = least_seconds

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "WebsocketInfo":
        wrong = [path for path in params["paths"] if not path.startswith("/")]
        if wrong or not params["paths"]:
            raise BadInput("Paths begin with a slash, and there is at least one.", hint="Write them like /ws.", paths=wrong)
        return cls(Stack.from_params(params), params["service"], params["paths"], params["min_timeout"])

    def plan(self) -> Plan:
        text, container = dump_of_service(Engine.connect(self._stack), self._stack.name, self._service) if self._service else dump_of_host()
        main = parse_dump(text)
        pages = [judge_path(path, main, self._least_seconds) for path in self._paths]
        problems = [problem for page in pages for problem in page["problems"]]
        return facts_only({"healthy": not problems, "pages": pages, "problems": problems, "container": container})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}
