"""How far it is, as people read it: from files that another process writes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.progress_lines import ProgressTeller, parse_progress, progress_line

GIB = 2**30


def record(**facts) -> dict:
    return {"subject": "shop", "phase": "dumping", "process": 7, "started": "a", "written": "b", **facts}


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({}, "shop: dumping"),
        ({"bytes": GIB // 2, "expected_bytes": GIB}, "shop: dumping, 512.0 MiB of about 1.0 GiB (50 %)"),
        ({"bytes": GIB, "expected_bytes": GIB, "rate_bytes_per_second": 2**20}, "shop: dumping, 1.0 GiB, 1.0 MiB/s"),
        (
            {"bytes": 1, "expected_bytes": 3, "rate_bytes_per_second": 1, "estimate_seconds": 90},
            "shop: dumping, 1 B of about 3 B (33 %), 1 B/s, 1 min 30 s left",
        ),
        ({"bytes": "many", "estimate_seconds": None, "phase": "comparing"}, "shop: comparing"),
    ],
)
def test_the_line(facts, line):
    assert progress_line(record(**facts)) == line


def test_only_what_moves_is_told():
    teller, stale = ProgressTeller(), json.dumps(record(process=1, subject="dead"))
    assert teller.lines(stale) == []
    assert teller.lines(stale + json.dumps(record(bytes=1))) == ["shop: dumping, 1 B"]
    assert teller.lines(stale + "\n" + json.dumps(record(bytes=1))) == []
    assert teller.lines(stale + "\r\n" + json.dumps(record(bytes=2))) == ["shop: dumping, 2 B"]
    assert teller.lines("cat: no such file") == []


@given(st.one_of(st.text(), st.builds(lambda head, tail: json.dumps(head) + tail, st.recursive(st.none() | st.integers() | st.text(), st.lists), st.text())))
def test_whatever_is_read_there_is_never_an_error(text):
    assert isinstance(ProgressTeller().lines(text), list)
    assert all(isinstance(progress_line(one), str) for one in parse_progress(text))


def test_what_is_no_bytes_is_counted_by_its_own_word():
    record = {"subject": "0-prefix", "phase": "deleting", "unit": "keys", "keys": 5000, "expected_keys": 20_000, "rate_keys_per_second": 1000}
    assert progress_line(record) == "0-prefix: deleting, 5,000 keys of about 20,000 keys (25 %), 1,000 keys/s"
    teller = ProgressTeller()
    assert teller.lines(json.dumps(record)) == []
    assert len(teller.lines(json.dumps({**record, "keys": 6000}))) == 1
