"""The engine's stream as the way of a dump: an engine of ours that cuts it anywhere, lies about it, or does well."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import threading
import time
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from docker.errors import NotFound

from ansible_collections.runbook.compose.plugins.module_utils._adapters.archive_writer import SpaceFloor
from ansible_collections.runbook.compose.plugins.module_utils._adapters.engine import Engine
from ansible_collections.runbook.compose.plugins.module_utils._adapters.exec_stream import ExecStream
from ansible_collections.runbook.compose.plugins.module_utils._adapters.helper_stream import Producer, StreamSettings
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError

CONTENT = bytes(range(256)) * 3000
HEADER = 8


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


class LyingEngine:
    """Sends what a whole command would send, as far as ``sent`` bytes of it, and closes the connection as if that were all."""

    def __init__(self, sent: int | None = None, exit_code: int = 0, content: bytes = CONTENT, words: bytes = b"") -> None:
        self._sent, self._code, self._content, self._words = sent, exit_code, content, words
        self.password = b""

    def exec_create(self, container, cmd, environment, stdin):
        self._token = environment["RUNBOOK_TOKEN"]
        self.asked = repr((cmd, environment))
        return {"Id": "e1"}

    def exec_start(self, number, socket=True):
        ours, theirs = _pair()
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def exec_inspect(self, number):
        return {"Running": False, "ExitCode": self._code, "Pid": 0}

    def whole(self) -> bytes:
        """The hash is that of what was there, whatever is sent."""
        said = frame(2, b"@@" + self._token.encode() + b" " + hashlib.sha256(CONTENT).hexdigest().encode() + b"  -\n")
        half = len(self._content) // 2
        return frame(1, self._content[:half]) + frame(2, self._words) + frame(1, self._content[half:]) + said

    def _serve(self, connection):
        self.password = connection.recv(1000)
        with contextlib.suppress(OSError):
            connection.sendall(self.whole()[: self._sent])
        connection.close()


def _pair():
    return socket.socketpair()


def run(engine, directory, timeout=120.0):
    settings = StreamSettings(str(directory), (), SpaceFloor(str(directory), 0), timeout)
    stream = ExecStream(Engine(engine, "a socket"), SimpleNamespace(id="c1", name="postgres"), settings, lambda size: None)
    return stream.run(Producer("dump", ["pg_dump", "--format=custom"], "pg_dump-custom", "database.dump.zst"), "pass'word", keep=10)


def test_a_whole_stream_is_taken_and_the_password_goes_by_no_argument(tmp_path):
    engine = LyingEngine(words=b"pg_dump: warning: circular\n")
    streamed = run(engine, tmp_path)
    assert (streamed.beginning, streamed.file.plain_bytes) == (CONTENT[:10], len(CONTENT))
    assert streamed.file.plain_sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert streamed.warnings == ["pg_dump: warning: circular"]
    assert engine.password == b"pass'word\n" and "pass'word" not in engine.asked


HALF = len(CONTENT) // 2 + HEADER


@pytest.mark.parametrize("sent", [0, 3, HEADER, 5000, HALF - 1, HALF, HALF + 4, 2 * HALF, 2 * HALF + 2 * HEADER, 2 * HALF + 2 * HEADER + 30])
def test_a_stream_that_is_cut_anywhere_is_never_a_dump(tmp_path, sent):
    """T2: in a header, in a frame, and between two, where it looks like the end."""
    with pytest.raises(OperationError) as failed:
        run(LyingEngine(sent=sent), tmp_path)
    assert failed.value.reason == "backup_stage_failed"
    assert "stream is not whole" in str(failed.value)


def test_other_bytes_than_were_sent_and_a_program_that_fails(tmp_path):
    with pytest.raises(OperationError, match="not those that the container sent"):
        run(LyingEngine(content=CONTENT[:-1] + b"!"), tmp_path / _made(tmp_path, "a"))
    with pytest.raises(OperationError, match=re.escape("pg_dump failed (exit code 1): pg_dump: error: no")):
        run(LyingEngine(exit_code=1, words=b"pg_dump: error: no\n"), tmp_path / _made(tmp_path, "b"))


def test_without_its_exit_code_a_whole_stream_is_no_dump(tmp_path):
    """T6: an engine that was started again has forgotten the command, or does not answer yet."""
    for number, failure in enumerate((NotFound("No such exec instance: e1"), ConnectionRefusedError())):
        engine = LyingEngine()
        engine.exec_inspect = Mock(side_effect=failure)
        with pytest.raises(OperationError, match="nothing proves that the program ended well") as failed:
            run(engine, tmp_path / _made(tmp_path, str(number)))
        assert (failed.value.reason, failed.value.details["stage"]) == ("backup_stage_failed", "engine")


def test_a_stream_that_stalls_ends_at_its_deadline(tmp_path):
    engine, over = LyingEngine(), threading.Event()
    engine._serve = lambda connection: (connection.recv(1000), over.wait(300), connection.close())
    began = time.monotonic()
    with pytest.raises(OperationError) as failed:
        run(engine, tmp_path, timeout=1.0)
    over.set()
    assert failed.value.reason == "timed_out" and time.monotonic() - began < 120


def _made(directory, name):
    (directory / name).mkdir()
    return name
