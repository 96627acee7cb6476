"""What was measured, and whether it is worse than before."""

from __future__ import annotations

import contextlib

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.window_watch import Answered, BaselineUseless, Limits, breaches, require_useful, summary


def test_a_summary_counts_and_ranks():
    answers = [Answered(True, float(value)) for value in range(1, 101)] + [Answered(False, 9000.0)]
    found = summary(answers, 12.34)
    assert (found["requests"], found["errors"], found["error_percent"], found["p50_ms"], found["p95_ms"], found["seconds"]) == (101, 1, 0.99, 50.0, 95.0, 12.3)
    assert summary([], 0)["p95_ms"] == summary([Answered(False, 1.0)], 0)["p95_ms"] == 0.0


@pytest.mark.parametrize(
    ("seen", "before", "expected"),
    [
        ({"requests": 100, "error_percent": 1.0, "p95_ms": 10.0}, {"error_percent": 0.0, "p95_ms": 10.0}, 0),
        ({"requests": 100, "error_percent": 1.1, "p95_ms": 10.0}, {"error_percent": 0.0, "p95_ms": 10.0}, 1),
        ({"requests": 100, "error_percent": 5.5, "p95_ms": 10.0}, {"error_percent": 5.0, "p95_ms": 10.0}, 0),
        ({"requests": 100, "error_percent": 0.0, "p95_ms": 250.0}, {"error_percent": 0.0, "p95_ms": 10.0}, 0),  # the floor
        ({"requests": 100, "error_percent": 0.0, "p95_ms": 401.0}, {"error_percent": 0.0, "p95_ms": 200.0}, 1),
        ({"requests": 100, "error_percent": 2.0, "p95_ms": 9000.0}, {}, 1),  # nothing was measured before
        ({"requests": 4, "error_percent": 25.0, "p95_ms": 9000.0}, {"error_percent": 0.0, "p95_ms": 10.0}, 0),  # too few to say much
        ({"requests": 4, "error_percent": 75.0, "p95_ms": 0.0}, {}, 1),
        ({"requests": 3, "error_percent": 100.0, "p95_ms": 0.0}, {"error_percent": 100.0, "p95_ms": 0.0}, 0),
        ({"requests": 0, "error_percent": 0.0, "p95_ms": 0.0}, {}, 1),
    ],
)
def test_only_what_is_worse_than_before_counts(seen, before, expected):
    assert len(breaches(seen, before, Limits())) == expected


@pytest.mark.parametrize(("requests", "errors", "useful"), [(20, 0, True), (20, 9, True), (20, 10, False), (2, 2, False), (0, 0, False)])
def test_a_baseline_that_nothing_could_be_worse_than_is_refused(requests, errors, useful):
    with contextlib.nullcontext() if useful else pytest.raises(BaselineUseless):
        require_useful({"requests": requests, "errors": errors})


@pytest.mark.parametrize("wrong", [{"errors": 1}, {"p95_factor": 0.5}, {"error_percent": "many"}, {"error_percent": 101}])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(BadInput):
        Limits.of(wrong)


def test_limits_may_be_given_one_by_one():
    assert Limits.of({"p95_factor": 3}) == Limits(p95_factor=3.0) and Limits.of({}) == Limits()
