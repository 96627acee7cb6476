"""A door to a Postgres server behind which it says once that it is starting up, and then lets everybody in: it became ready in between."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Iterator

_FIELDS = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
_STARTING = b"E" + struct.pack("!I", len(_FIELDS) + 4) + _FIELDS
_SSL_REQUEST_BYTES = 8


@contextlib.contextmanager
def starting_at_first(address: str) -> Iterator[int]:
    """The port of this host that leads to ``address``."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_serve, args=(door, address), daemon=True).start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)


def _serve(door: socket.socket, address: str) -> None:
    with contextlib.suppress(OSError):
        with door.accept()[0] as first:
            if len(first.recv(1000)) == _SSL_REQUEST_BYTES:
                first.sendall(b"N")
                first.recv(1000)
            first.sendall(_STARTING)
        while True:
            client, server = door.accept()[0], socket.create_connection((address, 5432))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
