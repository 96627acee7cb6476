"""A real WebSocket server whose path says how it behaves; the protocol is written here once more, from its RFC. As a program it takes a port."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import socketserver
import struct
import sys
import threading
import time

PING, PONG, TEXT, CLOSE = 9, 10, 1, 8


class Handler(socketserver.StreamRequestHandler):
    server: "WebsocketService"

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            path = self.rfile.readline().split()[1].decode()
            headers = {}
            for line in iter(self.rfile.readline, b"\r\n"):
                name, unused_colon, value = line.decode().partition(":")
                headers[name.strip().lower()] = value.strip()
            self.server.seen.append((path, headers))
            if headers.get("upgrade", "").lower() != "websocket":
                return self.say_refused(headers)
            getattr(self, f"say_{path.strip('/').replace('-', '_')}")(headers)

    def upgrade(self, headers: dict, key: str | None = None) -> None:
        digest = hashlib.sha1((key or headers["sec-websocket-key"]).encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "X-Served-By: sockets"]
        self.wfile.write("\r\n".join([*lines, f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}", "", ""]).encode())

    def send(self, opcode: int, payload: bytes = b"") -> None:
        length = struct.pack(">B", len(payload)) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
        self.wfile.write(bytes((0x80 | opcode,)) + length + payload)

    def receive(self) -> tuple[int, bytes]:
        first, second = self.rfile.read(2)
        assert second & 0x80, "a client masks what it sends"
        mask = self.rfile.read(4)
        return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.rfile.read(second & 0x7F)))

    def answer_pings(self) -> None:
        while True:
            opcode, payload = self.receive()
            self.server.received.append((opcode, payload))
            if opcode == CLOSE:
                return self.send(CLOSE, payload)
            if opcode == PING:
                self.send(PONG, payload)

    def say_ws(self, headers: dict) -> None:
        self.upgrade(headers)
        self.answer_pings()

    def say_chatty(self, headers: dict) -> None:
        self.upgrade(headers)
        self.send(TEXT, b"x" * 50_000)
        self.send(PING, b"are you there")
        self.answer_pings()

    def say_deaf(self, headers: dict) -> None:
        self.upgrade(headers)
        self.server.stopping.wait(300)

    def say_closing(self, headers: dict) -> None:
        self.upgrade(headers)
        time.sleep(0.3)
        self.send(CLOSE, struct.pack(">H", 1001))

    def say_cut(self, headers: dict) -> None:
        self.upgrade(headers)
        time.sleep(0.3)

    def say_wrong_key(self, headers: dict) -> None:
        self.upgrade(headers, key="another")

    def say_refused(self, headers: dict) -> None:
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")

    def say_waking(self, headers: dict) -> None:
        """Busy for the first two who ask, then well."""
        known = [path for path, unused in self.server.seen].count("/waking")
        self.say_busy(headers) if known <= 2 else self.say_ws(headers)

    def say_busy(self, headers: dict) -> None:
        self.wfile.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    def say_garbage(self, headers: dict) -> None:
        self.wfile.write(b"220 mail.example ESMTP\r\n\r\n")

    def say_silent(self, headers: dict) -> None:
        self.server.stopping.wait(20)


class WebsocketService(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), Handler)
        self.seen: list[tuple[str, dict]] = []
        self.received: list[tuple[int, bytes]] = []
        self.stopping = threading.Event()

    def handle_error(self, request: socket.socket, client_address: object) -> None:
        """A client that leaves early is what these tests are about."""

    @property
    def port(self) -> int:
        return self.server_address[1]


if __name__ == "__main__":
    WebsocketService("0.0.0.0", int(sys.argv[1])).serve_forever()
