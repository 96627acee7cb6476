# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis says before it was asked anything: it greets nobody, but turns away whom it has no connection for."""

from __future__ import annotations

import socket

from .redis_service import RedisAddress
from .tcp_client import BoundedConnection, Deadline, connect

_LONGEST = 256


def turned_away(address: RedisAddress, seconds: float) -> bool:
    """Whether a connection that asks nothing is refused by Redis itself. Its other such refusals (protected mode) have codes of their own.

    Who asks at once may lose the answer to the reset that follows it.
    """
    deadline = Deadline(seconds)
    try:
        with BoundedConnection(_connected(address, deadline), deadline) as connection:
            return connection.makefile().readline(_LONGEST).startswith(b"-ERR ")
    except OSError:
        return False


def _connected(address: RedisAddress, deadline: Deadline) -> socket.socket:
    if not address.host.startswith("/"):
        return connect(address.host, address.port, deadline)
    local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        local.settimeout(deadline.left())
        local.connect(address.host)
    except OSError:
        local.close()
        raise
    return local
