"""What of a resolved project keeps two containers of a service from running at once."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import parse_compose_model


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, False),
        ({"networks": {"default": None}}, False),
        ({"networks": {"default": {"aliases": ["a"]}}}, False),
        ({"networks": {"default": {"ipv4_address": "172.20.0.9"}}}, True),
        ({"networks": {"default": {"ipv6_address": "fd00::9"}}}, True),
        ({"network_mode": "host"}, True),
        ({"network_mode": "service:other"}, True),
        ({"network_mode": "bridge"}, False),
    ],
)
def test_a_place_in_the_network_that_only_one_can_have(body, expected):
    model = parse_compose_model("shop", {"services": {"web": {"image": "web:1", **body}}}, {})
    assert model.service("web").fixed_network is expected
