"""Another client of a Redis server: reads one key again and again until its input ends, then tells how long each answer took."""

from __future__ import annotations

import json
import select
import socket
import sys
import time

_PAUSE_SECONDS = 0.0002


def main() -> None:
    host, password = sys.argv[1], sys.stdin.readline().rstrip("\n")
    with socket.create_connection((host, 6379)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not ask(connection, "AUTH", password).startswith(b"+OK"):
            raise SystemExit("the login was refused")
        print("reading", flush=True)
        seconds = []
        while not select.select([sys.stdin], [], [], 0)[0]:
            began = time.perf_counter()
            ask(connection, "GET", "session:user:1")
            seconds.append(time.perf_counter() - began)
            time.sleep(_PAUSE_SECONDS)
    json.dump(seconds, sys.stdout)


def ask(connection: socket.socket, *words: str) -> bytes:
    encoded = [word.encode() for word in words]
    connection.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
    return connection.recv(4096)


if __name__ == "__main__":
    main()
