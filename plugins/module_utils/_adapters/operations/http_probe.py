# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks all probes of a call in rounds until each is proven or the time is over."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional, Protocol, Sequence, Set, Tuple

from ..._core.errors import BadInput
from ..._core.plan import Plan, facts_only
from ..._core.probe import Probe, parse_probes
from ..._core.probe_measure import Measure, Measured
from ..._core.probe_report import ProbesFailed, Track, probe_result
from ..._core.probe_secrets import request_secrets
from ..._core.probe_socket import SocketAnswer, judge_socket
from ..._core.probe_verdict import OK, HttpAnswer, Judgement, NoAnswer, judge_http, judge_plain, judge_silence
from ..._core.redaction import Redactor
from ..._core.stack import Stack
from ..clock import utc_now
from ..engine import Engine
from ..postgres_ping import import_psycopg2
from ..probe_client import Answer, ProbeClient, Target
from ..stack_containers import StackContainers

_MOST_THREADS = 8
_GROWTH = 1.5
_SHORTEST_ATTEMPT = 0.1  # seconds; also for a probe that gets its turn when the deadline is just over


class ProbeHost(Protocol):
    """What this operation asks of its surroundings."""

    check_mode: bool

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


@dataclass(frozen=True)
class ProbeRequest:
    """What a call asks for. ``deadline`` and the intervals are in seconds; None attempts: as many as the deadline lets."""

    probes: Tuple[Probe, ...]
    deadline: float = 30.0
    interval: float = 0.1
    longest_interval: float = 1.0
    most_attempts: Optional[int] = None
    successes: int = 1
    report_only: bool = False
    secrets: FrozenSet[str] = field(default=frozenset(), repr=False)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], secrets: Set[str]) -> "ProbeRequest":
        deadline, interval, successes = float(params["deadline"]), params["interval"], params["successes"]
        longest, most = params["longest_interval"], params["most_attempts"]
        if not (deadline >= 0 and interval >= 1 and longest >= 1 and successes >= 1 and (most is None or most >= successes)):
            raise BadInput(
                "deadline must be at least 0, interval, longest_interval and successes at least 1, most_attempts not less than successes.",
                deadline=deadline,
                interval=interval,
                longest_interval=longest,
                successes=successes,
                most_attempts=most,
            )
        if successes > 1 and deadline == 0:
            raise BadInput(f"{successes} good answers in a row need time, and deadline is 0.", hint="Give a deadline in seconds.", successes=successes)
        return cls(
            probes=parse_probes(params["probes"]),
            deadline=deadline,
            interval=interval / 1000,
            longest_interval=longest / 1000,
            most_attempts=most,
            successes=successes,
            report_only=params["on_failure"] == "report",
            secrets=frozenset(secrets),
        )


class HttpProbe:
    """Nothing is changed by probing; in check mode only requests that read are sent."""

    def __init__(self, request: ProbeRequest, check_mode: bool, client: Optional[Callable[[], ProbeClient]] = None) -> None:
        self._request = request
        self._check_mode = check_mode
        self._open_client = client or ProbeClient
        self._told_secrets: Set[str] = set()

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: ProbeHost) -> "HttpProbe":
        """Hides the secrets of the options first, so that no refusal can show them."""
        secrets, harmless = request_secrets(params["probes"])
        host.hide(secrets, harmless)
        request = ProbeRequest.from_params(params, secrets)
        stack = Stack.from_params(params)
        if any(probe.endpoint.scheme == "postgres" for probe in request.probes):
            import_psycopg2()

        def client() -> ProbeClient:
            if not any(probe.needs_engine for probe in request.probes):
                return ProbeClient()
            return ProbeClient(StackContainers(Engine.connect(stack), stack.name))

        return cls(request, host.check_mode, client)

    def plan(self) -> Plan:
        """In check mode all there is to know; otherwise the questions belong to ``apply``, as some may send data."""
        return facts_only(self._probe() if self._check_mode else {})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return self._probe()

    def _probe(self) -> Dict[str, Any]:
        tracks = [Track(probe) for probe in self._request.probes]
        if self._check_mode:
            for track in tracks:
                if not track.probe.reads_only:
                    track.skip()
        started = time.monotonic()
        client = self._open_client()
        self._ask_until_proven(client, [track for track in tracks if not track.replicas], started)
        for track in tracks:
            measure = track.probe.measure
            if measure and track.verdict(self._request.successes) == OK:
                track.measured = self._measured(client, track.probe, measure)
        redactor = Redactor(self._request.secrets | self._told_secrets)
        result = probe_result(tracks, self._request.successes, (time.monotonic() - started) * 1000, redactor)
        if not (result["healthy"] or self._request.report_only):
            raise ProbesFailed(result)
        return result

    def _ask_until_proven(self, client: ProbeClient, waiting: List[Track], started: float) -> None:
        pause, rounds = self._request.interval, 0
        with ThreadPoolExecutor(_MOST_THREADS) as threads:
            while waiting:
                self._ask_round(client, threads, waiting, started)
                waiting = [track for track in waiting if not track.proven(self._request.successes)]
                rounds += 1
                if not waiting or rounds == self._request.most_attempts or self._left(started) <= pause:
                    return
                time.sleep(pause)
                pause = max(self._request.interval, min(pause * _GROWTH, self._request.longest_interval))

    def _ask_round(self, client: ProbeClient, threads: ThreadPoolExecutor, waiting: Sequence[Track], started: float) -> None:
        if any(track.probe.needs_engine for track in waiting):
            client.refresh()
        targets = [client.targets(track.probe) for track in waiting]
        self._told_secrets |= {target.login.password for replicas in targets for target in replicas}
        attempts = [[threads.submit(self._ask, client, target, started) for target in replicas] for replicas in targets]
        for track, answers in zip(waiting, attempts):
            judgements = [answer.result() for answer in answers]
            track.record(judgements, (time.monotonic() - started) * 1000)

    def _ask(self, client: ProbeClient, target: Target, started: float) -> Judgement:
        probe, seconds = target.probe, target.probe.timeout
        if self._request.deadline:
            seconds = min(seconds, max(self._left(started), _SHORTEST_ATTEMPT))
        return replace(_judge(probe, client.ask(target, seconds), seconds), container=target.container)

    @staticmethod
    def _measured(client: ProbeClient, probe: Probe, measure: Measure) -> Measured:
        """One question after the other, each over a connection of its own, to the replicas in turn."""
        measured, started = Measured(measure), time.monotonic()
        # How long one answer may take is judged over all of them.
        judged = replace(probe, expect=replace(probe.expect, max_latency_ms=None))
        targets = client.targets(probe)
        for number in range(measure.requests):
            if number and time.monotonic() - started >= measure.seconds:
                break
            answer = client.ask(targets[number % len(targets)], probe.timeout)
            judgement = _judge(judged, answer, probe.timeout)
            if judgement.verdict != OK or isinstance(answer, NoAnswer):
                measured.failed.append((judgement.verdict, judgement.message))
            else:
                question_ms = getattr(answer, "question_ms", None)
                total_ms = answer.latency_ms if question_ms is None else question_ms
                measured.good(total_ms, answer.connect_ms)
        measured.seconds = time.monotonic() - started
        return measured

    def _left(self, started: float) -> float:
        return started + self._request.deadline - time.monotonic()


def _judge(probe: Probe, answer: Answer, seconds: float) -> Judgement:
    if isinstance(answer, NoAnswer):
        return judge_silence(answer, seconds)
    if isinstance(answer, HttpAnswer):
        return judge_http(probe, answer, utc_now())
    return judge_socket(probe, answer) if isinstance(answer, SocketAnswer) else judge_plain(probe, answer)
