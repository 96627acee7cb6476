# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Redis are bytes; people read and write them as text, and lose nothing on the way."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")


def shown(key: bytes) -> str:
    r"""Printable UTF-8 as it is, every other byte as ``\xff``; a backslash too (``\x5c``), so that two keys never look the same."""
    return "".join(_character(character) for character in key.decode("utf-8", errors="surrogateescape"))


def key_bytes(text: str) -> bytes:
    r"""What ``shown`` shows, read back. A backslash that does not begin ``\xff`` stands for itself."""
    parts = _ESCAPE.split(text)
    return b"".join(bytes([int(part, 16)]) if number % 2 else part.encode() for number, part in enumerate(parts))


def _character(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors="surrogateescape"))
