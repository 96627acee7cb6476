# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis server is doing: memory, clients, persistence, slow commands, latency."""

from __future__ import annotations

import re
import time
from typing import Any, Dict, Mapping, Optional

from ..._core import redis_answers, redis_sections
from ..._core.redis_numbers import Fields, whole
from ..._core.redis_words import Prefixing
from ..redis_service import RedisService
from .asking import Asking

_PINGS = 20
_ANONYMOUS = re.compile("[0-9a-f]{64}")


def memory(asking: Asking, info: Fields, service: RedisService) -> Dict[str, Any]:
    inspected = _inspected(service) or {}
    limit = (inspected.get("HostConfig") or {}).get("Memory") or None
    return redis_sections.memory(info, limit, asking.text("memory", "MEMORY DOCTOR"))


def clients(asking: Asking, info: Fields, limit: int) -> Dict[str, Any]:
    """Our own connection is not one of them."""
    own = asking.ask("clients", "CLIENT ID")
    listing = asking.ask("clients", "CLIENT LIST")
    told = info
    if whole(info, "maxclients") is None:  # before Redis 7 only the settings tell
        told = {**info, **asking.settings("clients", "maxclients")}
    return redis_answers.clients(told, (listing or b"").decode(errors="replace"), limit, str(own or ""))


def persistence(asking: Asking, info: Fields, service: RedisService) -> Dict[str, Any]:
    """Files lie on a volume, in the container's own layer (False), or nobody knows where (None)."""
    found = asking.settings("persistence", "dir", "save", "appendfsync")
    where = found.get("dir", "")
    mount = _mount(service, where) if where else None
    return {
        "dir": where,
        "on_volume": mount is not None and mount["Type"] in ("volume", "bind") if where and service.in_stack else None,
        "volume": (mount.get("Name") or mount.get("Source") or "") if mount else "",
        "volume_anonymous": bool(mount and mount["Type"] == "volume" and _ANONYMOUS.fullmatch(mount.get("Name") or "")),
        "save_points": redis_sections.save_points(found["save"]) if "save" in found else None,
        "aof_fsync": found.get("appendfsync", ""),
        **redis_sections.persistence(info, time.time()),
    }


def slowlog(asking: Asking, prefixing: Prefixing, limit: int) -> Optional[Dict[str, Any]]:
    answer = asking.ask("slowlog", "SLOWLOG GET", limit)
    if answer is None:
        return None
    slower = whole(asking.settings("slowlog", "slowlog-log-slower-than"), "slowlog-log-slower-than")
    rows = redis_answers.slow_commands(answer, prefixing)
    for row, entry in zip(rows, answer):
        row["age_seconds"] = max(0, round(time.time() - entry[1]))
    return {"slower_than_ms": None if slower is None else slower / 1000, "total": asking.ask("slowlog", "SLOWLOG LEN"), "entries": rows}


def latency(asking: Asking) -> Dict[str, Any]:
    """How long an answer takes, measured by us, and what the server noticed itself."""
    trips = []
    for unused in range(_PINGS):
        began = time.monotonic()
        if asking.ask("latency", "ECHO", "runbook") is None:  # PING is refused while the server loads
            break
        trips.append(time.monotonic() - began)
    threshold = asking.settings("latency", "latency-monitor-threshold")
    return {
        **redis_answers.round_trips(trips),
        "watched_from_ms": whole(threshold, "latency-monitor-threshold"),
        "events": redis_answers.latency_events(asking.ask("latency", "LATENCY LATEST") or []),
        "doctor": asking.text("latency", "LATENCY DOCTOR"),
    }


def _inspected(service: RedisService) -> Optional[Mapping[str, Any]]:
    """None for a server that is no container of the stack."""
    return service.inspected if service.in_stack else None


def _mount(service: RedisService, path: str) -> Optional[Mapping[str, Any]]:
    return service.mount(path) if service.in_stack else None
