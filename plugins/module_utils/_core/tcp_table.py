# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads /proc/net/tcp and tcp6: who has a connection to whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Tuple

_ESTABLISHED, _ASKED_FOR = "01", "02"  # TCP_ESTABLISHED and TCP_SYN_SENT of the kernel's include/net/tcp_states.h

Place = Tuple[str, int]


@dataclass(frozen=True)
class Connection:
    """``inode`` tells whose it is (``/proc/<pid>/fd``)."""

    remote: Place
    inode: str


def parse_connections(table: str) -> Iterator[Connection]:
    """The open connections of one table, and those that were asked for and not answered yet."""
    for line in table.splitlines():
        words = line.split()
        if len(words) > 9 and words[3] in (_ESTABLISHED, _ASKED_FOR):
            yield Connection(_place(words[2]), words[9])


def towards(connections: Iterable[Connection], places: Iterable[Place]) -> List[Connection]:
    """Those whose other end is one of these places."""
    wanted = {(str(ipaddress.ip_address(address)), port) for address, port in places}
    return [connection for connection in connections if connection.remote in wanted]


def _place(text: str) -> Place:
    """The kernel writes an address as 32-bit words in its own byte order."""
    address, unused, port = text.partition(":")
    words = [int(address[start : start + 8], 16).to_bytes(4, "little") for start in range(0, len(address), 8)]
    found = ipaddress.ip_address(b"".join(words))
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found), int(port, 16)
