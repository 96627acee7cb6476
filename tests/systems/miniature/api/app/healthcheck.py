"""Asks the service in the same container whether it is ready. Exit code 0 means yes.

Only `socket` is imported, by its C part: this runs often and must cost little.
"""

import os
import sys

import _socket

TIMEOUT_SECONDS = 2


def main():
    port = int(os.environ.get("PORT", "3000"))
    path = os.environ.get("READY_PATH", "/health/ready") or os.environ.get("HEALTH_PATH", "/health")
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    connection.settimeout(TIMEOUT_SECONDS)
    try:
        connection.connect(("127.0.0.1", port))
        connection.send(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: healthcheck\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    except OSError as error:
        sys.stdout.write(f"no answer from port {port}: {error}\n")
        return 1
    head, unused_gap, body = answer.partition(b"\r\n\r\n")
    sys.stdout.write(body.decode(errors="replace").strip() + "\n")
    return 0 if head.split(b" ")[1:2] == [b"200"] else 1


sys.exit(main())
