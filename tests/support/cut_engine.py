"""The way to the engine, which is cut as a restart of the engine cuts it: open requests break off, new ones find nobody.

The engine of all tests is not restarted. What it does by itself meanwhile goes on, as with its live restore.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading

_PIECE = 1 << 16


class CutEngine:
    """A socket of our own in front of the engine's. ``address`` is what ``docker_host`` names.

    ``before``: it is cut by the n-th request whose text has this in it, which the engine never gets. ``cut_before`` says so later.
    """

    def __init__(self, before: str = "", nth: int = 1) -> None:
        self._before, self._left = before.encode(), nth
        self._directory = tempfile.TemporaryDirectory(prefix="cut-")
        self._path = os.path.join(self._directory.name, "docker.sock")
        self._upstream = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")[2]
        self._ends: list[socket.socket] = []
        self._is_cut = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"unix://{self._path}"

    def cut_before(self, text: str) -> None:
        """The next request that has this in it is not sent any more."""
        self._left, self._before = 1, text.encode()

    def cut(self) -> None:
        self._is_cut = True
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        for end in [self._listener, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _happens(self) -> bool:
        """At the n-th request; whether it never gets to the engine."""
        self.cut()
        return True

    def _serve(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._upstream)
            self._ends += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()
            if self._is_cut:
                self.cut()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        """One direction; its end is passed on, and the other direction goes on."""
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(_PIECE)
                if not data:
                    break
                if self._before and self._before in data:
                    self._left -= 1
                    if not self._left and self._happens():
                        break
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


class WatchedEngine(CutEngine):
    """Cuts nothing: ``met`` is set when the n-th request comes, before the engine gets it."""

    def __init__(self, before: str, nth: int = 1) -> None:
        self.met = threading.Event()
        super().__init__(before, nth)

    def _happens(self) -> bool:
        self.met.set()
        return False
