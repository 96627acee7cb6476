# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an application cannot work with its Redis: one finding from all that was seen, with the smallest thing that helps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from .access_check import Attempt, check, concluded
from .redis_errors import CONNECTIONS_EXHAUSTED
from .redis_eviction import NO_EVICTION

_FIX, _CONFIG = "playbooks/incident/redis.yml with fix=true", "playbooks/redis/config.yml"
_UNREACHABLE, _EXHAUSTED, _LOADING, _REFUSED = "redis_unreachable", "redis_connections_exhausted", "redis_loading", "redis_login_refused"
_HINTS = {
    "container_down": f"Start it: {_FIX}, or playbooks/service/state.yml.",
    "not_ready": f"Look at its log (playbooks/service/status.yml). {_FIX} restarts it; its data stays where it is.",
    "loading": "Wait: a restart would begin anew.",
    "name_not_found": "Compare the name in the application's environment with the services and networks of the compose files.",
    "login_refused": "Compare the application's user and password with those of the server.",
    "login_failed": "Read the message, and look at the server's log (playbooks/service/status.yml).",
    "clients_exhausted": CONNECTIONS_EXHAUSTED,
    "cannot_save": "Look at its log and make room on the volume of its data; the server takes writes again after the next save that succeeds.",
    "memory_full": f"Clear what can be made again ({_FIX}), or raise maxmemory ({_CONFIG}).",
    "read_only": "Lead the application to the primary, or make this server the primary.",
    "memory_high": f"Clear what can be made again ({_FIX}), or raise maxmemory ({_CONFIG}).",
}


@dataclass(frozen=True)
class Seen:
    """``container`` says what is wrong with the server's container, empty when it runs. The sections are those of redis_info, None when unknown."""

    container: str = ""
    name: str = ""
    resolves: Optional[bool] = None
    application: Optional[Attempt] = None
    own: Attempt = field(default_factory=Attempt)
    server: Optional[Mapping[str, Any]] = None
    memory: Optional[Mapping[str, Any]] = None
    clients: Optional[Mapping[str, Any]] = None
    persistence: Optional[Mapping[str, Any]] = None
    stops_writes: bool = True


def diagnosed(seen: Seen, used_percent: float) -> Dict[str, Any]:
    """In the order in which one explains the next."""
    checks = [
        check("container_down", seen.container),
        check("not_ready", _attempts(seen, _UNREACHABLE)),
        check("loading", _loading(seen)),
        check("name_not_found", f"The application cannot resolve {seen.name}." if seen.resolves is False else ""),
        check("clients_exhausted", _exhausted(seen)),
        check("login_refused", _attempts(seen, _REFUSED)),
        # Of a replica the other two are told by its primary, and nothing on it can be cleared.
        check("read_only", "The server is a replica and takes no writes." if (seen.server or {}).get("role") == "replica" else ""),
        check("cannot_save", _cannot_save(seen)),
        check("memory_full", _full(seen)),
        check("login_failed", _others(seen)),
        check("memory_high", _high(seen, used_percent)),
    ]
    return concluded(checks, _HINTS, "The application can reach its Redis, which takes writes and has room.")


def _all(seen: Seen) -> List[Attempt]:
    """The application's own first: it is what the incident is about."""
    return [attempt for attempt in (seen.application, seen.own) if attempt]


def _attempts(seen: Seen, reason: str) -> str:
    return next((attempt.message for attempt in _all(seen) if attempt.reason == reason), "")


def _others(seen: Seen) -> str:
    return next((attempt.message for attempt in _all(seen) if attempt.reason not in ("", _UNREACHABLE, _EXHAUSTED, _LOADING, _REFUSED)), "")


def _loading(seen: Seen) -> str:
    if not seen.server or not seen.server["loading"]:
        return _attempts(seen, _LOADING)
    done = seen.server["loading_percent"]
    return f"The server still reads its data from disk{'' if done is None else f' ({done:g} % done)'}."


def _exhausted(seen: Seen) -> str:
    """With our own connection, all are taken."""
    clients = seen.clients
    full = clients and clients["max"] is not None and clients["connected"] + 1 >= clients["max"]
    return f"All {clients['max']} connections are taken." if clients and full else _attempts(seen, _EXHAUSTED)


def _cannot_save(seen: Seen) -> str:
    state = seen.persistence
    if not state:
        return ""
    if state["aof_enabled"] and not state["aof_ok"]:
        return "The append-only file cannot be written."
    refuses = seen.stops_writes and state["save_points"] != [] and not state["last_save_ok"]
    return "The last snapshot failed, and the server refuses writes until one succeeds." if refuses else ""


def _full(seen: Seen) -> str:
    memory = seen.memory
    full = memory and memory["percent_of"] == "maxmemory" and (memory["used_percent"] or 0) >= 100 and memory["policy"] == NO_EVICTION
    return "maxmemory is used up, and the server refuses writes." if full else ""


def _high(seen: Seen, used_percent: float) -> str:
    used = (seen.memory or {}).get("used_percent")
    return f"{used:g} % of the memory ({(seen.memory or {})['percent_of']}) are used." if used is not None and used >= used_percent else ""
