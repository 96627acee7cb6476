# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to make of a WebSocket that was opened and held open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Optional

from .probe import Probe
from .probe_verdict import WRONG_ANSWER, HttpAnswer, Judgement, judge_http


@dataclass(frozen=True)
class SocketAnswer:
    """What became of a WebSocket: the answer to the handshake, how long it was open, and what ended it before we did."""

    handshake: HttpAnswer
    accepted: bool = False
    open_ms: Optional[float] = None
    ended: str = ""


def judge_socket(probe: Probe, answer: SocketAnswer) -> Judgement:
    """A WebSocket is good when the handshake is, and when it was open until we closed it."""
    judgement = judge_http(probe, answer.handshake, datetime.min)
    if answer.handshake.status != 101:
        return judgement
    problem = ""
    if not answer.accepted:
        problem = "expected the handshake to be answered with its own key, got another one: this is no WebSocket server"
    elif answer.ended:
        problem = f"expected it to stay open for {probe.stay_open:g} s, but after {(answer.open_ms or 0) / 1000:.1f} s {answer.ended}"
    if problem:
        judgement = replace(judgement, verdict=WRONG_ANSWER, message=problem)
    return replace(judgement, open_ms=answer.open_ms)
