# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an application cannot reach its Postgres: one finding from all that was seen, with the smallest thing that helps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from .access_check import Attempt, check, concluded

_FULL, _REFUSED, _UNREACHABLE = "postgres_connections_exhausted", "postgres_login_refused", "postgres_unreachable"
_POOL_SHARE = 0.8  # of the connections; the rest is for people, backups and reports
# What helps, by finding; a playbook where there is one.
_HINTS = {
    "disk_full": "Make room on the disk with the data (playbooks/service/cleanup.yml); delete nothing in the server's own directory.",
    "container_down": "Start it: playbooks/incident/db_connections.yml with fix=true, or playbooks/service/state.yml.",
    "not_ready": "Wait, and look at its log (playbooks/service/status.yml): it starts up, recovers, shuts down, or does not listen.",
    "name_not_found": "Compare the name in the application's environment with the services and networks of the compose files.",
    "connections_exhausted": "End idle sessions: playbooks/incident/db_connections.yml with fix=true.",
    "login_refused": "Compare the application's role, password and database with the server's (playbooks/postgres/settings.yml sets a password).",
    "connections_high": "End idle sessions: playbooks/incident/db_connections.yml with fix=true, or make the pools smaller.",
    "login_failed": "Read the message, and look at the server's log (playbooks/service/status.yml).",
}


@dataclass(frozen=True)
class Seen:
    """``container`` says what is wrong with the server's container, empty when it runs. None is what could not be known."""

    container: str = ""
    disk_free_bytes: Optional[int] = None
    name: str = ""
    resolves: Optional[bool] = None
    application: Optional[Attempt] = None
    own: Attempt = field(default_factory=Attempt)
    connections: Optional[Mapping[str, Any]] = None
    replicas: int = 0


@dataclass(frozen=True)
class Bounds:
    disk_free_min_bytes: float = 64 * 2**20
    used_percent: float = 80.0


def diagnosed(seen: Seen, bounds: Bounds) -> Dict[str, Any]:
    """In the order in which one explains the next."""
    checks = [
        check("disk_full", _disk(seen, bounds)),
        check("container_down", seen.container),
        check("not_ready", _attempts(seen, _UNREACHABLE)),
        check("name_not_found", f"The application cannot resolve {seen.name}." if seen.resolves is False else ""),
        check("connections_exhausted", _exhausted(seen)),
        check("login_refused", _attempts(seen, _REFUSED)),
        check("login_failed", _others(seen)),
        check("connections_high", _high(seen, bounds)),
    ]
    told = concluded(checks, _HINTS, "The application can reach its database, and there is head-room.")
    return {**told, "suggested_pool_size": pool_size(seen.connections, seen.replicas)}


def pool_size(connections: Optional[Mapping[str, Any]], replicas: int) -> Optional[int]:
    """The most connections that each replica's pool should hold, so that all of them together leave room."""
    if not connections or replicas < 1:
        return None
    return max(1, math.floor(_POOL_SHARE * (connections["max_connections"] - connections["reserved"]) / replicas))


def _disk(seen: Seen, bounds: Bounds) -> str:
    if seen.disk_free_bytes is None or seen.disk_free_bytes >= bounds.disk_free_min_bytes:
        return ""
    return f"The disk with the data has {seen.disk_free_bytes} bytes left."


def _attempts(seen: Seen, reason: str) -> str:
    return next((attempt.message for attempt in _all(seen) if attempt.reason == reason), "")


def _others(seen: Seen) -> str:
    return next((attempt.message for attempt in _all(seen) if attempt.reason not in ("", _FULL, _REFUSED, _UNREACHABLE)), "")


def _all(seen: Seen) -> List[Attempt]:
    """The application's own first: it is what the incident is about."""
    return [attempt for attempt in (seen.application, seen.own) if attempt]


def _exhausted(seen: Seen) -> str:
    """A superuser still gets in by the reserved slots, and so may an application that logs in as one."""
    if seen.connections and seen.connections["free"] == 0:
        return f"All {seen.connections['max_connections'] - seen.connections['reserved']} connections for ordinary roles are taken."
    return _attempts(seen, _FULL)


def _high(seen: Seen, bounds: Bounds) -> str:
    used = seen.connections["used_percent"] if seen.connections else 0.0
    return f"{used:g} % of the connections are taken." if used >= bounds.used_percent else ""
