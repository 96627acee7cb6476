"""A real HTTP server on this host whose path says how it answers: well, late, never, or wrong."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.serving import serving


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FaultyService"

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle_one_request()

    def log_message(self, *_words: object) -> None:
        """A test needs no access log."""

    def answer(self, status: int, body: bytes | dict | list = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_GET(self) -> None:
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        self.server.counts[self.path] += 1
        name = self.path.partition("?")[0].strip("/").replace("-", "_")
        getattr(self, f"say_{name}", self.say_nothing_known)()

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.bodies.append(body)
        self.do_GET()

    def say_nothing_known(self) -> None:
        self.answer(404, b"<h1>no such page</h1>")

    def say_ok(self) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        self.answer(200, {"status": "ok", "version": "1.4.2", "timestamp": now}, X_Served_By="faulty")

    def say_late(self) -> None:
        """503 for the first three requests, then well."""
        if self.server.counts[self.path] <= 3:
            self.answer(503, {"status": "starting", "database": "error"})
        else:
            self.answer(200, {"status": "ok", "database": "ok"})

    def say_not_ready(self) -> None:
        self.answer(503, {"status": "not_ready", "database": "error", "redis": "ok"})

    def say_old(self) -> None:
        self.answer(200, {"status": "ok", "timestamp": 1_600_000_000_000})

    def say_text(self) -> None:
        self.answer(200, b"<title>Shop</title>")

    def say_slow(self) -> None:
        time.sleep(0.4)
        self.answer(200, {"status": "ok"})

    def say_hang(self) -> None:
        self.server.stopping.wait(300)

    def say_trickle(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.stopping.wait(0.1):
            self.wfile.write(b"X-More: x\r\n")

    def say_reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def say_parts(self) -> None:
        """Headers first, the body in two pieces later."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n")
        for part in (b'{"status"', b': "ok"}'):
            time.sleep(0.05)
            self.wfile.write(part)

    def say_cut(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        self.close_connection = True

    def say_garbage(self) -> None:
        self.wfile.write(b"220 mail.example ESMTP\r\n\r\n")
        self.close_connection = True

    def say_huge(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.stopping.is_set():
            self.wfile.write(b"x" * 65536)

    def say_moved(self) -> None:
        self.answer(302, Location="/ok")

    def say_loop(self) -> None:
        self.answer(302, Location="/loop")

    def say_elsewhere(self) -> None:
        self.answer(302, Location="http://elsewhere.invalid/ok?token=of-the-redirect")

    def say_echo(self) -> None:
        """An unfriendly service that repeats what it was sent."""
        sent = self.server.bodies[-1].decode() if self.server.bodies else ""
        self.answer(500, {"headers": dict(self.headers), "sent": sent})

    def say_refused(self) -> None:
        self.answer(401, {"error": "the key is not valid"})

    def say_limited(self) -> None:
        self.answer(429, {"error": "the quota is used up"})

    def say_failing(self) -> None:
        self.answer(500, {"error": "it is us"})

    def say_score(self) -> None:
        """The more it is about, the worse."""
        self.answer(200, {"score": min(0.99, json.loads(self.server.bodies[-1])["amount"] / 10_000)})

    def say_stuck(self) -> None:
        self.answer(200, {"score": 0.5})

    def say_orders(self) -> None:
        self.answer(201, {"id": 1})


class FaultyService(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Handler)
        self.requests: list[tuple[str, str, dict]] = []
        self.bodies: list[bytes] = []
        self.counts: Counter = Counter()
        self.stopping = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is what these tests are about."""

    @property
    def port(self) -> int:
        return self.server_address[1]


@contextlib.contextmanager
def faulty_service(certificate: Path | None = None, host: str = "127.0.0.1") -> Iterator[FaultyService]:
    """Serves until the block ends; over TLS with a certificate file that also holds its key."""
    service = FaultyService(host)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        service.socket = context.wrap_socket(service.socket, server_side=True)
    with serving(service):
        yield service


def self_signed_certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1, valid for a day, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return path
