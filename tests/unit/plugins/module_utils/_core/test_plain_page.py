"""A page of plain data: all is shown, nothing is run."""

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.plain_page import plain_page


def test_facts_problems_and_tables_are_shown_and_escaped():
    page = plain_page(
        {
            "title": "shop <live>",
            "facts": {"releases": 2},
            "problems": [{"severity": "critical", "message": "it is down", "hint": ""}],
            "tables": [{"title": "Releases", "columns": {"version": "version", "diff": "what()"}, "rows": [{"version": "v1", "diff": "<b>"}], "note": "all"}],
        }
    )
    assert "shop &lt;live&gt;" in page and "<b>2</b><span>releases</span>" in page
    assert '<li class="crit"><b>critical</b> it is down' in page
    assert "<th>version</th><th>what</th>" in page and "<td>v1</td><td><code>&lt;b&gt;</code></td>" in page


def test_a_title_is_enough():
    assert "Nothing needs attention." in plain_page({"title": "empty"})
