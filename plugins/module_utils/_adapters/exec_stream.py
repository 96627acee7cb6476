# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program's output into a file of a backup through the engine's own stream: slower than a helper, for engines that share no files with us.

The stream of an engine that is cut looks as if it had ended. So the container hashes what it sends, and nothing is believed without that hash.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import ssl
import time
from typing import Any, Callable, Dict, Iterator, Tuple

from .._core.backup_errors import BackupStageFailed
from .._core.container import Container
from .._core.errors import OperationError, TimedOut
from .._core.helper_container import HelperEnded
from .._core.stream_frames import STDERR, FrameReader
from .archive_writer import ArchiveWriter
from .engine import Engine
from .engine_exec import already_read, close_stream
from .helper_stream import Producer, Streamed, StreamSettings, require_good, warnings_of
from .process_tree import end_process

# The password comes by stdin, so that the engine keeps it nowhere. What is run is in the arguments, never in this text.
_SCRIPT = """set -o pipefail
IFS= read -r PGPASSWORD && export PGPASSWORD
exec 4> >(sha256sum | sed "s/^/@@$RUNBOOK_TOKEN /" >&2); hash=$!
timeout -k 10 "$RUNBOOK_SECONDS" "$@" </dev/null | tee /dev/fd/4; code=$?
exec 4>&-; wait $hash; exit $code
"""
_PIECE = 1 << 20
_LOOK_SECONDS = 0.5
_SETTLE_SECONDS = 10.0
_KEPT_WORDS = 64 * 1024
_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class ExecStream:
    """Runs producers that write to stdout, in a running container. ``on_piece`` is told the size of every piece, and may raise to end it all."""

    def __init__(self, engine: Engine, container: Container, settings: StreamSettings, on_piece: Callable[[int], None]) -> None:
        self._engine = engine
        self._container = container
        self._settings = settings
        self._on_piece = on_piece

    def run(self, producer: Producer, password: str, keep: int = 0) -> Streamed:
        """The file, once the program, the container's hash and every program on the way said that all went well."""
        deadline = time.monotonic() + self._settings.timeout
        token = secrets.token_hex(8)
        path = os.path.join(self._settings.directory, producer.file_name + (".age" if self._settings.recipients else ""))
        with ArchiveWriter(path, self._settings.recipients, self._settings.floor, deadline) as writer:
            with self._engine.calling(f"run {producer.argv[0]} in {self._container.name}"):
                run = _Run(self._engine, self._container, deadline)
                run.begin(self._request(producer, token), password)
            beginning = b""
            with run:
                for piece in run.pieces():
                    beginning += piece[: max(0, keep - len(beginning))]
                    writer.write(piece)
                    self._on_piece(len(piece))
                ended, claimed = run.ended(token)
            require_good(ended, producer.argv[0])
            file = writer.finish(producer.kind)
            if claimed != file.plain_sha256:
                raise _cut(f"{file.plain_bytes} bytes came, and they are not those that the container sent")
            return Streamed(file, beginning, warnings_of(ended))

    def _request(self, producer: Producer, token: str) -> Dict[str, Any]:
        environment = {**dict(producer.environment), "RUNBOOK_TOKEN": token, "RUNBOOK_SECONDS": str(max(1, int(self._settings.timeout)))}
        return {"cmd": ["bash", "-c", _SCRIPT, "runbook", *producer.argv], "environment": environment, "stdin": True}


class _Run:
    """One command. Leaving the block ends it, where it is a process of this host."""

    def __init__(self, engine: Engine, container: Container, deadline: float) -> None:
        self._engine = engine
        self._client = engine.client
        self._container = container
        self._deadline = deadline
        self._frames = FrameReader()
        self._words = b""

    def begin(self, request: Dict[str, Any], password: str) -> None:
        self._id = self._client.exec_create(self._container.id, **request)["Id"]
        self._stream = self._client.exec_start(self._id, socket=True)
        self._connection = getattr(self._stream, "_sock", self._stream)
        self._connection.sendall(f"{password}\n".encode())
        self._connection.setblocking(False)

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *raised: object) -> None:
        close_stream(self._stream)
        if raised[0] is not None:
            with contextlib.suppress(Exception):  # it runs out at its timeout in any case; the first error is the one to tell
                state = self._client.exec_inspect(self._id)
                if state["Running"] and state["Pid"]:
                    end_process(state["Pid"], self._container.id)

    def pieces(self) -> Iterator[bytes]:
        """What the program wrote to stdout. Raises BackupStageFailed when the stream ends within a frame."""
        yield from self._split(already_read(self._stream))
        while True:
            if not select.select([self._connection], [], [], _LOOK_SECONDS)[0]:
                if time.monotonic() >= self._deadline:
                    raise TimedOut("The dump did not end within its time.", hint="Give it more time ('timeout').")
                continue
            try:
                data = self._connection.recv(_PIECE)
            except _WOULD_BLOCK:
                continue
            except OSError as error:
                raise _cut(f"the connection broke ({error.strerror or type(error).__name__})") from error
            if not data:
                break
            yield from self._split(data)
        if not self._frames.is_between_frames:
            raise _cut("it ended in the middle of a frame")

    def _split(self, data: bytes) -> Iterator[bytes]:
        for number, part, _last in self._frames.feed(data):
            if number == STDERR:
                self._words = (self._words + part)[-_KEPT_WORDS:]
            else:
                yield part

    def ended(self, token: str) -> Tuple[HelperEnded, str]:
        """How the program ended, and the hash that the container says (empty when it said none)."""
        until = time.monotonic() + _SETTLE_SECONDS
        while True:
            state = self._state()
            if not state["Running"] and state["ExitCode"] is not None:
                break
            if time.monotonic() >= until:
                raise _cut("it ended while the program still runs")
            time.sleep(_LOOK_SECONDS)
        lines, claimed = [], ""
        for line in self._words.decode(errors="replace").splitlines():
            if line.startswith(f"@@{token} "):
                claimed = line.split()[1]
            else:
                lines.append(line)
        return HelperEnded(int(state["ExitCode"]), False, "", "\n".join(lines)), claimed

    def _state(self) -> Dict[str, Any]:
        """An engine that was started again knows nothing of it any more."""
        try:
            with self._engine.calling(f"tell how the program in {self._container.name} ended"):
                return self._client.exec_inspect(self._id)
        except OperationError as error:
            raise _cut(f"nothing proves that the program ended well ({error})") from error


def _cut(how: str) -> BackupStageFailed:
    return BackupStageFailed(
        f"The engine's stream is not whole: {how}. Nothing was published.", hint="Run again; look at the engine and at the way to it.", stage="engine"
    )
