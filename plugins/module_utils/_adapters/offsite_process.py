# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs restic or rclone: bounded in time, the password through a pipe, what was said kept without secrets."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import struct
import subprocess
import tempfile
import termios
import threading
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

from .._core.errors import TimedOut
from .._core.redaction import Redactor
from .fifo import PIECE
from .processes import ChildProcess

_SAID_BYTES = 4000


@dataclass(frozen=True)
class ToolSettings:
    """``environment`` is added to that of this process. ``timeout`` in seconds, for each command; ``password`` is given where one is asked for."""

    program: str
    environment: Mapping[str, str]
    timeout: float
    password: str = ""
    redactor: Redactor = field(default_factory=Redactor)


@dataclass(frozen=True)
class Ended:
    """``asked`` tells whether the program took the password: it does so only when it found something to open with it."""

    exit_code: int
    said: str
    asked: bool


class ToolProcess:
    """One command. Use it as a context: what still runs at its end is ended, with all that it started."""

    def __init__(self, settings: ToolSettings, words: Sequence[str], directory: Optional[str] = None, joined: bool = False) -> None:
        self._settings = settings
        self._argv = [settings.program, *words]
        self._directory = directory
        self._joined = joined  # what it says goes the way of its output
        self._late = False

    def __enter__(self) -> "ToolProcess":
        with contextlib.ExitStack() as stack:
            self._said = stack.enter_context(tempfile.TemporaryFile())
            self._entrance = self._with_password()
            stack.callback(os.close, self._entrance)
            self._process = ChildProcess(
                self._argv,
                stdin=self._entrance,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if self._joined else self._said,
                env={**os.environ, **self._settings.environment},
                cwd=self._directory,
                bufsize=0,
                start_new_session=True,  # no terminal to ask at, and one group to end
            )
            stack.callback(self._end)
            self._timer = threading.Timer(self._settings.timeout, self._expire)
            self._timer.daemon = True
            self._timer.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        self._timer.cancel()
        self._stack.close()

    def pieces(self) -> Iterator[bytes]:
        """Its standard output."""
        while self._process.stdout:
            piece = self._process.stdout.read(PIECE)
            if not piece:
                return
            yield piece

    def records(self) -> Iterator[Dict[str, Any]]:
        """Its output as JSON objects, one a line; lines that are none belong to what it said."""
        rest = b""
        for piece in self.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield from self._record(line)
        yield from self._record(rest)

    def finish(self) -> Ended:
        """Waits for its end; what it still writes is thrown away. Raises TimedOut."""
        for piece in self.pieces():
            del piece
        code = self._process.wait()
        self._timer.cancel()
        if self._late:
            raise TimedOut(
                f"{self._argv[0]} did not end within {self._settings.timeout:g} s and was stopped.",
                hint="Give it more time, or look at the connection; what it has sent is not sent again.",
                timeout=self._settings.timeout,
            )
        unread = struct.unpack("i", fcntl.ioctl(self._entrance, termios.FIONREAD, b"\0" * 4))[0]
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - _SAID_BYTES))
        said = " ".join(self._said.read().decode(errors="replace").split())
        return Ended(code, self._settings.redactor.text(said) or "it gave no reason", bool(self._settings.password) and not unread)

    def _record(self, line: bytes) -> Iterator[Dict[str, Any]]:
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(line)
            if isinstance(value, dict):
                if self._joined and value.get("level") == "error":
                    self._said.write(str(value.get("msg", "")).encode() + b"\n")
                yield value
                return
        if self._joined:
            self._said.write(line + b"\n")

    def _with_password(self) -> int:
        """The end to read from of a pipe that holds the password, and can be looked at afterwards."""
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as handle:
            handle.write(f"{self._settings.password}\n".encode() if self._settings.password else b"")
        return reading

    def _expire(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self) -> None:
        if self._process.poll() is None:
            self._kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def run_tool(settings: ToolSettings, words: Sequence[str]) -> Ended:
    """A command of which only the end matters."""
    with ToolProcess(settings, words) as process:
        return process.finish()
