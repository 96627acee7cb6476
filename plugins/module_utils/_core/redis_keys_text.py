# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Redis, which may hold any byte, as text for people."""

from __future__ import annotations


def shown(key: bytes) -> str:
    """Printable UTF-8 as it is, every other byte as a backslash-x escape."""
    return "".join(character if character.isprintable() else _escaped(character) for character in key.decode("utf-8", "surrogateescape"))


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
