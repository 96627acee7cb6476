"""Whether a published port takes a connection."""

from __future__ import annotations

import socket

from ansible_collections.runbook.compose.plugins.module_utils._adapters.swarm_doors import closed_doors
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm_health import Door


def test_an_open_door_says_nothing_and_a_closed_one_why():
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # nobody else gets it, and it does not listen
        ports = (taken.getsockname()[1], reserved.getsockname()[1])
        opened, closed = (Door("shop_api", "node-1", "127.0.0.1", port) for port in ports)
        unknown = Door("shop_api", "node-2", "not an address", 80)
        said = closed_doors([opened, closed, unknown])
    assert list(said) == [closed, unknown] and said[closed] == "Connection refused" and said[unknown]
    assert closed_doors([]) == {}
