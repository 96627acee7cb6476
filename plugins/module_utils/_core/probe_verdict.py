# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what a probed service answered, or why it did not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Iterable, List, Optional, Tuple

from .json_subset import MISSING, Mismatch, find, mismatches
from .probe import Probe
from .probe_secrets import masked_json, masked_text
from .redaction import MASK, is_secret_name
from .timestamps import parse_timestamp

OK, SKIPPED, TOO_SLOW, STALE, NOT_READY, WRONG_ANSWER, DEAD = "ok", "skipped", "too_slow", "stale", "not_ready", "wrong_answer", "dead"
SEVERITY = (OK, SKIPPED, TOO_SLOW, STALE, NOT_READY, WRONG_ANSWER, DEAD)
NOT_READY_STATUS = (429, 503)
# SQLSTATEs of a Postgres that lives and takes no connection now: cannot_connect_now, too_many_connections.
_POSTGRES_NOT_READY = ("57P03", "53300")
_REDIS_NOT_READY = ("LOADING", "BUSY", "MASTERDOWN")
_LONGEST_SNIPPET = 200
_MOST_PROBLEMS = 5

_CAUSES = {
    "refused": "connection refused",
    "dns": "the name does not resolve",
    "timeout": "no complete answer within {timeout:.3g} s",
    "reset": "the connection was cut before the answer was complete",
    "tls": "no TLS connection ({detail})",
    "unreachable": "not reachable ({detail})",
    "no_container": "{detail}",
    "not_http": "the answer is not HTTP",
}


@dataclass(frozen=True)
class NoAnswer:
    """Why there is no answer. ``cut_short``: the deadline of the call ended the attempt before its own timeout."""

    cause: str
    detail: str = ""
    cut_short: bool = False


@dataclass(frozen=True)
class HttpAnswer:
    """``headers`` have lower-case names; ``complete`` is false when the body was longer than what is read."""

    status: int
    headers: Tuple[Tuple[str, str], ...] = ()
    body: bytes = b""
    complete: bool = True
    latency_ms: float = 0.0
    other_host: str = ""
    connect_ms: Optional[float] = None

    def header(self, name: str) -> Optional[str]:
        found = [value for key, value in self.headers if key == name]
        return ", ".join(found) if found else None


@dataclass(frozen=True)
class PlainAnswer:
    """The answer of a service that speaks no HTTP: ``code`` is its own word (PONG, NOAUTH, an SQLSTATE, "" for none)."""

    code: str = ""
    text: str = ""
    latency_ms: float = 0.0
    version: str = ""
    connect_ms: Optional[float] = None
    question_ms: Optional[float] = None  # of the question alone, where connecting and logging in are not meant


@dataclass(frozen=True)
class Judgement:
    """The verdict on one answer. ``message`` and ``json`` are masked by name, and ``container`` is the replica asked."""

    verdict: str
    message: str = ""
    status: Optional[int] = None
    latency_ms: Optional[float] = None
    version: str = ""
    json: Any = None
    open_ms: Optional[float] = None
    container: str = ""
    cut_short: bool = False


@dataclass(frozen=True)
class _Problem:
    verdict: str
    text: str


def worst(verdicts: Iterable[str]) -> str:
    """The most severe verdict; ``ok`` of none."""
    return max(verdicts, key=SEVERITY.index, default=OK)


def judge_silence(silence: NoAnswer, seconds: float) -> Judgement:
    """No answer within ``seconds`` means dead, except where something answered in another language."""
    verdict = WRONG_ANSWER if silence.cause == "not_http" else DEAD
    text = _CAUSES[silence.cause].format(timeout=seconds, detail=masked_text(silence.detail))
    return Judgement(verdict, f"expected an answer, got none: {text}" if verdict == DEAD else text, cut_short=silence.cut_short)


def judge_http(probe: Probe, answer: HttpAnswer, now: datetime) -> Judgement:
    """Compares an HTTP answer with all that the probe expects."""
    document, is_json = _parse(answer)
    problems = _problems_of_status(probe, answer)
    if not problems:
        problems += _problems_of_headers(probe, answer) + _problems_of_text(probe, answer)
        problems += _problems_of_age(probe, document, now)
    if not problems or problems[0].verdict == NOT_READY:
        problems += _problems_of_json(probe, answer, document, is_json)
    text = "; ".join(problem.text for problem in problems[:_MOST_PROBLEMS])
    if problems and answer.body:
        text += f"; it said: {_snippet(answer, document, is_json)}"
    problems += _problems_of_latency(probe, answer.latency_ms)
    return Judgement(
        verdict=worst(problem.verdict for problem in problems),
        message=text or "; ".join(problem.text for problem in problems),
        status=answer.status,
        latency_ms=round(answer.latency_ms, 1),
        version=_version(document),
        json=_bounded(masked_json(document)) if is_json else None,
    )


def judge_plain(probe: Probe, answer: PlainAnswer) -> Judgement:
    """Judges the reply of Redis, Postgres, a TCP port or a name server."""
    problems = _problems_of_reply(probe.endpoint.scheme, answer) + _problems_of_latency(probe, answer.latency_ms)
    return Judgement(
        verdict=worst(problem.verdict for problem in problems),
        message="; ".join(problem.text for problem in problems),
        latency_ms=round(answer.latency_ms, 1),
        version=answer.version,
    )


def _problems_of_reply(scheme: str, answer: PlainAnswer) -> List[_Problem]:
    if scheme == "redis" and answer.text != "PONG":
        verdict = NOT_READY if answer.code in _REDIS_NOT_READY else WRONG_ANSWER
        return [_Problem(verdict, f"expected PONG, got: {_cut(masked_text(answer.text))}")]
    if scheme == "postgres" and (answer.code or answer.text != "1"):
        verdict = NOT_READY if answer.code in _POSTGRES_NOT_READY else WRONG_ANSWER
        code = f" (SQLSTATE {answer.code})" if answer.code else ""
        return [_Problem(verdict, f"expected SELECT 1 to answer 1, got: {_cut(masked_text(answer.text))}{code}")]
    return []


def _problems_of_status(probe: Probe, answer: HttpAnswer) -> List[_Problem]:
    if answer.other_host:
        return [_Problem(WRONG_ANSWER, f"it redirects to another place ({_cut(answer.other_host)}), which is not followed")]
    if probe.expect.accepts_status(answer.status):
        return []
    verdict = NOT_READY if answer.status in NOT_READY_STATUS else WRONG_ANSWER
    location = answer.header("location") if 300 <= answer.status < 400 else None
    to = f" to {_cut(masked_text(location))}" if location else ""
    return [_Problem(verdict, f"expected status {' or '.join(probe.expect.status)}, got {answer.status}{to}")]


def _problems_of_headers(probe: Probe, answer: HttpAnswer) -> List[_Problem]:
    problems = []
    for name, wanted in probe.expect.headers:
        value = answer.header(name)
        good = value is not None and (re.search(wanted[1:], value) if wanted.startswith("~") else value == wanted)
        if not good:
            shown = "nothing" if value is None else _shown(name, value)
            problems.append(_Problem(WRONG_ANSWER, f"expected header {name} {_shown(name, wanted)}, got {shown}"))
    return problems


def _problems_of_text(probe: Probe, answer: HttpAnswer) -> List[_Problem]:
    if not (probe.expect.contains or probe.expect.absent):
        return []
    body = answer.body.decode(errors="replace")
    problems = [f"expected the text {_shown('', text)}" for text in probe.expect.contains if text not in body]
    problems += [f"expected no text {_shown('', text)}" for text in probe.expect.absent if text in body]
    if not answer.complete and (problems or probe.expect.absent):
        problems.append("the answer is longer than what is read of it (1 MiB)")
    return [_Problem(WRONG_ANSWER, text) for text in problems]


def _problems_of_json(probe: Probe, answer: HttpAnswer, document: Any, is_json: bool) -> List[_Problem]:
    if probe.expect.json is None and not probe.expect.age_field:
        return []
    if not answer.complete:
        return [_Problem(WRONG_ANSWER, "expected JSON of at most 1 MiB, got a longer answer")]
    if not is_json:
        return [_Problem(WRONG_ANSWER, "expected JSON, got something else")]
    if probe.expect.json is None:
        return []
    waiting = probe.role == "readiness" or answer.status in NOT_READY_STATUS
    return [_problem_of_field(found, waiting) for found in mismatches(probe.expect.json, document)]


def _problem_of_field(found: Mismatch, waiting: bool) -> _Problem:
    """A readiness field that is there and does not say what it should is a dependency to wait for."""
    where = found.path or "the answer"
    if found.actual is MISSING:
        return _Problem(WRONG_ANSWER, f"expected {where} {_shown(found.path, found.expected)}, got nothing")
    text = f"expected {where} {_shown(found.path, found.expected)}, got {_shown(found.path, found.actual)}"
    return _Problem(NOT_READY if waiting else WRONG_ANSWER, text)


def _problems_of_age(probe: Probe, document: Any, now: datetime) -> List[_Problem]:
    field, limit = probe.expect.age_field, probe.expect.max_age_seconds
    if not field or document is None:  # what is no JSON is named by the JSON check
        return []
    value = find(document, field)
    if value is MISSING:
        return [_Problem(WRONG_ANSWER, f"expected a time in {field}, got nothing")]
    moment = parse_timestamp(value)
    if moment is None:
        return [_Problem(WRONG_ANSWER, f"expected a time in {field}, got {_shown(field, value)}")]
    age = (now - moment).total_seconds()
    if abs(age) <= limit:
        return []
    side = f"{age:.0f} s old" if age > 0 else f"{-age:.0f} s in the future (check the clocks)"
    return [_Problem(STALE, f"expected {field} at most {limit:g} s old, it is {side}")]


def _problems_of_latency(probe: Probe, latency_ms: float) -> List[_Problem]:
    limit = probe.expect.max_latency_ms
    if limit is None or latency_ms <= limit:
        return []
    return [_Problem(TOO_SLOW, f"expected an answer within {limit:g} ms, it took {latency_ms:.0f} ms")]


def _parse(answer: HttpAnswer) -> Tuple[Any, bool]:
    try:
        return json.loads(answer.body.decode(), parse_constant=_refuse_constant), answer.complete
    except (ValueError, RecursionError):
        return None, False


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _version(document: Any) -> str:
    version = find(document, "version")
    return _cut(version) if isinstance(version, str) else ""


def _snippet(answer: HttpAnswer, document: Any, is_json: bool) -> str:
    if is_json:
        return _cut(json.dumps(masked_json(document), ensure_ascii=False))
    text = answer.body[: 4 * _LONGEST_SNIPPET].decode(errors="replace")
    return _cut(masked_text(" ".join(re.sub(r"[^\x20-\x7e\xa0-\uffff]", " ", text).split())))


def _shown(name: str, value: Any) -> str:
    if name and is_secret_name(name.replace("-", "_")):
        return MASK
    return _cut(json.dumps(masked_json(value), ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SNIPPET else f"{text[: _LONGEST_SNIPPET - 3]}..."


def _bounded(value: Any, depth: int = 4) -> Any:
    """At most 20 items a level, four levels, 200 characters a text: enough to see what was said."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict):
        return {key: _bounded(item, depth - 1) for key, item in list(value.items())[:20]} if depth else "..."
    if isinstance(value, list):
        return [_bounded(item, depth - 1) for item in value[:20]] if depth else "..."
    return value
