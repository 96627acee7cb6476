# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists sessions of a Postgres server, cancels their statements, or ends them."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Protocol, Set

from ..._core.errors import BadInput
from ..._core.plan import Plan
from ..._core.postgres_sessions import (
    ACTIVE,
    CANCELLED,
    IN_TRANSACTION,
    TERMINATED,
    ClientSession,
    SessionFilter,
    check_filter,
    choose,
    plan_sessions,
    remaining_error,
    sessions_table,
)
from ..postgres_activity import cancel, client_sessions, connected, connection_slots, terminate, unchanged
from ..postgres_session import PostgresSession
from ..postgres_target import PostgresTarget

_POLL_SECONDS = 0.1
_ENDED = {"cancel": "cancelled", "terminate": "terminated"}


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class PostgresSessions:
    """Which sessions, and what becomes of them."""

    def __init__(self, params: Mapping[str, Any], wanted: SessionFilter, host: Host) -> None:
        self._state = params["state"]
        self._most = params["max_sessions"]
        self._grace, self._timeout = params["grace"], params["timeout"]
        self._wanted = wanted
        self._host = host
        self._target = PostgresTarget.from_params(params)
        self._chosen: List[ClientSession] = []
        self._outcomes: Dict[int, str] = {}

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresSessions":
        states = params["states"] or ([ACTIVE] if params["state"] == CANCELLED else IN_TRANSACTION)
        names = {name: tuple(params[name]) for name in ("databases", "usernames", "applications", "clients", "protect")}
        wanted = SessionFilter(states=tuple(states), older_than=params["older_than"], include_superusers=params["include_superusers"], **names)
        check_filter(wanted, params["state"], params["max_sessions"])
        for name in ("grace", "timeout"):
            if params[name] < 0:
                raise BadInput(f"{name} must not be negative, but is {params[name]}.", **{name: params[name]})
        return cls(params, wanted, host)

    def plan(self) -> Plan:
        # Kept for apply: when the server is full, a slot that is given back is somebody else's at once.
        self._session = self._target.open("postgres_sessions")
        slots = connection_slots(self._session).facts()
        choice = choose(client_sessions(self._session, self._wanted.usernames), self._wanted)
        superusers = sum(1 for session, why in choice.kept if why == "superuser")
        if superusers:
            self._host.warn(f"Left alone, because superusers own them: {superusers} of the sessions that match. include_superusers=true includes them.")
        self._chosen = list(choice.chosen)
        return plan_sessions(choice, self._state, self._most, {"connections_before": slots, "connections_after": slots})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        with self._session as session:
            if not plan.changed:
                return {}
            self._target.note("postgres_sessions_chosen", state=self._state, sessions=self._facts())
            try:
                self._end(session)
            finally:
                self._target.note("postgres_sessions_ended", state=self._state, sessions=self._facts())
            ended = [step for step in plan.to_result()["actions"] if self._outcomes[int(step["target"])] in _ENDED.values()]
            after = connection_slots(session).facts()
            sessions = self._facts()
            return {
                "changed": bool(ended),
                "actions": ended,
                "sessions": sessions,
                "connections_after": after,
                "table": sessions_table(sessions),
            }

    def _end(self, session: PostgresSession) -> None:
        """Cancels what runs first: a client whose statement failed is better off than one whose connection is gone."""
        running = [target for target in self._chosen if target.state == ACTIVE]
        stubborn = self._wait(session, self._tell(session, running, "cancel"), unchanged, self._grace)
        if self._state == TERMINATED:
            doomed = [target for target in self._chosen if target.state != ACTIVE or target.pid in stubborn]
            stubborn = self._wait(session, self._tell(session, doomed, "terminate"), connected, self._timeout)
        for pid in stubborn:
            self._outcomes[pid] = "remains"
        if stubborn:
            raise remaining_error(sorted(stubborn), self._timeout if self._state == TERMINATED else self._grace)

    def _tell(self, session: PostgresSession, targets: List[ClientSession], action: str) -> List[ClientSession]:
        """Those that were still as they had been looked at, and were told."""
        signal = {"cancel": cancel, "terminate": terminate}[action]
        told = [target for target in targets if signal(session, target)]
        for target in targets:
            self._outcomes.setdefault(target.pid, "moved_on")
        self._outcomes.update((target.pid, _ENDED[action]) for target in told)
        return told

    def _wait(self, session: PostgresSession, told: List[ClientSession], look: Callable[..., Set[int]], seconds: float) -> Set[int]:
        """Pids of those that did not obey in time."""
        until = time.monotonic() + seconds
        while True:
            left = look(session, told) if told else set()
            if not left or time.monotonic() >= until:
                return left
            time.sleep(_POLL_SECONDS)

    def _facts(self) -> List[Dict[str, Any]]:
        return [target.facts(self._outcomes.get(target.pid, "not_reached")) for target in self._chosen]
