# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a few addresses again and again for a while, and keeps how each answer was."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, List, Mapping, Sequence
from urllib.parse import urlsplit

from .._core.errors import BadInput
from .._core.window_watch import Answered

_SERVER_ERROR = 400


@dataclass
class Sampler:
    """One thread for each address; every request on a connection of its own, as a new client's."""

    urls: Sequence[str]
    interval: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 5.0
    answers: List[Answered] = field(default_factory=list)

    @classmethod
    def of(cls, urls: Sequence[str], interval: float, headers: Mapping[str, str]) -> "Sampler":
        wrong = [url for url in urls if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname]
        if wrong or not urls:
            raise BadInput(f"urls has to hold http or https addresses, at least one{', and holds ' + ', '.join(wrong) if wrong else ''}.", urls=wrong)
        if not 0.05 <= interval <= 60:
            raise BadInput(f"interval must be 0.05 to 60 seconds, not {interval:g}.", interval=interval)
        given = {str(name): str(value) for name, value in headers.items()}
        if not all(word.isascii() and word.isprintable() for header in given.items() for word in header):
            raise BadInput("headers has what is no name or value of a header.", hint="Correct it.")
        return cls(tuple(urls), interval, given)

    def run(self, seconds: float, stop: Callable[[List[Answered]], bool]) -> float:
        """Asks for so many seconds, or until ``stop`` says that it has seen enough; returns the seconds it took."""
        began = time.monotonic()
        over = threading.Event()
        threads = [threading.Thread(target=self._ask, args=(url, over), name=f"watch {number}", daemon=True) for number, url in enumerate(self.urls)]
        for thread in threads:
            thread.start()
        while time.monotonic() - began < seconds and not stop(list(self.answers)):
            time.sleep(min(self.interval, max(0.01, began + seconds - time.monotonic())))
        over.set()
        for thread in threads:
            thread.join(self.timeout + 1)
        return time.monotonic() - began

    def _ask(self, url: str, over: threading.Event) -> None:
        while not over.is_set():
            self.answers.append(self._once(url))
            over.wait(self.interval)

    def _once(self, url: str) -> Answered:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        began = time.monotonic()
        connection = kind(str(parts.hostname), parts.port, timeout=self.timeout)
        try:
            connection.request(
                "GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers={"User-Agent": "runbook.compose watch", **self.headers}
            )
            answer = connection.getresponse()
            answer.read()
            good = answer.status < _SERVER_ERROR
        except (OSError, http.client.HTTPException):
            good = False
        finally:
            connection.close()
        return Answered(good, (time.monotonic() - began) * 1000)
