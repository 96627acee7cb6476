"""What nginx is given: nothing that was not checked, nothing too long, and at rest just what the miniature ships."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core import edge_page
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_errors import EdgeMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_rendering import EdgeFiles, facts_of
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_site import EdgeSite, parse_networks
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_traffic import Allowed, Attack, Backend, Maintenance, Pool, Traffic, iso
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack

ROOT = Path(__file__).resolve().parents[5]
NOW = datetime(2026, 3, 1, 12, 0, 7, tzinfo=timezone.utc)
STACK = Stack("shop", "/srv/shop")
EDGE = {"pools": {"api": {"port": 3000}}, "health_paths": ["/health", "/a.b"], "operators": {"secret": "0123456789abcdef", "addresses": ["10.1.2.3/8", "::1"]}}
SITE = EdgeSite.of(STACK, EDGE)


def rendered(traffic: Traffic = Traffic(), site: EdgeSite = SITE, **options: object) -> str:
    return "".join(EdgeFiles(site, **options).render(traffic, NOW).values())


def closed(minutes: float = 30, **words: object) -> Traffic:
    return Traffic(maintenance=Maintenance(iso(NOW + timedelta(minutes=minutes)), **words))


def test_what_the_miniature_ships_is_what_its_inventory_has_at_rest():
    described = yaml.safe_load((ROOT / "inventories/local/group_vars/stack/stack.yml").read_text())["stack_edge"]
    for name, text in EdgeFiles(EdgeSite.of(STACK, described)).render(Traffic(), NOW).items():
        assert (ROOT / "tests/systems/miniature/stack/edge" / name).read_text() == text


def test_pools_rest_by_name_and_are_pinned_by_address():
    assert 'map $host $runbook_api { default "api:3000"; }' in rendered()
    pool = Pool((Backend("a", "172.20.0.2", 3000, 9), Backend("b", "fd00::2", 3000, 1), Backend("c", "172.20.0.4", 3000, 0)))
    text = rendered(Traffic({"api": pool}))
    assert 'map $host $runbook_api { default "runbook_api_pinned"; }' in text and "server [fd00::2]:3000 weight=1 " in text
    assert "server 172.20.0.4:3000 down;" in text
    host = EdgeSite.of(STACK, {**EDGE, "kind": "host", "prefix": "shop", "pools": {"my-api": {"port": 3000, "server": "127.0.0.1:3000"}}})
    text = rendered(site=host)
    assert "upstream shop_my_api {\n    server 127.0.0.1:3000;" in text and "runbook_api" not in text and host.mounted_as == "/srv/shop/edge"


def test_who_passes_and_what_is_exempt():
    text = rendered(closed())
    assert '"~^0123456789abcdef$" "1";' in text and "10.0.0.0/8 1;" in text and "::1 1;" in text
    assert '"~^/a\\\\.b$" "1";' in text.partition("$runbook_open_path {")[2].partition("}")[0]
    assert "a\\\\.b" not in rendered(closed(exempt_health=False)).partition("$runbook_open_path {")[2].partition("}")[0]
    assert "zone=runbook_attack:2m rate=7r/s" in rendered(Traffic(attack=Attack(7, 3))) and "burst=3 " in rendered(Traffic(attack=Attack(7, 3)))
    assert rendered(Traffic(allowed=(Allowed("192.0.2.7"),))).count("192.0.2.7 1;") == 2
    assert "0123456789abcdef" not in repr(SITE)


def test_a_share_of_the_clients_is_let_in_by_their_address():
    assert "split_clients" not in rendered(closed()) and "admitted" not in rendered(closed()) + rendered()
    text = rendered(closed(admits=10, since="2026-03-01T12:00:00Z"))
    assert 'split_clients "$remote_addr 2026-03-01T12:00:00Z" $runbook_admitted {\n    10% "1";\n    * "0";\n}' in text
    assert "map $runbook_operator$runbook_passes$runbook_open_path$runbook_admitted $runbook_closed {" in text


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=600),
)
def test_no_words_of_a_notice_become_words_of_nginx_and_the_json_says_them(title, notice):
    text = EdgeFiles(SITE).render(closed(title=title, notice=notice), NOW)["traffic.conf"]
    body = ""
    for name in ("html", "json"):
        pieces = re.findall(rf'\$runbook_{name}_\d+ {{ default "((?:[^"\\]|\\.)*)"; }}', text, re.DOTALL)
        assert pieces and all(len(piece.encode()) < 4000 and "$" not in piece for piece in pieces)
        body = re.sub(r"\\(.)", r"\1", "".join(pieces))
    told = json.loads(body + "7}")
    assert (told["title"], told["message"]) == (title or edge_page.TITLE, notice or edge_page.NOTICE) and told["retry_after"] == 7


@given(st.integers(1, 24 * 3600) | st.integers(1, 10**8), st.integers(0, 10**6))
def test_the_seconds_to_come_again_in_are_never_early_and_late_by_one_block_at_most(length, offset):
    now = NOW + timedelta(seconds=offset)
    end = int(now.timestamp()) + length
    table, after = edge_page.retry_after(Maintenance(iso(now + timedelta(seconds=length))), now)
    assert after == 30 and len(table) < 600
    for second in {int(now.timestamp()), end - 1, *(int(now.timestamp()) + length * part // 7 for part in range(7))}:
        told = [left for digits, left in table if str(second).startswith(digits)]
        left = end - second
        assert len(told) == 1 and left <= told[0] < left + next(10**power for power in range(1, 8) if left <= 59 * 10**power)


def test_what_the_workers_say_is_read_and_anything_else_is_nothing():
    assert facts_of("generation=12 allowed=1 operator=0\n") == {"generation": 12, "allowed": True, "operator": False}
    assert facts_of("<html>") == facts_of("") == {}


@pytest.mark.parametrize(
    "change",
    [
        {"pools": {"api": {}}},
        {"pools": {"api": {"port": 70000}}},
        {"pools": {"api;": {"port": 1}}},
        {"pools": {"a-b": {"port": 1}, "a_b": {"port": 1}}},
        {"pools": {"closed": {"port": 1}}},
        {"pools": {"api": {"port": 3000, "server": "a b:1"}}},
        {"kind": "host"},
        {"health_paths": ["/a b"]},
        {"health_paths": ["health"]},
        {"operators": {"secret": "short"}},
        {"operators": {"secret": 'x"}' + "y" * 20}},
        {"operators": {"header": "X Y"}},
        {"operators": {"addresses": ["office"]}},
        {"attack": {"rate": -1}},
        {"prefix": "X"},
        {"mounted_as": "/etc/{x}"},
    ],
)
def test_what_could_break_the_configuration_is_refused(change):
    with pytest.raises(BadInput):
        EdgeSite.of(STACK, {**EDGE, **change})


def test_no_edge_is_told_with_the_alternatives_and_words_have_to_fit():
    for given_edge in (None, {}):
        with pytest.raises(EdgeMissing) as raised:
            EdgeSite.of(STACK, given_edge)
        assert "stack_edge" in raised.value.hint
    for title, notice in (("x" * 81, ""), ("", "x" * 601), ("a\nb", ""), ("", "a\u2028b"), ("half \ud83d", "")):
        with pytest.raises(BadInput):
            edge_page.check_words(title, notice)
    assert parse_networks(["10.1.2.3/8", "10.0.0.0/8", " 192.0.2.1 "], "x") == ("10.0.0.0/8", "192.0.2.1")
