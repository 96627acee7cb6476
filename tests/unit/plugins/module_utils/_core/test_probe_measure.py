from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.probe import parse_probe
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_measure import Measured, parse_measure
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_report import Track, probe_result
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_verdict import NOT_READY, OK, Judgement
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor


def track(*total_ms: float, failed: tuple = (), **limits: float) -> Track:
    made = Track(parse_probe({"name": "page", "url": "http://host", "measure": {"requests": 20, **limits}}))
    made.record([Judgement(OK, latency_ms=2.0)], 2.0)
    made.measured = Measured(made.probe.measure, connect_ms=[0.5] * len(total_ms), failed=list(failed))
    for value in total_ms:
        made.measured.good(value, None)
    return made


def told(made: Track) -> dict:
    return probe_result([made], 1, 5.0, Redactor())["probes"][0]


def test_without_limits_it_only_tells():
    result = told(track(*range(1, 21)))
    assert (result["verdict"], result["message"]) == ("ok", "")
    assert (result["measured"]["p50_ms"], result["measured"]["p95_ms"], result["measured"]["requests"]) == (10, 19, 20)


def test_a_crossed_limit_is_too_slow_and_says_by_how_much():
    result = told(track(*range(1, 21), max_p95_ms=18.0, max_p99_ms=30.0, max_connect_p95_ms=0.2))
    assert result["verdict"] == "too_slow"
    assert result["message"] == "expected p95 within 18 ms, got 19.0 ms over 20 requests; expected connect p95 within 0.2 ms, got 0.5 ms over 20 requests"


def test_a_timed_request_that_fails_counts_more_than_any_percentile():
    result = told(track(1, 2, failed=((NOT_READY, "expected status 2xx, got 503"),), max_p95_ms=1.0))
    assert result["verdict"] == "not_ready"
    assert result["message"].startswith("1 of 3 timed requests failed: expected status 2xx, got 503; expected p95")
    assert result["measured"]["failed_requests"] == 1


def test_nothing_is_measured_of_what_is_not_asked_for():
    assert parse_measure("it", None) is None
    assert parse_measure("it", {"requests": 5}).seconds == 10.0


def test_the_table_has_percentiles_only_when_there_are_any():
    plain = Track(parse_probe({"name": "plain", "url": "http://host"}))
    plain.record([Judgement(OK, latency_ms=2.0)], 2.0)
    assert "P95" not in probe_result([plain], 1, 5.0, Redactor())["matrix"]
    header, first, second = probe_result([plain, track(3.0, 4.0)], 1, 5.0, Redactor())["matrix"].splitlines()
    assert header.split()[6:9] == ["P50", "P95", "P99"]
    assert first.split()[-4:] == ["-", "-", "-", "-"] and "3.0 ms  4.0 ms  4.0 ms  0.5 ms" in second
