"""Asks one URL again and again until it is told to stop (SIGTERM), then prints what came back as JSON.

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


class Stopped(Exception):
    """SIGTERM came."""


def stop(_signal: int, _frame: object) -> None:
    raise Stopped


def ask(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    target, rate = urlsplit(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    sent = lost = 0
    longest_gap = 0.0
    last_good = time.monotonic()
    signal.signal(signal.SIGTERM, stop)
    try:
        while True:
            good = ask(target.hostname or "127.0.0.1", target.port or 80, target.path or "/")
            now = time.monotonic()
            sent += 1
            lost += not good
            if good:
                longest_gap = max(longest_gap, now - last_good)
                last_good = now
            time.sleep(1 / rate)
    except Stopped:
        print(json.dumps({"sent": sent, "lost": lost, "longest_gap_ms": round(longest_gap * 1000)}))


if __name__ == "__main__":
    main()
