"""What a probe asks, and what its answers mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout_probe import (
    Budget,
    Sample,
    can_judge,
    figures,
    longest_gap_ms,
    parse_aim,
    parse_budget,
    percentile,
    spent,
    timeline,
    too_slow,
)


def samples(*entries: tuple[float, float, str], phase: str = "during") -> list[Sample]:
    return [Sample(began, ended, phase, error) for began, ended, error in entries]


def test_an_aim_has_its_defaults_and_the_operators_header():
    aim = parse_aim("http://127.0.0.1:8080/", {"path": "/ready", "headers": {"Host": "shop"}}, {"X-Pass": "secret"})
    assert (aim.host, aim.port, aim.path, aim.rate, aim.post, aim.authority) == ("127.0.0.1", 8080, "/ready", 50, None, "127.0.0.1:8080")
    assert dict(aim.headers) == {"Host": "shop", "X-Pass": "secret"}
    assert parse_aim("https://shop.example", {}, {}).authority == "shop.example"


def test_a_post_has_a_body():
    post = parse_aim("http://h:1", {"post": {"path": "/orders", "body": "{}", "headers": {"A": 1}, "every": 3}}, {}).post
    assert (post.path, post.body, post.headers, post.every) == ("/orders", b"{}", (("A", "1"),), 3)


@pytest.mark.parametrize(
    ("url", "probe"),
    [
        ("ftp://h", {}), ("http://", {}), ("h:80", {}), ("http://h", {"rate": 5000}), ("http://h", {"rate": 0.5}), ("http://h", {"timeout": -1}),
        ("http://h", {"path": "ready"}), ("http://h", {"path": "/a b"}), ("http://h", {"path": "/a\r\nX: y"}), ("http://h", {"post": {"path": "x"}}),
        ("http://h", {"post": {"path": "/x", "every": -1}}),
    ],
)  # fmt: skip
def test_an_aim_that_makes_no_sense_is_refused(url, probe):
    with pytest.raises(BadInput):
        parse_aim(url, probe, {})


@pytest.mark.parametrize("budget", [{"errors": -1}, {"p99_ms": -1}])
def test_a_budget_is_not_negative(budget):
    with pytest.raises(BadInput):
        parse_budget(budget)


def test_a_budget_of_no_error_is_one():
    assert (parse_budget({}), parse_budget({"errors": 0, "p99_ms": 20})) == (Budget(5, 0), Budget(0, 20))


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_its_share_does_not_exceed(values, share):
    found = percentile(values, share)
    assert found in values and sum(1 for one in values if one <= found) >= share * len(values)


def test_a_gap_is_a_time_without_a_good_answer():
    assert longest_gap_ms([]) == 0
    assert longest_gap_ms(samples((0, 0.1, ""), (0.1, 0.2, ""))) == pytest.approx(100)
    assert longest_gap_ms(samples((0, 0.1, ""), (0.1, 0.4, "refused"), (0.5, 0.6, ""))) == pytest.approx(500)
    # Also at the end, and from the first request on.
    assert longest_gap_ms(samples((0, 0.1, ""), (0.1, 2.1, "timeout"))) == pytest.approx(2000)
    assert longest_gap_ms(samples((0, 3, "timeout"), (1, 4, ""))) == pytest.approx(4000)


def test_figures_tell_each_phase_and_each_kind_of_failure():
    first = [*samples((0, 0.01, ""), phase="before"), *samples((1, 1.02, ""), (1.1, 1.2, "status 502"), (1.3, 1.4, "refused"), (1.5, 1.6, "refused"))]
    again = [Sample(100, 100.005, "after", reopened=True)]
    found = figures([first, again])
    assert found == {
        "requests": 6,
        "errors": 3,
        "reopened": 1,
        "longest_gap_ms": 1010,
        "p99_ms": {"before": 10.0, "during": 20.0, "after": 5.0},
        "kinds": {"refused": 2, "status 502": 1},
    }
    assert figures([])["p99_ms"] == {"before": None, "during": None, "after": None}


def test_errors_count_since_the_edge_is_steered():
    before = samples((0, 1, "refused"), (0, 1, "refused"), phase="before")
    assert spent(before, Budget(errors=0)) == "" and not can_judge(before, Budget(errors=1)) and can_judge(before, Budget(errors=2))
    assert spent(samples((0, 1, "refused")), Budget(errors=1)) == ""
    assert "2 requests failed (1 refused, 1 timeout)" in spent(samples((0, 1, "refused"), (0, 1, "timeout")), Budget(errors=1))


def test_a_step_may_be_too_slow():
    step = samples((0, 0.3, ""), (1, 1.1, ""))
    assert too_slow(step, Budget(p99_ms=300)) == too_slow(step, Budget()) == too_slow([], Budget(p99_ms=1)) == ""
    assert "300 ms" in too_slow(step, Budget(p99_ms=299))


def test_a_timeline_has_the_longest_answer_of_each_part():
    assert timeline([]) == []
    found = timeline(samples((0, 0.1, ""), (0.2, 0.4, "refused"), (0.6, 0.7, "")))
    assert [(at, round(ms), errors) for at, ms, errors in found] == [(0.0, 200, 1), (0.5, 100, 0)]
