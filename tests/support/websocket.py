"""A WebSocket client that is just good enough to ask the miniature's /ws (RFC 6455)."""

from __future__ import annotations

import base64
import os
import socket


class WebSocket:
    """Open as long as the block lasts."""

    def __init__(self, port: int, path: str = "/ws") -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self._connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._stream = self._connection.makefile("rb")
        self.status = int(self._stream.readline().split()[1])
        while self._stream.readline().strip():
            continue

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *raised: object) -> None:
        self._stream.close()
        self._connection.close()

    def echo(self, text: str) -> str:
        """What comes back for a short text."""
        content, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))
        self._connection.sendall(bytes([0x81, 0x80 | len(content)]) + mask + masked)
        head = self._stream.read(2)
        return self._stream.read(head[1]).decode() if len(head) == 2 and head[0] == 0x81 else ""
