# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WebSocket protocol (RFC 6455) as far as a probe needs it: the handshake's key, and frames."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Optional, Tuple

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
NORMAL_CLOSURE = 1000
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _MASKED, _LENGTH = 0x80, 0x80, 0x7F


@dataclass(frozen=True)
class Frame:
    """One frame; whether a message goes on in the next one does not matter here."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> Optional[int]:
        return int.from_bytes(self.payload[:2], "big") if self.opcode == CLOSE and len(self.payload) >= 2 else None


def accept_of(key: str) -> str:
    """What a server that has understood the key answers in Sec-WebSocket-Accept."""
    digest = hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False)  # the protocol's own choice; nothing is kept secret by it
    return base64.b64encode(digest.digest()).decode()


def encode(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """A whole message of at most 125 bytes as a client sends it: masked with four bytes."""
    if len(payload) > 125:
        raise ValueError("a control frame holds at most 125 bytes")
    masked = bytes(byte ^ mask[position % 4] for position, byte in enumerate(payload))
    return bytes((_FINAL | opcode, _MASKED | len(payload))) + mask + masked


def next_frame(received: bytes) -> Optional[Tuple[Frame, int]]:
    """The first frame and how many bytes it took, or None while some of it is still to come."""
    if len(received) < 2:
        return None
    opcode, length, begin = received[0] & 0x0F, received[1] & _LENGTH, 2
    for marker, size in ((126, 2), (127, 8)):
        if length == marker:
            if len(received) < begin + size:
                return None
            length, begin = int.from_bytes(received[begin : begin + size], "big"), begin + size
            break
    masked = received[1] & _MASKED
    mask = received[begin : begin + 4] if masked else b""
    begin += 4 if masked else 0
    if len(received) < begin + length:
        return None
    payload = received[begin : begin + length]
    if masked and length:
        payload = bytes(byte ^ mask[position % 4] for position, byte in enumerate(payload))
    return Frame(opcode, bytes(payload)), begin + length
