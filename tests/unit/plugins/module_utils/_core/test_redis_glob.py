"""Patterns of Redis, decided without a server. That a real server decides the same is in tests/integration/test_redis_keys.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_glob import Glob, escape

# Few bytes, so that patterns and names often meet.
NAMES = st.lists(st.sampled_from(list(b"ab*?[]\\^-\x00\xff")), max_size=8).map(bytes)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        (b"a*c", b"abbc", True),
        (b"a*c", b"abbcd", False),
        (b"h?llo", b"hllo", False),
        (b"h[ae]llo", b"hello", True),
        (b"h[^e]llo", b"hello", False),
        (b"[a-c]", b"b", True),
        (b"[c-a]", b"b", True),
        (b"[a", b"a", True),
        (b"[", b"[", False),
        (b"[^", b"x", True),
        (b"[]", b"]", False),
        (rb"\*", b"*", True),
        (rb"\*", b"x", False),
        (b"a\\", b"a\\", True),
        (b"", b"", True),
        (b"*", b"", True),
        (b"**", b"", False),
        (b"a\nb*", b"a\nb\xff", True),
    ],
)
def test_as_the_server_reads_it(pattern, name, matches):
    assert Glob(pattern).matches(name) is matches


@given(NAMES.filter(bool), NAMES.filter(bool))
def test_an_escaped_name_matches_itself_and_nothing_else(name, other):
    assert Glob(escape(name)).matches(name)
    assert Glob(escape(name)).matches(other) is (name == other)


@given(NAMES, NAMES, NAMES)
def test_what_can_match_below_a_prefix_is_never_overlooked(pattern, prefix, rest):
    glob = Glob(pattern)
    if glob.matches(prefix + rest):
        assert glob.can_match_below(prefix)


@given(NAMES, NAMES, NAMES)
def test_a_pattern_that_lies_below_a_prefix_matches_nothing_beside_it(pattern, prefix, name):
    glob = Glob(pattern)
    if glob.lies_below(prefix) and glob.matches(name):
        assert name.startswith(prefix)


@pytest.mark.parametrize(
    ("pattern", "can", "lies"),
    [
        (b"token:*", True, True),
        (b"token:blacklist:*", True, True),
        (b"tok*", True, False),
        (b"*:cache", True, False),
        (b"cache:*", False, False),
        (b"[t]oken:*", True, True),
        (b"[tT]oken:*", True, False),
        (rb"\token:*", True, True),
        (b"token:[]", False, True),
        (b"token", False, False),
    ],
)
def test_below_a_protected_prefix(pattern, can, lies):
    assert (Glob(pattern).can_match_below(b"token:"), Glob(pattern).lies_below(b"token:")) == (can, lies)


@pytest.mark.parametrize(
    ("pattern", "everything"), [(b"*", True), (b"***", True), (b"?*", True), (b"[^]*", True), (b"??", False), (b"*a*", False), (b"", False)]
)
def test_a_pattern_that_leaves_nothing_out(pattern, everything):
    assert Glob(pattern).matches_everything() is everything
