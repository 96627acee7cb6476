"""Keys as text and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_keys_text import key_bytes, shown


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (b"session:7", "session:7"),
        (b"a b*?", "a b*?"),
        ("Köln:é".encode(), "Köln:é"),
        (b"line\nbreak\0", r"line\x0abreak\x00"),
        (b"\xff\xfe", r"\xff\xfe"),
        (rb"a\x41", r"a\x5cx41"),
        ("\u2028".encode(), r"\xe2\x80\xa8"),
    ],
)
def test_what_can_be_printed_is_and_the_rest_is_escaped(key, text):
    assert shown(key) == text


@given(st.binary(max_size=40))
def test_a_key_that_is_shown_can_be_given_back(key):
    assert key_bytes(shown(key)) == key
    assert shown(key).isprintable()


def test_a_lone_backslash_stands_for_itself():
    assert key_bytes(r"C:\new\xg1") == rb"C:\new\xg1"
