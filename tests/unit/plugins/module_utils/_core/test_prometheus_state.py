"""What is made of a Prometheus' answers."""

from __future__ import annotations

import json

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core import prometheus_state as state
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

ANSWERS = {
    "targets": {
        "activeTargets": [
            {"labels": {"job": "shop", "instance": "api:3000"}, "health": "down", "lastError": "connection refused"},
            {"labels": {"job": "prometheus", "instance": "localhost:9090"}, "health": "up", "lastError": ""},
            {"scrapePool": "new", "scrapeUrl": "http://new/metrics"},
        ]
    },
    "rules": {
        "groups": [
            {
                "name": "g",
                "rules": [{"name": "Down", "type": "alerting", "health": "ok", "state": "firing"}, {"name": "Bad", "health": "err", "lastError": "no"}],
            }
        ]
    },
    "alertmanagers": {"activeAlertmanagers": [{"url": "http://a"}]},
}


def problems(**expected) -> list[tuple[str, str]]:
    return [(one.problem, one.subject) for one in state.problems_of(state.state_of(ANSWERS), state.Expected(**expected))]


def test_targets_that_are_not_up_and_rules_that_fail_are_problems():
    assert problems() == [("target_down", "http://new/metrics"), ("target_down", "api:3000"), ("rule_failing", "Bad")]


def test_what_is_expected_has_to_be_there():
    assert problems(jobs=("shop", "redis"), rules=("Down", "Slow"), alertmanagers=2)[2:] == [
        ("job_missing", "redis"),
        ("rule_failing", "Bad"),
        ("rule_missing", "Slow"),
        ("alertmanager_missing", ""),
    ]


def test_an_empty_prometheus_watches_nothing():
    empty = state.state_of({"targets": {"activeTargets": None}, "rules": {}, "alertmanagers": {}})
    assert [one.problem for one in state.problems_of(empty, state.Expected())] == ["targets_missing"]
    state.raise_incomplete([])
    with pytest.raises(state.MonitoringIncomplete, match="Job shop has no target"):
        state.raise_incomplete(state.problems_of(empty, state.Expected(jobs=("shop",))))


def test_the_table_counts_what_fires():
    assert "2 rules, 1 of them firing; 1 alertmanagers" in state.monitoring_table(state.state_of(ANSWERS))


def test_only_answers_of_this_api_are_read():
    good = json.dumps({"status": "success", "data": {"groups": []}}).encode()
    assert state.parse_answer("rules", 200, good, True) == {"groups": []}
    bad = [(503, b"down", True), (200, b"<html>", True), (200, b"[]", True), (400, b'{"status": "error", "error": "bad"}', True), (200, good, False)]
    for status, body, complete in bad:
        with pytest.raises(state.PrometheusUnusable):
            state.parse_answer("rules", status, body, complete)


def test_the_request_is_checked():
    asked = {"deadline": 0, "expect_jobs": ["a"], "expect_rules": [], "expect_alertmanagers": 0}
    assert state.Expected.from_params(asked).jobs == ("a",)
    with pytest.raises(BadInput):
        state.Expected.from_params({**asked, "deadline": -1})
