# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells as text below /proc, as numbers."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

_LISTEN = "0A"


@dataclass(frozen=True)
class Mount:
    """A mounted file system."""

    place: str
    device: str
    fstype: str
    read_only: bool


@dataclass(frozen=True)
class Listener:
    """What should be listening: a port of TCP, and where; without an address, anywhere."""

    text: str
    address: str
    port: int


def memory_of(meminfo: str) -> Dict[str, int]:
    """Bytes by the kernel's own names."""
    return {name: int(count) * 1024 for name, count in re.findall(r"^(\w+):\s+(\d+) kB", meminfo, re.MULTILINE)}


def mounts_of(mountinfo: str) -> List[Mount]:
    """In the order in which they were mounted."""
    found = []
    for line in mountinfo.splitlines():
        left, unused, right = line.partition(" - ")
        words, kind = left.split(), right.split()
        options = [*words[5].split(","), *(kind[2].split(",") if len(kind) > 2 else ())]
        found.append(Mount(_plain(words[4]), _plain(kind[1]), kind[0], "ro" in options))
    return found


def mount_of(path: str, mounts: Sequence[Mount]) -> Optional[Mount]:
    """The file system that a path is on: the longest place, of several there the last one."""
    best: Optional[Mount] = None
    for mount in mounts:
        within = path == mount.place or path.startswith(posixpath.join(mount.place, ""))
        if within and (best is None or len(mount.place) >= len(best.place)):
            best = mount
    return best


def busy_percent(earlier: str, later: str) -> Optional[Dict[str, float]]:
    """What the processors did between two looks at /proc/stat."""
    first, second = _ticks(earlier), _ticks(later)
    spent = [max(0, after - before) for before, after in zip(first, second)]
    total = sum(spent[:8])  # what guests take is in user and nice already
    if len(spent) < 8 or not total:
        return None
    idle, waiting, stolen = spent[3], spent[4], spent[7]
    shares = {"busy": total - idle - waiting, "waiting_for_disk": waiting, "stolen": stolen}
    return {name: round(100 * share / total, 1) for name, share in shares.items()}


def parse_listener(text: str) -> Optional[Listener]:
    """``8080``, ``127.0.0.1:8080`` or ``[::1]:8080``; None when it is none of these."""
    address, unused, port = text.rpartition(":")
    address = address.strip("[]")
    try:
        found = str(ipaddress.ip_address(address)) if address else ""
    except ValueError:
        return None
    return Listener(text, found, int(port)) if re.fullmatch(r"\d{1,5}", port) and 0 < int(port) < 65536 else None


def listening(tcp: str) -> List[Tuple[str, int]]:
    """Addresses and ports that /proc/net/tcp or tcp6 shows as listening."""
    found = []
    for line in tcp.splitlines()[1:]:
        words = line.split()
        if len(words) > 3 and words[3] == _LISTEN:
            address, unused, port = words[1].partition(":")
            found.append((_address(address), int(port, 16)))
    return sorted(set(found))


def listens(wanted: Listener, found: Sequence[Tuple[str, int]]) -> List[str]:
    """The addresses at which it listens that are, or cover, the wanted one."""
    here = [address for address, port in found if port == wanted.port]
    if not wanted.address:
        return here
    every = ["::"] if ":" in wanted.address else ["0.0.0.0", "::"]
    return [address for address in here if address == wanted.address or address in every]


def _address(text: str) -> str:
    """The kernel writes words of 32 bits in the order of the machine."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _ticks(stat: str) -> List[int]:
    words = stat.partition("\n")[0].split()
    return [int(word) for word in words[1:]] if words[:1] == ["cpu"] else []


def _plain(text: str) -> str:
    """Blanks and the like are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)
