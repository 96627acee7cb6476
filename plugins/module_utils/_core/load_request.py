# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bounded number of requests to one page, and which pages may get them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from .errors import BadInput
from .probe import HTTP_SCHEMES, Endpoint, Probe, parse_probe

MOST_REQUESTS, MOST_SECONDS, MOST_AT_ONCE = 100_000, 600.0, 64
_LIMITS = ("max_error_percent", "max_p95_ms", "max_p99_ms")


class LoadTargetRefused(BadInput):
    """Load is sent only to the stack: to its containers, to this host, or to what the inventory declares."""

    reason = "load_target_refused"


@dataclass(frozen=True)
class LoadRequest:
    """``rate`` is requests per second, 0 for as fast as the answers come. ``seconds``: no request begins later."""

    probe: Probe
    count: int = 100
    rate: float = 0.0
    concurrency: int = 4
    seconds: float = 60.0
    keeps_connections: bool = True
    show_headers: Tuple[str, ...] = ()
    limits: Tuple[Tuple[str, float], ...] = ()

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "LoadRequest":
        probe = parse_probe({**params, "name": "load"})
        if probe.endpoint.scheme not in HTTP_SCHEMES:
            raise BadInput("Load is sent over http:// or https://.", hint="Correct 'url'.", url=probe.url)
        _refuse_elsewhere(probe, params["declared"])
        count, concurrency, seconds, rate = params["count"], params["concurrency"], float(params["seconds"]), float(params["rate"])
        if not (1 <= count <= MOST_REQUESTS and 1 <= concurrency <= MOST_AT_ONCE and 0 < seconds <= MOST_SECONDS and 0 <= rate <= MOST_REQUESTS):
            raise BadInput(
                f"count must be from 1 to {MOST_REQUESTS}, concurrency from 1 to {MOST_AT_ONCE}, seconds above 0, at most {MOST_SECONDS:g}, rate at least 0.",
                count=count,
                concurrency=concurrency,
                seconds=seconds,
                rate=rate,
            )
        return cls(
            probe=probe,
            count=count,
            rate=rate,
            concurrency=min(concurrency, count),
            seconds=seconds,
            keeps_connections=params["connections"] == "kept",
            show_headers=tuple(name.lower() for name in params["show_headers"]),
            limits=_limits(params["limits"] or {}),
        )


def _limits(given: Mapping[str, Optional[float]]) -> Tuple[Tuple[str, float], ...]:
    limits = tuple((name, float(given[name] or 0)) for name in _LIMITS if given.get(name) is not None)
    negative = [name for name, limit in limits if not limit >= 0]
    if negative:
        raise BadInput(f"{', '.join(negative)} must not be negative.", hint="Leave it out where nothing is to be judged.")
    return limits


def _refuse_elsewhere(probe: Probe, declared: Sequence[str]) -> None:
    if probe.via == "network" or _is_loopback(probe.endpoint.host) or _place(probe.endpoint) in {_place_of(url) for url in declared}:
        return
    raise LoadTargetRefused(
        f"{probe.endpoint.host} is neither this host, nor a service of the stack, nor among the declared URLs: nothing was sent.",
        hint="Use via=network, a loopback address, or declare a URL of that host and port in 'declared'.",
        url=probe.url,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _place(endpoint: Endpoint) -> Tuple[str, int]:
    return endpoint.host, endpoint.port


def _place_of(url: str) -> Tuple[str, int]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return "", 0
