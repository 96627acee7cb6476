from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.latencies import percentile, percentiles


def test_a_percentile_is_a_value_that_was_measured():
    samples = [float(number) for number in range(100, 0, -1)]
    assert [percentile(samples, percent) for percent in (50, 95, 99, 100)] == [50.0, 95.0, 99.0, 100.0]
    assert [percentile([7.0], percent) for percent in (0, 50, 100)] == [7.0, 7.0, 7.0]
    assert percentiles([1.04, 2.06]) == {"p50": 1.0, "p95": 2.1, "p99": 2.1, "max": 2.1}


def test_nothing_has_no_percentiles():
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None, "max": None}
