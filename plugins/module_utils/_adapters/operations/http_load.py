# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends requests to one page of the stack and tells how they were answered."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Protocol, Set

from ..._core.container_command import ServiceNotRunning
from ..._core.load_report import LoadOverLimits, load_result, problems_of
from ..._core.load_request import LoadRequest
from ..._core.plan import Plan, facts_only
from ..._core.probe_secrets import request_secrets
from ..._core.redaction import Redactor
from ..._core.stack import Stack
from ..engine import Engine
from ..load_generator import LoadGenerator
from ..stack_containers import StackContainers


class LoadHost(Protocol):
    """What this operation asks of its surroundings."""

    check_mode: bool

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class HttpLoad:
    """Load changes nothing of the stack by itself; in check mode none is sent."""

    def __init__(self, stack: Stack, request: LoadRequest, secrets: Set[str]) -> None:
        self._stack = stack
        self._request = request
        self._redactor = Redactor(secrets)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: LoadHost) -> "HttpLoad":
        """Hides the secrets of the options first, so that no refusal can show them."""
        secrets, harmless = request_secrets([params])
        host.hide(secrets, harmless)
        return cls(Stack.from_params(params), LoadRequest.from_params(params), secrets)

    def plan(self) -> Plan:
        self._addresses()
        return facts_only(load_result(self._request, [], 0.0, self._redactor))

    def apply(self, plan: Plan) -> Dict[str, Any]:
        sent, seconds = LoadGenerator(self._request, self._addresses()).run()
        result = load_result(self._request, sent, seconds, self._redactor)
        problems = problems_of(self._request, result)
        if problems:
            raise LoadOverLimits(result, problems)
        return result

    def _addresses(self) -> List[str]:
        """Of every running replica of the service; none where the URL's own host is asked."""
        probe = self._request.probe
        if not probe.needs_engine:
            return []
        containers = StackContainers(Engine.connect(self._stack), self._stack.name)
        containers.refresh()
        service = probe.endpoint.host
        found = [one.container.address for one in containers.of(service) if one.container.running and one.container.address]
        if not found:
            raise ServiceNotRunning(
                f"No container of {service} runs with an address on a network: nothing was sent.",
                hint="Start it (playbooks/service/state.yml), or ask a published port.",
                service=service,
            )
        return found
