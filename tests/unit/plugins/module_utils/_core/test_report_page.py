"""The page: complete, escaped, and without anything from elsewhere."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

from ansible_collections.runbook.compose.plugins.module_utils._core.report_page import Bars, Column, Lines, Page, Table, render
from ansible_collections.runbook.compose.plugins.module_utils._core.report_plots import Series, bar_plot, line_plot

HOSTILE = '<script>alert("x")</script>&\'"'
START = datetime(2026, 11, 1)
POINTS = [(START + timedelta(days=number), 2**30 + number * 2**20) for number in range(4)]


class Outline(HTMLParser):
    """Tags of a page, and whether each that was opened was closed."""

    EMPTY = ("meta", "line", "rect", "circle", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in self.EMPTY or self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)


def page(text: str = "plain") -> str:
    parts = (
        Lines(text, (Series(text, POINTS), Series("allowed", POINTS)), "bytes"),
        Bars(text, [(text, 3.0)], "count", note=text),
        Table(text, (Column(text, "a", "code"), Column("n", "n", "count")), [{"a": text, "n": 3}, {"a": None}], note=text),
        Table("empty", (Column("a", "a"),), []),
    )
    return render(Page(text, text, ((text, text),), ({"severity": "critical", "message": text, "hint": text},), parts))


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    return found


def test_whatever_comes_from_outside_is_text():
    found = outline(page(HOSTILE))
    assert found.open == []
    assert "script" not in found.tags
    assert found.tags == outline(page()).tags


def test_nothing_is_fetched_from_elsewhere():
    assert not re.search(r"https?://|//[a-z]|url\(|@import|src=|href=", page())


def test_plots_are_valid_and_say_what_they_show():
    plot = ElementTree.fromstring(line_plot("Size", (Series("shop", POINTS),), "bytes"))
    assert plot.get("aria-label") == "Size: shop 1 GiB last"
    assert len(plot.findall("circle")) == len(POINTS)
    bars = ElementTree.fromstring(bar_plot("Tables", [("public.t", 4.0), ("a" * 60, 2.0)], "count"))
    widths = [float(drawn.get("width")) for drawn in bars.findall("rect")]
    assert widths[0] == 2 * widths[1]


def test_a_single_point_and_no_point_are_drawn():
    assert "<circle" in line_plot("Size", (Series("shop", POINTS[:1]),), "bytes")
    assert "No values yet" in line_plot("Size", (Series("shop", []),), "bytes")
    assert "Nothing to show" in bar_plot("Tables", [], "count")


def test_without_problems_the_page_says_so():
    assert "Nothing needs attention." in render(Page("t", "s", (), (), ()))
