from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core.certificate_problems import certificate_problems, describe
from ansible_collections.runbook.compose.plugins.module_utils._core.host_thresholds import DEFAULTS
from ansible_collections.runbook.compose.plugins.module_utils._core.x509 import Certificate

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
FILE, ADDRESS = "/etc/shop.pem", "shop.example:443"


def certificate(days: float = 60, begins: float = -1, name: str = "shop.example") -> dict:
    ours = Certificate(name, "Our Authority", (name,), NOW + timedelta(days=begins), NOW + timedelta(days=days), "ab")
    return describe(ours, NOW, "shop.example")


def told(**changes: Any) -> list[tuple[str, str, str]]:
    row = {"file": FILE, "address": ADDRESS, "server_name": "shop.example", "in_file": certificate(), "in_file_chain": [], "file_error": None}
    row.update(served=certificate(), served_error=None, same=True, chain_trusted=True, chain_error="")
    row.update(changes)
    return [(problem.problem, problem.severity, problem.subject) for problem in certificate_problems([row], DEFAULTS)]


ERROR = {"problem": "certificate_missing", "message": "There is none.", "hint": "Look."}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"in_file": certificate(30)}, []),
        ({"in_file": certificate(29.9)}, [("expires_soon", "warning", FILE)]),
        ({"served": certificate(6.9)}, [("expires_soon", "critical", ADDRESS)]),
        ({"served": certificate(-0.1)}, [("expired", "critical", ADDRESS)]),
        ({"in_file": certificate(begins=1)}, [("not_valid_yet", "critical", FILE)]),
        ({"served": certificate(name="other.example")}, [("wrong_name", "critical", ADDRESS)]),
        ({"in_file": None, "file_error": ERROR, "same": None}, [("certificate_missing", "critical", FILE)]),
        ({"served": None, "served_error": ERROR, "same": None}, [("certificate_missing", "critical", ADDRESS)]),
        ({"same": False}, [("not_the_served_one", "warning", ADDRESS)]),
        ({"chain_trusted": False, "chain_error": "self-signed"}, [("chain_untrusted", "critical", ADDRESS)]),
        ({"in_file_chain": [certificate(3, name="R3")]}, [("expires_soon", "critical", f"{FILE} (the certificate of R3 in it)")]),
        ({"in_file": None, "served": certificate(), "same": None}, []),
    ],
)
def test_each_is_told_of_the_place_where_it_is_so(changes, found):
    assert told(**changes) == found


def test_days_are_whole_ones_and_names_count_only_where_one_is_wanted():
    assert (certificate(6.9)["days_left"], certificate(-0.1)["days_left"]) == (6, -1)
    ours = Certificate("x", "y", (), NOW, NOW, "ab")
    assert (describe(ours, NOW, "")["host_matches"], describe(ours, NOW, "x")["host_matches"]) == (None, False)
