"""Commands as reports show them, and lines of MONITOR: no value, and of a key only its prefix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_words import Monitored, Prefixing, Told, address_of, monitored, tell

PREFIXING = Prefixing(b":", 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([b"get", b"session:s3cret"], Told("GET", "session:")),
        ([b"SET", b"nothing-to-cut", b"s3cret"], Told("SET", "")),
        ([b"AUTH", b"user", b"s3cret"], Told("AUTH", "")),
        ([b"CONFIG", b"SET", b"requirepass", b"s3cret"], Told("CONFIG SET", "")),
        ([b"ACL", b"s3cret:\xff"], Told("ACL", "")),
        ([b"EVAL", b"return 1", b"1", b"a:s3cret"], Told("EVAL", "")),
        ([b"PUBLISH", b"a:s3cret", b"b"], Told("PUBLISH", "")),
        ([b"GET"], Told("GET", "")),
        ([b"\x16\x03s3cret"], Told("(no command)", "")),
        ([], Told("(no command)", "")),
        ([b"DEL", b"\x00\xff:x"], Told("DEL", "\\x00\\xff:")),
    ],
)
def test_a_command_is_told_without_what_it_carries(words, told):
    assert tell(words, PREFIXING) == told


@given(st.lists(st.binary(), max_size=6))
def test_whatever_comes_is_told_and_its_values_are_not(words):
    secret = b"correct-horse-battery"
    told = tell([*words[:2], *[secret + word for word in words[2:]]], PREFIXING)
    assert secret.decode() not in "".join(told)


def test_prefixes_end_with_a_separator_and_have_their_depth():
    assert Prefixing(b":", 1).of(b"token:blacklist:1") == b"token:"
    assert Prefixing(b":", 2).of(b"token:blacklist:1") == b"token:blacklist:"
    assert Prefixing(b":", 5).of(b"token:blacklist:1") == b"token:blacklist:"
    assert Prefixing(b"::", 1).of(b"a:b::c") == b"a:b::"
    assert Prefixing(b":", 1).of(b"plain") == b""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'1339518083.107412 [0 127.0.0.1:60866] "get" "session:abc"', Monitored(0, "127.0.0.1:60866", Told("GET", "session:"))),
        (b'1.2 [15 lua] "SET" "a\\"]\\n\\x00\\\\:x" "v] \\"quoted\\""', Monitored(15, "lua", Told("SET", 'a"]\\x0a\\x00\\x5c:'))),
        (b'1.2 [0 unix:/run/redis.sock] "PING"', Monitored(0, "unix:/run/redis.sock", Told("PING", ""))),
        (b"OK", None),
    ],
)
def test_a_line_of_monitor_is_read_as_it_was_quoted(line, expected):
    assert monitored(line, PREFIXING) == expected


@pytest.mark.parametrize(("client", "address"), [("172.18.0.5:40222", "172.18.0.5"), ("[::1]:4", "::1"), ("/run/a.sock:0", "/run/a.sock"), ("", "")])
def test_an_address_has_no_port(client, address):
    assert address_of(client) == address
