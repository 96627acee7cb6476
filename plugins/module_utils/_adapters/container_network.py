# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that leave from the network of a container, whatever programs its image has."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import random
import socket
from typing import Any, Callable, List, Mapping, Optional

from .._core.name_question import ADDRESS_4, ADDRESS_6, addresses, hosts_entry, name_servers, question
from .files import read_text
from .process_tree import belongs_to
from .tcp_client import Deadline

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_NAME_PORT = 53
_LARGEST_ANSWER = 4096
_PATIENCE = 2.0  # seconds for one name server


class ContainerNetwork:
    """The network of one running container of this host."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    @classmethod
    def of(cls, inspected: Mapping[str, Any]) -> "Optional[ContainerNetwork]":
        """None when the container's process is not on this host: the engine is elsewhere, or it has just ended."""
        pid = int((inspected.get("State") or {}).get("Pid") or 0)
        return cls(pid) if pid and belongs_to(pid, inspected["Id"]) else None

    def refused(self) -> bool:
        """Whether this user may not enter it. Who may not read where it is may not enter it either."""
        return os.geteuid() != 0 or not os.access(f"/proc/{self._pid}/ns/net", os.R_OK)

    def enter(self, call: Callable[[], Any]) -> Any:
        """Runs a call within. The thread stays there: it has to be one of its own that ends afterwards."""
        library = ctypes.CDLL(None, use_errno=True)
        namespace = os.open(f"/proc/{self._pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if library.setns(namespace, _NEW_NETWORK) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(namespace)
        return call()

    def address(self, host: str, deadline: Deadline) -> str:
        """The address of a name as the container sees it; to be asked within. socket.gaierror when there is none."""
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            pass
        known = hosts_entry(self._file("hosts"), host)
        if known:
            return known
        for kind in (ADDRESS_4, ADDRESS_6):
            for server in name_servers(self._file("resolv.conf")):
                found = _ask(server, host, kind, deadline)
                if found:
                    return found[0]
        raise socket.gaierror(socket.EAI_NONAME, "the name does not resolve within the container")

    def _file(self, name: str) -> str:
        return read_text(f"/proc/{self._pid}/root/etc/{name}") or ""


def _ask(server: str, host: str, kind: int, deadline: Deadline) -> List[str]:
    """What one name server says; nothing when it does not answer, or not that."""
    number = random.SystemRandom().randrange(1 << 16)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(min(_PATIENCE, deadline.left()))
            asking.connect((server, _NAME_PORT))
            asking.send(question(host, kind, number))
            return addresses(asking.recv(_LARGEST_ANSWER), number, kind)
    except (OSError, ValueError):
        deadline.left()
        return []
