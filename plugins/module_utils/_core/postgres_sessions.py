# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sessions of a Postgres server may be ended, and what the server's connections looked like before and after."""

from __future__ import annotations

import fnmatch
import ipaddress
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import BadInput, OperationError
from .plan import Plan, Step
from .text_table import aligned

LISTED, CANCELLED, TERMINATED = "listed", "cancelled", "terminated"
ACTIVE = "active"
IN_TRANSACTION = ("idle in transaction", "idle in transaction (aborted)")
LOCAL = "local"
# Sessions of this collection, and of Postgres' own tools while they copy a database: ending one spoils a backup.
PROTECTED = ("runbook.compose*", "pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup", "pg_receivewal")
_LISTED_AT_MOST = 50


class TooManySessions(OperationError):
    """More sessions match than may be ended at once."""

    reason = "too_many_sessions"


class SessionsRemain(OperationError):
    """Sessions that were told to end are still there."""

    reason = "sessions_remain"


@dataclass(frozen=True)
class ClientSession:
    """One client's session. ``state_change`` is None where the server does not track activities."""

    pid: int
    database: str
    username: str
    application: str
    client: str  # an address, or LOCAL
    state: str
    superuser: bool
    backend_start: datetime
    state_change: Optional[datetime]
    state_seconds: Optional[float]
    transaction_seconds: Optional[float]

    @property
    def identity(self) -> Tuple[int, datetime]:
        """A pid is given to another session as soon as it is free; with its start it is unique."""
        return self.pid, self.backend_start

    def facts(self, outcome: str) -> Dict[str, Any]:
        return {
            "pid": self.pid,
            "database": self.database,
            "username": self.username,
            "application": self.application,
            "client": self.client,
            "state": self.state,
            "state_seconds": _rounded(self.state_seconds),
            "transaction_seconds": _rounded(self.transaction_seconds),
            "connected_at": _utc(self.backend_start),
            "outcome": outcome,
        }


@dataclass(frozen=True)
class SessionFilter:
    """What to look for; an empty tuple asks for nothing. ``protect`` are patterns of application names."""

    databases: Tuple[str, ...] = ()
    usernames: Tuple[str, ...] = ()
    applications: Tuple[str, ...] = ()
    clients: Tuple[str, ...] = ()
    states: Tuple[str, ...] = IN_TRANSACTION
    older_than: float = 300.0
    protect: Tuple[str, ...] = ()
    include_superusers: bool = False

    def matches(self, session: ClientSession) -> bool:
        return (
            session.state in self.states
            and session.state_seconds is not None
            and session.state_seconds >= self.older_than
            and (not self.databases or session.database in self.databases)
            and (not self.usernames or session.username in self.usernames)
            and (not self.applications or _like(session.application, self.applications))
            and (not self.clients or _comes_from(session.client, self.clients))
        )

    def why_kept(self, session: ClientSession) -> str:
        """Why a session that matches is left alone; empty when it is not."""
        if _like(session.application, PROTECTED + self.protect):
            return "protected"
        return "superuser" if session.superuser and not self.include_superusers else ""


def check_filter(wanted: SessionFilter, state: str, max_sessions: int) -> None:
    """Raises BadInput for a request that makes no sense."""
    if wanted.older_than < 0:
        raise BadInput(f"older_than must not be negative, but is {wanted.older_than:g}.", older_than=wanted.older_than)
    if max_sessions < 1:
        raise BadInput(f"max_sessions must be at least 1, but is {max_sessions}.", max_sessions=max_sessions)
    if state == CANCELLED and set(wanted.states) != {ACTIVE}:
        raise BadInput(
            "Only a statement that runs can be cancelled, so state=cancelled needs states=[active].",
            hint="To end a session that does nothing, use state=terminated.",
            states=list(wanted.states),
        )
    for client in wanted.clients:
        _network(client)


@dataclass(frozen=True)
class SessionChoice:
    """Of the sessions that match: those to end, and those left alone with the reason."""

    chosen: Tuple[ClientSession, ...]
    kept: Tuple[Tuple[ClientSession, str], ...]

    def facts(self) -> Dict[str, Any]:
        counted = Counter(why for session, why in self.kept)
        return {"left_alone": [{"why": why, "sessions": count} for why, count in sorted(counted.items())]}


def choose(sessions: Sequence[ClientSession], wanted: SessionFilter) -> SessionChoice:
    """The longest in their state come first."""
    matching = sorted((session for session in sessions if wanted.matches(session)), key=lambda session: -(session.state_seconds or 0.0))
    reasons = [(session, wanted.why_kept(session)) for session in matching]
    return SessionChoice(tuple(session for session, why in reasons if not why), tuple((session, why) for session, why in reasons if why))


def plan_sessions(choice: SessionChoice, state: str, max_sessions: int, facts: Dict[str, Any]) -> Plan:
    """Ends all that were chosen or, when there are more than allowed, none."""
    chosen = choice.chosen
    described = [session.facts("listed") for session in chosen]
    if state == LISTED:
        return Plan({}, {}, facts={**facts, **choice.facts(), "sessions": described, "table": sessions_table(described)})
    if len(chosen) > max_sessions:
        raise TooManySessions(
            f"{len(chosen)} sessions match, and at most {max_sessions} may be ended at once. None was ended.",
            hint="Narrow the filter, or raise max_sessions after looking at the list (state=listed).",
            matching=len(chosen),
            max_sessions=max_sessions,
            sessions=described[:_LISTED_AT_MOST],
        )
    action = "cancel" if state == CANCELLED else "terminate"
    steps = tuple(Step(action, str(session.pid), _words(session)) for session in chosen)
    before = {"sessions": [f"{session.pid} {_words(session)}" for session in chosen]}
    return Plan(before, {"sessions": []}, steps, {**facts, **choice.facts(), "sessions": described, "table": sessions_table(described)})


@dataclass(frozen=True)
class ConnectionSlots:
    """How many client sessions there are, by state, and how many more ordinary roles may open."""

    max_connections: int
    reserved: int
    by_state: Dict[str, int]

    def facts(self) -> Dict[str, Any]:
        used = sum(self.by_state.values())
        free = max(0, self.max_connections - self.reserved - used)
        return {
            "used": used,
            "by_state": [{"state": state, "sessions": count} for state, count in sorted(self.by_state.items())],
            "max_connections": self.max_connections,
            "reserved": self.reserved,
            "free": free,
            "free_percent": round(100.0 * free / max(1, self.max_connections - self.reserved), 1),
        }


def remaining_error(left: List[int], seconds: float) -> SessionsRemain:
    pids = ", ".join(map(str, left))
    return SessionsRemain(
        f"Told to end {seconds:g} s ago, and still there: {pids}.",
        hint="A session that waits for the disk or the network ends when that answers. Look again before anything stronger.",
        pids=left,
    )


def sessions_table(sessions: Sequence[Mapping[str, Any]]) -> str:
    """Described sessions as aligned text; a sentence when there are none."""
    if not sessions:
        return "No session matches."
    rows = [("PID", "OUTCOME", "ROLE", "DATABASE", "APPLICATION", "CLIENT", "STATE", "FOR")]
    for one in sessions:
        seconds = "-" if one["state_seconds"] is None else f"{one['state_seconds']:.0f} s"
        rows.append((str(one["pid"]), one["outcome"], one["username"], one["database"], one["application"] or "-", one["client"], one["state"], seconds))
    return "\n".join(aligned(rows))


def _words(session: ClientSession) -> str:
    seconds = f"{session.state_seconds:.0f} s" if session.state_seconds is not None else "unknown time"
    application = f" {session.application}" if session.application else ""
    return f"{session.username}@{session.database}{application} from {session.client}, {session.state} for {seconds}"


def _like(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _comes_from(client: str, wanted: Sequence[str]) -> bool:
    if client == LOCAL:
        return LOCAL in wanted
    address = ipaddress.ip_address(client)
    return any(address in _network(network) for network in wanted if network != LOCAL)


def _network(client: str) -> Any:
    if client == LOCAL:
        return None
    try:
        return ipaddress.ip_network(client, strict=False)
    except ValueError as error:
        raise BadInput(
            f"{client!r} is no address and no network.", hint="Write 172.18.0.5, 172.18.0.0/16, or 'local' for sockets of the server itself.", client=client
        ) from error


def _rounded(seconds: Optional[float]) -> Optional[float]:
    return None if seconds is None else round(seconds, 1)


def _utc(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
