"""Pipes and belts between the stages of a backup, with partners that are slow, dead or gone."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.conveyor import Conveyor
from ansible_collections.runbook.compose.plugins.module_utils._adapters.fifo import PIECE, FifoSink, FifoSource, make_fifo
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import TimedOut


def soon(seconds: float = 60) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def pipe(tmp_path):
    return make_fifo(str(tmp_path / "pipe"))


def in_background(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_what_is_written_at_one_end_is_read_at_the_other(pipe):
    content = os.urandom(3 * PIECE + 17)

    def write():
        with FifoSink(pipe, lambda: True, soon()) as sink:
            for start in range(0, len(content), 70_001):
                sink.write(content[start : start + 70_001])

    writer, got = in_background(write), b""
    with FifoSource(pipe, lambda: True, soon()) as source:
        while piece := source.read():
            got += piece
    writer.join()
    assert got == content and not os.path.exists(pipe)


def test_a_writer_that_never_came_is_the_end(pipe):
    with FifoSource(pipe, lambda: False, soon()) as source:
        assert source.read() == b""


def test_a_writer_that_says_nothing_is_waited_for_until_the_deadline(pipe):
    with FifoSource(pipe, lambda: True, soon(0.1)) as source, pytest.raises(TimedOut):
        source.read()


def test_a_reader_that_never_came_or_leaves_is_no_error_and_is_known(pipe):
    with FifoSink(pipe, lambda: False, soon()) as sink:
        sink.write(b"x")
        assert sink.left_early
    second = make_fifo(pipe)
    reader = in_background(lambda: os.close(os.open(second, os.O_RDONLY)))
    with FifoSink(second, lambda: True, soon()) as sink:
        until = soon()
        while not sink.left_early and time.monotonic() < until:
            sink.write(b"x" * PIECE)
        assert sink.left_early
    reader.join()


def test_a_reader_that_stops_reading_is_waited_for_until_the_deadline(pipe):
    stalled = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with FifoSink(pipe, lambda: True, soon(0.2)) as sink, pytest.raises(TimedOut):
        sink.write(b"x" * 4 * PIECE)
    os.close(stalled)


def test_a_belt_keeps_the_order_and_waits_for_the_end():
    got = []
    with Conveyor(got.append, soon()) as belt:
        for number in range(100):
            belt.put(b"%d" % number)
        belt.finish()
        assert got == [b"%d" % number for number in range(100)]


def test_the_error_of_a_consumer_reaches_the_one_who_fills_the_belt():
    def refuse(piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    with Conveyor(refuse, soon()) as belt:
        belt.put(b"x")
        with pytest.raises(OSError, match="No space"):
            belt.finish()


def test_a_full_belt_is_waited_for_until_the_deadline():
    gate = threading.Event()
    with Conveyor(lambda piece: gate.wait(10) and None, soon(0.3)) as belt:
        with pytest.raises(TimedOut):
            for unused in range(100):
                belt.put(b"x")
        gate.set()
