# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users in miniature: threads that ask the edge at a fixed rate, half of them over connections that stay open, half over new ones."""

from __future__ import annotations

import http.client
import secrets
import socket
import ssl
import threading
import time
from typing import Dict, List, Optional, Set, Tuple

from .._core.rollout_probe import PHASES, Aim, Sample

_MOST_WORKERS = 32
_LOOK_SECONDS = 0.02
_LATE_SECONDS = 10  # by which a request may come and end later than it should, where others have the processor
_REQUESTS_OF_A_WORKER = 12.5  # a second: as many as one can do while an answer takes 80 ms


class RolloutProbe:
    """Asks while it is entered. Samples are kept whole, so that any part of the time can be looked at."""

    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self._samples: List[Sample] = []
        self._ended = threading.Event()
        self._phase = PHASES[0]
        count = min(_MOST_WORKERS, max(2, 2 * round(aim.rate / _REQUESTS_OF_A_WORKER / 2)))
        key = f"runbook-{secrets.token_hex(12)}"
        self._usual = _Usual()
        self._workers = [_Worker(aim, number, key, self._usual) for number in range(count)]
        self._threads: List[threading.Thread] = []

    def __enter__(self) -> "RolloutProbe":
        began = time.monotonic()
        for number, worker in enumerate(self._workers):
            offset = began + number / self._aim.rate
            self._threads.append(threading.Thread(target=self._work, args=(worker, offset), daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(self._aim.timeout + 1)

    def enter_phase(self, phase: str) -> None:
        """Requests that begin from now on belong to this phase."""
        self._phase = phase
        self._usual.learns = phase == PHASES[0]

    def listen(self, seconds: float) -> None:
        """So long; until a request of this phase has ended, and until each kind of request was answered once, or could have been."""
        wanted = {"GET"} if self._aim.post is None else {"GET", "POST"}
        until = time.monotonic() + self._aim.timeout + 2 / self._aim.rate
        time.sleep(seconds)
        while not wanted <= self._usual.answered and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        while not any(one.phase == self._phase for one in self.samples) and time.monotonic() < until + _LATE_SECONDS:
            time.sleep(_LOOK_SECONDS)

    @property
    def samples(self) -> List[Sample]:
        return list(self._samples)

    def since(self, moment: float) -> List[Sample]:
        """The requests that began after a moment of ``time.monotonic()``."""
        return [one for one in self.samples if one.began >= moment]

    def _work(self, worker: "_Worker", due: float) -> None:
        """One request each period; one that took longer than that makes the next one come at once, and the missed ones are left out."""
        period = len(self._workers) / self._aim.rate
        try:
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                self._samples.append(worker.ask(self._phase))
                due = max(due + period, time.monotonic())
        finally:
            worker.close()


class _Usual:
    """Which statuses from 400 to 499 were answered before anything was changed; others of them are errors. One for all workers."""

    def __init__(self) -> None:
        self.learns = True
        self.answered: Set[str] = set()
        self._known: Set[Tuple[str, int]] = set()

    def is_good(self, method: str, status: int) -> bool:
        self.answered.add(method)
        if not 400 <= status < 500:
            return status < 400
        if self.learns:
            self._known.add((method, status))
        return (method, status) in self._known


class _Worker:
    """One user. Those with an even number keep one connection as long as it lasts."""

    def __init__(self, aim: Aim, number: int, key: str, usual: _Usual) -> None:
        self._aim = aim
        self._keeps = number % 2 == 0
        self._key = key
        self._usual = usual
        # The first one begins with what is sent with every n-th request only, so that it is soon known what that is answered usually.
        self._count = aim.post.every - 1 if aim.post and number == 0 else 0
        self._used = False
        self._connection: Optional[http.client.HTTPConnection] = None

    def ask(self, phase: str) -> Sample:
        self._count += 1
        began = time.monotonic()
        error, reopened = "", False
        try:
            try:
                status = self._exchange()
            except ConnectionClosed:  # before any byte of the answer: an idempotent request is sent again, as every client does (RFC 9110, 9.2.2)
                reopened = True
                self.close()
                status = self._exchange()
            error = "" if self._usual.is_good(self._method, status) else f"status {status}"
        except (OSError, http.client.HTTPException, ConnectionClosed) as problem:
            error = _name_of(problem)
            self.close()
        if not self._keeps:
            self.close()
        return Sample(began, time.monotonic(), phase, error, reopened)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._used = None, False

    @property
    def _method(self) -> str:
        return "GET" if self._aim.post is None or self._count % self._aim.post.every else "POST"

    def _exchange(self) -> int:
        if self._connection is None:
            self._connection = self._connect()
        method, path, body, headers = self._request()
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as closed:
            if self._used:
                raise ConnectionClosed from closed
            raise
        answer.read()
        self._used = True
        if answer.will_close:
            self.close()
        return answer.status

    def _connect(self) -> http.client.HTTPConnection:
        aim = self._aim
        if aim.scheme == "http":
            return http.client.HTTPConnection(aim.host, aim.port, timeout=aim.timeout)
        context = ssl.create_default_context()
        if not aim.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(aim.host, aim.port, timeout=aim.timeout, context=context)

    def _request(self) -> Tuple[str, str, Optional[bytes], Dict[str, str]]:
        post = self._aim.post
        headers = {"User-Agent": "runbook.compose rollout", "Connection": "keep-alive" if self._keeps else "close", **dict(self._aim.headers)}
        if post is None or self._method == "GET":
            return "GET", self._aim.path, None, headers
        return "POST", post.path, post.body, {"Content-Type": "application/json", **headers, **dict(post.headers), "Idempotency-Key": self._key}


class ConnectionClosed(Exception):
    """A connection that had served before was closed by the other side, without a byte of an answer."""


def _name_of(problem: Exception) -> str:
    if isinstance(problem, (TimeoutError, socket.timeout)):
        return "timeout"
    if isinstance(problem, ConnectionRefusedError):
        return "refused"
    if isinstance(problem, (ConnectionError, http.client.RemoteDisconnected)):
        return "reset"
    return "no answer"
