"""Connections as the kernel lists them."""

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.tcp_table import parse_connections, towards

FOUR = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0000000000000000 100 0 0 10 0
   1: 020014AC:C350 030014AC:0BB8 01 00000000:00000000 00:00000000 00000000    33        0 101 1 0000000000000000 20 4 0 10 -1
   2: 020014AC:C353 050014AC:0BB8 02 00000000:00000001 01:0000004E 00000001    33        0 104 2 0000000000000000 200 4 0 10 -1
   3: 020014AC:C351 030014AC:0BB8 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0000000000000000
"""
SIX = """  sl  local_address                         remote_address                        st
   0: 0000000000000000FFFF0000020014AC:C352 0000000000000000FFFF0000040014AC:0BB8 01 00000000:00000000 00:00000000 00000000 33 0 102 1
   1: B80D0120000000000000000001000000:C353 B80D0120000000000000000002000000:0050 01 00000000:00000000 00:00000000 00000000 33 0 103 1
"""


def test_open_connections_with_their_other_end():
    assert [(one.remote, one.inode) for one in parse_connections(FOUR)] == [(("172.20.0.3", 3000), "101"), (("172.20.0.5", 3000), "104")]
    assert [one.remote for one in parse_connections(SIX)] == [("172.20.0.4", 3000), ("2001:db8::2", 80)]


def test_only_those_towards_a_place():
    found = [*parse_connections(FOUR), *parse_connections(SIX)]
    assert [one.inode for one in towards(found, [("172.20.0.3", 3000), ("2001:0db8:0::2", 80)])] == ["101", "103"]
    assert towards(found, [("172.20.0.3", 80)]) == towards(found, []) == []
