from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.websocket_frames import CLOSE, PING, TEXT, Frame, accept_of, encode, next_frame


def test_the_key_of_the_protocol_s_own_example():
    assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_what_a_client_sends_is_masked_and_comes_back():
    sent = encode(PING, b"runbook", b"\x01\x02\x03\x04")
    assert b"runbook" not in sent
    assert next_frame(sent) == (Frame(PING, b"runbook"), len(sent))
    with pytest.raises(ValueError, match="125"):
        encode(TEXT, b"x" * 126, b"\0" * 4)


@pytest.mark.parametrize(("length", "head"), [(5, b"\x81\x05"), (200, b"\x81\x7e\x00\xc8"), (70_000, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70")])
def test_frames_of_every_length_whole_or_in_pieces(length, head):
    data = head + b"x" * length
    assert next_frame(data + b"more") == (Frame(TEXT, b"x" * length), len(data))
    assert all(next_frame(data[:cut]) is None for cut in (0, 1, len(head), len(data) - 1))


def test_why_a_server_closes():
    assert next_frame(b"\x88\x02\x03\xe9")[0].close_code == 1001
    assert Frame(CLOSE, b"").close_code is None
