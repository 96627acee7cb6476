"""The page about a Postgres, from what the modules' documentation says that they return."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.runbook.compose.plugins.filter.postgres_report import FilterModule
from tests.support.samples import documented_sample

LOOKED, GROWN = documented_sample("postgres_info"), documented_sample("postgres_growth")
page = FilterModule().filters()["postgres_report"]


def titles(html: str) -> list[str]:
    return re.findall(r"<h2>([^<]*)</h2>", html)


def without(*sections: str) -> dict:
    return {name: value for name, value in LOOKED.items() if name not in sections}


def test_every_subject_has_its_part():
    html = page(LOOKED, GROWN, "shop in production")
    assert titles(html) == [
        "Size of the database",
        "Free space of its disk",
        "Connections when looked at",
        "Connections by state",
        "Databases by size",
        "Found in the cache",
        "Largest tables",
        "Largest indexes",
        "Time by statement",
        "Wasted space by table",
        "Growth of tables",
        "Who is connected",
        "Within 10 s",
        "Within 10 s: what was done to tables",
        "What is done to tables",
        "Use of indexes",
        "Slow statements",
        "Indexes that nobody used",
        "Bloat",
        "Sessions that work or hold a transaction",
    ]
    assert "<title>shop in production</title>" in html
    for shown in ("42 of 97", "50 MiB", "99.9 %", "3 sessions wait for locks", "DROP INDEX CONCURRENTLY", "10\u202f240 days", "1 MiB"):
        assert shown in html, shown


def test_what_was_not_asked_for_or_could_not_be_read_is_left_out():
    assert set(titles(page(LOOKED))) - set(titles(page(without("tables", "bloat")))) == {
        "Largest tables",
        "What is done to tables",
        "Wasted space by table",
        "Bloat",
    }
    assert titles(page({"problems": [], "tables": None, "bloat": None})) == []


def row_of(html: str, title: str, first: str) -> list[str]:
    """The cells of the row that begins with ``first``, in the table below ``title``."""
    table = html.split(f"<h2>{title}</h2>")[1].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in table.split("<tr>")]
    return next(row for row in rows if row and row[0] == first)


def test_what_happened_within_the_interval_is_told_a_second_and_for_each_table():
    html = page(LOOKED)
    assert row_of(html, "Within 10 s", "commits") == ["commits", "52.1"]
    assert row_of(html, "Within 10 s", "log bytes") == ["log bytes", "10 KiB"]
    assert row_of(html, "Within 10 s: what was done to tables", "orders") == ["orders", "101", "40", "0", "0", "0", "521"]
    assert "99.9 % of the blocks were found in the cache. Deadlocks: 0." in html
    rates = {**LOOKED["change"]["rates"], "log_bytes_per_second": None}
    replica = page({**LOOKED, "change": {**LOOKED["change"], "rates": rates, "hit_percent": None, "tables": []}})
    assert row_of(replica, "Within 10 s", "log bytes") == ["log bytes", "–"]
    assert "no block was wanted" in replica and "Nothing to show." in replica


def test_an_interval_in_which_the_counters_were_reset_is_told_as_such():
    change = {"valid": False, "seconds": 10.0, "rates": {}, "hit_percent": None, "deadlocks": None, "tables": []}
    html = page({"problems": [], "change": change})
    assert titles(html) == ["Within 10 s"]
    assert "It is not known: the counters were reset meanwhile." in html


def test_without_an_interval_there_is_none():
    assert not [title for title in titles(page(without("change"))) if title.startswith("Within")]


def test_statements_that_are_not_counted_say_how():
    html = page({"problems": [], "statements": {"available": False, "hint": "Preload it.", "statements": []}})
    assert "Preload it." in html and "Nothing to show." in html


def test_one_look_makes_no_forecast():
    growth = {**GROWN["growth"], "looks": 1}
    assert page(LOOKED, {**GROWN, "growth": growth}).count("unknown yet") == 2
    full = {**GROWN["growth"], "days_until_full": None}
    assert "does not grow" in page(LOOKED, {**GROWN, "growth": full})


@pytest.mark.parametrize("given", [None, "text", {}, {"growth": {}}])
def test_what_is_no_result_is_refused(given):
    with pytest.raises(AnsibleFilterError):
        page(given)
    with pytest.raises(AnsibleFilterError):
        page(LOOKED, {"rows": []})
