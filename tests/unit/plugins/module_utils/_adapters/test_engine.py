"""Whether an engine sees the files of this host."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.engine import Engine


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("unix:///var/run/docker.sock", True), ("http+unix:///run/user/1000/docker.sock", True), ("tcp://10.0.0.1:2376", False),
        ("ssh://root@shop-1", False), ("https://unix:///x", False),
    ],
)  # fmt: skip
def test_only_a_socket_of_this_host_is_local(address, local):
    assert Engine(None, address).is_local is local
