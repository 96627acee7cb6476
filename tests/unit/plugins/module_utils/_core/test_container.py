"""What is read of the engine's description of a container."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.container import parse_container

SECOND = 10**9


@pytest.mark.parametrize(
    ("healthcheck", "seconds"),
    [
        (None, 30 + 3 * 60),
        ({"Test": ["CMD", "true"]}, 30 + 3 * 60),
        ({"Interval": 3 * SECOND, "Timeout": 2 * SECOND, "Retries": 4, "StartPeriod": 10 * SECOND}, 10 + 2 + 4 * 5),
        ({"Interval": SECOND // 2, "Timeout": SECOND, "Retries": 1}, 2.5),
    ],
)
def test_how_long_a_container_can_be_starting_is_said_by_its_check(healthcheck, seconds):
    assert parse_container({"Id": "a", "Config": {"Healthcheck": healthcheck}}).longest_start == seconds
