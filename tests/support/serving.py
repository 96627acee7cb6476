"""A server of the tests' own, in a thread until the block ends."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import Iterator, TypeVar

Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextlib.contextmanager
def serving(service: Server) -> Iterator[Server]:
    """Handlers that wait for its event ``stopping``, if it has one, end before it does."""
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        if hasattr(service, "stopping"):
            service.stopping.set()
        service.shutdown()
        service.server_close()
        thread.join(5)
