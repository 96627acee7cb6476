"""The engine's frames, in pieces of any size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.stream_frames import FrameReader


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=700))), st.integers(1, 50))
def test_every_byte_comes_back_on_its_stream_whatever_the_pieces(frames, size):
    wire = b"".join(frame(*each) for each in frames)
    reader, parts = FrameReader(), []
    for start in range(0, len(wire), size):
        parts += reader.feed(wire[start : start + size])
    whole, piece = [], b""
    for stream, part, complete in parts:
        piece += part
        if complete:
            whole.append((stream, piece))
            piece = b""
    assert (whole, piece) == (frames, b"")


def test_an_unfinished_frame_is_given_as_far_as_it_came():
    assert list(FrameReader().feed(frame(2, b"abcdef")[:-2])) == [(2, b"abcd", False)]


def test_an_empty_frame_is_nothing():
    assert list(FrameReader().feed(frame(1, b"") + frame(2, b"x"))) == [(2, b"x", True)]
