# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a bounded number of requests from several threads, at a rate or as fast as the answers come."""

from __future__ import annotations

import http.client
import threading
import time
from typing import List, Optional, Sequence, Tuple

from .._core.load_report import Sent
from .._core.load_request import LoadRequest
from .kept_connection import KeptConnection
from .probe_client import silence


class LoadGenerator:
    """``addresses``: the replicas that get it in turn; empty for the host of the URL."""

    def __init__(self, request: LoadRequest, addresses: Sequence[str] = ()) -> None:
        self._request = request
        self._addresses = list(addresses) or [""]
        self._lock = threading.Lock()
        self._begun = 0
        self._sent: List[Sent] = []
        self._started = 0.0

    def run(self) -> Tuple[List[Sent], float]:
        """What was sent, and the seconds that it took."""
        self._started = time.monotonic()
        threads = [threading.Thread(target=self._work, daemon=True) for _worker in range(self._request.concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._sent, time.monotonic() - self._started

    def _work(self) -> None:
        probe, keeps = self._request.probe, self._request.keeps_connections
        connections = [KeptConnection(probe, address, keeps) for address in self._addresses]
        try:
            while True:
                number = self._next()
                if number is None:
                    return
                sent = self._send(connections[number % len(connections)], number)
                with self._lock:
                    self._sent.append(sent)
        finally:
            for connection in connections:
                connection.close()

    def _next(self) -> Optional[int]:
        """The number of the next request when it is due; None when there is none left, or no time."""
        with self._lock:
            begins = self._started + (self._begun / self._request.rate if self._request.rate else 0.0)
            if self._begun >= self._request.count or max(begins, time.monotonic()) - self._started > self._request.seconds:
                return None
            self._begun += 1
            number = self._begun
        pause = begins - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        return number

    @staticmethod
    def _send(connection: KeptConnection, number: int) -> Sent:
        began = time.monotonic()
        try:
            answer = connection.ask()
        except (OSError, http.client.HTTPException) as error:
            return Sent(number, cause=silence(error).cause)
        return Sent(number, answer.status, "", (time.monotonic() - began) * 1000, answer.headers)
