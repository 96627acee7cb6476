# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a good answer to a probe is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Tuple

from .probe_refusal import positive, refuse

_STATUS = re.compile(r"[1-5](\d\d|xx)")


@dataclass(frozen=True)
class Expectation:
    """What makes an answer good. ``headers`` hold an exact value, or ``~`` and a regular expression."""

    status: Tuple[str, ...] = ("2xx",)
    json: Any = None
    headers: Tuple[Tuple[str, str], ...] = ()
    contains: Tuple[str, ...] = ()
    absent: Tuple[str, ...] = ()
    max_latency_ms: Optional[float] = None
    age_field: str = ""
    max_age_seconds: float = 0.0

    def accepts_status(self, status: int) -> bool:
        return any(wanted in (str(status), f"{status // 100}xx") for wanted in self.status)


def parse_expectation(label: str, options: Mapping[str, Any]) -> Expectation:
    """Reads what one item of the option ``probes`` says about its answer."""
    status = tuple(str(item).lower() for item in options.get("status") or ("2xx",))
    wrong = [item for item in status if not _STATUS.fullmatch(item)]
    if wrong:
        raise refuse(label, f"{', '.join(wrong)} is not an HTTP status.", "Write numbers such as 200, or classes such as 2xx.")
    headers = tuple((str(name).lower(), str(value)) for name, value in (options.get("header") or {}).items())
    for name, value in headers:
        _check_pattern(label, name, value)
    latency, age = options.get("max_latency_ms"), options.get("max_age") or {}
    return Expectation(
        status=status,
        json=options.get("json"),
        headers=headers,
        contains=_texts(options.get("contains")),
        absent=_texts(options.get("absent")),
        max_latency_ms=None if latency is None else positive(label, "max_latency_ms", latency),
        age_field=age.get("field") or "",
        max_age_seconds=positive(label, "max_age.seconds", age["seconds"]) if age else 0.0,
    )


def _check_pattern(label: str, name: str, value: str) -> None:
    if value.startswith("~"):
        try:
            re.compile(value[1:])
        except re.error as error:
            raise refuse(label, f"header {name}: {value[1:]!r} is not a regular expression ({error}).", "Correct it.") from error


def _texts(value: Optional[List[str]]) -> Tuple[str, ...]:
    return tuple(value or ())
