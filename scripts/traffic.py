"""Asks one URL again and again until it is told to stop (SIGTERM), then prints what came back as JSON.

An answer is good (2xx), closed (503 with Retry-After, which only a closed edge says), or lost.

Usage: traffic URL [requests per second]
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
import time
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 2.0
GOOD, CLOSED, LOST = "good", "closed", "lost"


class Stopped(Exception):
    """SIGTERM came."""


def stop(_signal: int, _frame: object) -> None:
    raise Stopped


def ask(host: str, port: int, path: str) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if 200 <= answer.status < 300:
            return GOOD
        return CLOSED if answer.status == 503 and answer.getheader("Retry-After") else LOST
    except (OSError, http.client.HTTPException):
        return LOST
    finally:
        connection.close()


def main() -> None:
    target, rate = urlsplit(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    counted = {GOOD: 0, CLOSED: 0, LOST: 0}
    longest_gap = closed_seconds = 0.0
    closed_since = None
    last_good = time.monotonic()
    signal.signal(signal.SIGTERM, stop)
    try:
        while True:
            answered = ask(target.hostname or "127.0.0.1", target.port or 80, path)
            now = time.monotonic()
            counted[answered] += 1
            if answered == CLOSED:
                closed_since = closed_since or now
            if answered == GOOD:
                closed_seconds += now - closed_since if closed_since else 0.0
                closed_since = None
                longest_gap = max(longest_gap, now - last_good)
                last_good = now
            time.sleep(1 / rate)
    except Stopped:
        # What is closed at the end was not seen to open.
        closed_seconds += time.monotonic() - closed_since if closed_since else 0.0
        told = {"sent": sum(counted.values()), "lost": counted[LOST], "closed": counted[CLOSED], "closed_seconds": round(closed_seconds, 1)}
        print(json.dumps({**told, "longest_gap_ms": round(longest_gap * 1000)}))


if __name__ == "__main__":
    main()
