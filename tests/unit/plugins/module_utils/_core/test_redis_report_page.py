"""The page about a Redis, from what the module's documentation says that it returns."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.runbook.compose.plugins.filter.redis_report import FilterModule
from tests.support.samples import documented_sample

LOOKED = documented_sample("redis_info")
page = FilterModule().filters()["redis_report"]


def titles(html: str) -> list[str]:
    return re.findall(r"<h2>([^<]*)</h2>", html)


def without(*sections: str) -> dict:
    return {name: value for name, value in LOOKED.items() if name not in sections}


def test_every_subject_has_its_part():
    html = page(LOOKED, "shop in production")
    assert titles(html) == [
        "Memory by prefix",
        "Keys with and without expiry",
        "Time by command",
        "Connections by client",
        "Biggest prefixes",
        "Databases",
        "Commands",
        "Who is connected",
        "Within 10 s",
        "Within 10 s: commands",
        "Commands as they came",
        "Slow commands",
        "Latency that the server noticed",
        "Persistence",
        "Replicas",
        "Memory",
    ]
    assert "<title>shop in production</title>" in html
    for shown in ("92 MiB of 100 MiB", "96 %", "92 % of maxmemory are used", "10\u202f000 of 120\u202f000 keys (8.3 %)", "session:", "820", "no latency spike"):
        assert shown in html, shown


def test_what_was_not_asked_for_or_could_not_be_read_is_left_out():
    html = page(without("prefixes", "slowlog", "observed", "change"))
    assert {"Memory by prefix", "Biggest prefixes", "Slow commands", "Commands as they came", "Within 10 s"} & set(titles(html)) == set()
    assert titles(page({"problems": [], "memory": None, "slowlog": None, "observed": None})) == []


def test_what_is_not_known_is_not_invented():
    unknown = {"dir": "", "on_volume": None, "volume": "", "save_points": None, "last_save_at": None, "last_save_age_seconds": None}
    html = page(
        {
            **LOOKED,
            "hits": {"hits": 0, "misses": 0, "hit_percent": None},
            "memory": {**LOOKED["memory"], "maxmemory_bytes": 0, "container_limit_bytes": None, "fragmentation_ratio": None},
            "persistence": {**LOOKED["persistence"], **unknown},
            "change": {**LOOKED["change"], "hit_percent": None},
            "latency": {**LOOKED["latency"], "ping_median_ms": None, "doctor": None},
        }
    )
    for shown in ("n/a", "no limit", "unknown", "nothing was read"):
        assert shown in html, shown
    reset = page({"problems": [], "change": {"valid": False, "seconds": 10.0}})
    assert "It is not known: the server was restarted" in reset


def test_a_key_that_is_markup_is_shown_as_text():
    prefixes = {**LOOKED["prefixes"], "prefixes": [{**LOOKED["prefixes"]["prefixes"][0], "prefix": "<script>:"}]}
    html = page({"problems": [], "prefixes": prefixes})
    assert "<script" not in html and "&lt;script&gt;:" in html


@pytest.mark.parametrize("given", [None, "text", {}, []])
def test_what_is_no_result_is_refused(given):
    with pytest.raises(AnsibleFilterError):
        page(given)
