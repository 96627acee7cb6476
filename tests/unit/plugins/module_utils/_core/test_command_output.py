"""What is kept of what a command prints."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.command_output import Capture
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor

SECRET = "correct-horse-battery"


def captured(text: bytes, limit: int, piece: int = 1000) -> Capture:
    capture = Capture(limit)
    for start in range(0, len(text), piece):
        capture.add(text[start : start + piece])
    return capture


@given(st.binary(max_size=3000), st.integers(1, 3000))
def test_the_first_bytes_are_shown_and_only_a_cut_is_called_one(text, limit):
    text = text.hex().encode()
    capture = captured(text, limit, piece=97)
    assert capture.text(Redactor()) == text[:limit].decode()
    assert capture.truncated == (len(text) > limit)


@given(st.integers(0, 12_000), st.integers(50, 9000))
def test_a_secret_is_never_shown_in_part_wherever_the_text_is_cut(position, limit):
    capture = captured(b"." * position + SECRET.encode() + b"." * 12_000, limit)
    redactor = Redactor([SECRET])
    shown = capture.text(redactor) + "\n".join(capture.last_lines(redactor))
    assert not any(SECRET[start : start + 6] in shown for start in range(len(SECRET) - 5))


def test_the_last_lines_are_kept_also_of_a_long_output():
    capture = captured(b"".join(b"line %d\n\n" % number for number in range(100_000)), 10)
    assert capture.last_lines(Redactor(), 2) == ["line 99998", "line 99999"]
    assert captured(b"only\n", 10).last_lines(Redactor()) == ["only"]
