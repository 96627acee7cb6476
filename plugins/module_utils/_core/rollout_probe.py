# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout's probe asks, and what its answers mean: figures of each phase, and whether the error budget is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from .errors import BadInput

# What the module's result tells of: before the edge is steered, until the old containers are gone, and from then on.
PHASES = ("before", "during", "after")
_SCHEMES = {"http": 80, "https": 443}
_FASTEST = 1000


@dataclass(frozen=True)
class Post:
    """An idempotent request with a body, which is sent with every n-th request and always under the same key."""

    path: str
    body: bytes
    headers: Tuple[Tuple[str, str], ...] = ()
    every: int = 5


@dataclass(frozen=True)
class Aim:
    """What is asked, how often (``rate`` in requests a second), and how long an answer may take (``timeout`` in seconds)."""

    scheme: str
    host: str
    port: int
    path: str
    rate: float = 50.0
    timeout: float = 10.0
    headers: Tuple[Tuple[str, str], ...] = ()
    post: Optional[Post] = None
    validate_certs: bool = True

    @property
    def authority(self) -> str:
        return self.host if self.port == _SCHEMES[self.scheme] else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Budget:
    """``errors`` that are tolerated while the edge is steered; ``p99_ms`` of one step, 0 for any."""

    errors: int = 5
    p99_ms: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One request. Times in seconds of a clock that only goes forward; ``error`` is empty for a good answer."""

    began: float
    ended: float
    phase: str
    error: str = ""
    reopened: bool = False

    @property
    def ms(self) -> float:
        return (self.ended - self.began) * 1000


def parse_aim(url: str, probe: Mapping[str, Any], headers: Mapping[str, str]) -> Aim:
    """Where the edge is, and what the option ``probe`` asks of it. ``headers`` are sent with every request."""
    place = urlsplit(url)
    rate, timeout = float(probe.get("rate") or 50), float(probe.get("timeout") or 10)
    path = str(probe.get("path") or "/")
    if place.scheme not in _SCHEMES or not place.hostname:
        raise BadInput(f"{url!r} is no address of an edge.", hint="Give edge.url as http://host:port.", option="edge.url")
    if not 1 <= rate <= _FASTEST or timeout <= 0:
        raise BadInput(
            f"A probe of {rate:g} requests a second with a timeout of {timeout:g} s makes no sense.", hint=f"rate is 1 to {_FASTEST}.", option="probe"
        )
    _require_path(path)
    return Aim(
        scheme=place.scheme,
        host=place.hostname,
        port=place.port or _SCHEMES[place.scheme],
        path=path,
        rate=rate,
        timeout=timeout,
        headers=tuple(sorted({**headers, **_texts(probe.get("headers"))}.items())),
        post=_parse_post(probe.get("post") or {}),
        validate_certs=probe.get("validate_certs") is not False,
    )


def _parse_post(post: Mapping[str, Any]) -> Optional[Post]:
    if not post:
        return None
    path, every = str(post.get("path") or ""), int(post.get("every") or 5)
    _require_path(path)
    if every < 1:
        raise BadInput("probe.post.every is 1 or more.", option="probe.post.every")
    return Post(path, str(post.get("body") or "").encode(), tuple(sorted(_texts(post.get("headers")).items())), every)


def _require_path(path: str) -> None:
    if not path.startswith("/") or any(letter.isspace() or ord(letter) < 32 for letter in path):
        raise BadInput(f"{path!r} is no path to probe.", hint="It begins with / and has no blanks.", option="probe.path")


def _texts(headers: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    return {str(name): str(value) for name, value in (headers or {}).items()}


def parse_budget(budget: Mapping[str, Any]) -> Budget:
    errors = budget.get("errors")
    found = Budget(Budget.errors if errors is None else int(errors), float(budget.get("p99_ms") or 0))
    if found.errors < 0 or found.p99_ms < 0:
        raise BadInput("An error budget is 0 or more.", option="probe.budget")
    return found


def percentile(values: Sequence[float], share: float) -> Optional[float]:
    """The smallest value that at least ``share`` of all do not exceed; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def longest_gap_ms(samples: Sequence[Sample]) -> float:
    """The longest time in which no request was answered well, from the first request on."""
    if not samples:
        return 0.0
    longest, before = 0.0, min(one.began for one in samples)
    for ended in sorted(one.ended for one in samples if not one.error):
        longest, before = max(longest, ended - before), max(before, ended)
    return max(longest, max(one.ended for one in samples) - before) * 1000


def figures(runs: Sequence[Sequence[Sample]]) -> Dict[str, Any]:
    """What the result says of the probe, which may have run several times."""
    samples = [one for run in runs for one in run]
    return {
        "requests": len(samples),
        "errors": sum(1 for one in samples if one.error),
        "reopened": sum(1 for one in samples if one.reopened),
        "longest_gap_ms": round(max((longest_gap_ms(run) for run in runs), default=0)),
        "p99_ms": {phase: _p99([one for one in samples if one.phase == phase]) for phase in PHASES},
        "kinds": _kinds(samples),
    }


def _p99(samples: Sequence[Sample]) -> Optional[float]:
    found = percentile([one.ms for one in samples if not one.error], 0.99)
    return None if found is None else round(found, 1)


def _kinds(samples: Sequence[Sample]) -> Dict[str, int]:
    found: Dict[str, int] = {}
    for one in samples:
        if one.error:
            found[one.error] = found.get(one.error, 0) + 1
    return dict(sorted(found.items()))


def can_judge(samples: Sequence[Sample], budget: Budget) -> bool:
    """Errors say nothing against the new release where there were as many before it."""
    return sum(1 for one in samples if one.error and one.phase == PHASES[0]) <= budget.errors


def spent(samples: Sequence[Sample], budget: Budget) -> str:
    """Why the budget is spent by now; empty while it is not. Errors count since the edge is steered."""
    errors = [one for one in samples if one.error and one.phase != PHASES[0]]
    if len(errors) <= budget.errors:
        return ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in _kinds(errors).items())
    return f"{len(errors)} requests failed ({kinds}), and {budget.errors} are tolerated"


def too_slow(samples: Sequence[Sample], budget: Budget) -> str:
    """Why one step was too slow; empty when it was not, or when nothing is asked."""
    found = _p99(samples)
    if not budget.p99_ms or found is None or found <= budget.p99_ms:
        return ""
    return f"99 of 100 requests took up to {found:g} ms, and {budget.p99_ms:g} ms are tolerated"


def timeline(samples: Sequence[Sample], bucket: float = 0.5) -> List[Tuple[float, float, int]]:
    """For a plot: seconds since the first request, the longest answer in ms, and the number of errors, of each bucket."""
    if not samples:
        return []
    first = min(one.began for one in samples)
    found: Dict[int, List[Sample]] = {}
    for one in samples:
        found.setdefault(int((one.ended - first) / bucket), []).append(one)
    return [(number * bucket, max(one.ms for one in found[number]), sum(1 for one in found[number] if one.error)) for number in sorted(found)]
