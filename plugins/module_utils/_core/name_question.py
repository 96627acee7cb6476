# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as a container sees them: its hosts file, its name servers, and a question of the DNS protocol."""

from __future__ import annotations

import ipaddress
from typing import List, Optional

ADDRESS_4, ADDRESS_6 = 1, 28
_INTERNET, _RECURSION_DESIRED = 1, 0x0100
_POINTER = 0xC0


def hosts_entry(text: str, name: str) -> Optional[str]:
    """The address of a name in a hosts file."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if name.lower() in (word.lower() for word in words[1:]):
            return words[0]
    return None


def name_servers(text: str) -> List[str]:
    """The servers of a resolv.conf, in its order."""
    lines = [line.split() for line in text.splitlines()]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


def question(name: str, kind: int, number: int) -> bytes:
    """A question for the addresses of a name. ValueError for what is no name."""
    labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"{name} is no host name")
    encoded = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return _shorts(number, _RECURSION_DESIRED, 1, 0, 0, 0) + encoded + _shorts(kind, _INTERNET)


def addresses(answer: bytes, number: int, kind: int) -> List[str]:
    """The addresses in an answer to the question of this number. ValueError when it is no such answer."""
    try:
        if _short(answer, 0) != number:
            raise ValueError("the answer to another question")
        position = 12
        for _question in range(_short(answer, 4)):
            position = _after_name(answer, position) + 4
        found = []
        for _answer in range(_short(answer, 6)):
            position = _after_name(answer, position)
            length = _short(answer, position + 8)
            data = answer[position + 10 : position + 10 + length]
            if _short(answer, position) == kind and len(data) == length:
                found.append(str(ipaddress.ip_address(data)))
            position += 10 + length
    except IndexError as error:
        raise ValueError("the answer is cut") from error
    return found


def _shorts(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def _short(data: bytes, position: int) -> int:
    return data[position] << 8 | data[position + 1]


def _after_name(answer: bytes, position: int) -> int:
    while answer[position]:
        if answer[position] & _POINTER == _POINTER:
            return position + 2
        position += answer[position] + 1
    return position + 1
