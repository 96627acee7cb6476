from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.load_report import LoadOverLimits, Sent, load_result, problems_of
from ansible_collections.runbook.compose.plugins.module_utils._core.load_request import LoadRequest, LoadTargetRefused
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor

DEFAULTS = {
    "url": "http://127.0.0.1:8080/", "via": "host", "declared": [], "method": "GET", "count": 100, "rate": 0.0, "concurrency": 4,
    "seconds": 60.0, "connections": "kept", "show_headers": [], "limits": None,
}  # fmt: skip


def asked(**options) -> LoadRequest:
    return LoadRequest.from_params({**DEFAULTS, **options})


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]:80/", "https://shop.example/ping"])
def test_load_goes_to_this_host_and_to_what_is_declared(url):
    assert asked(url=url, declared=["https://shop.example/health", "nonsense", "http://[::1"]).count == 100


@pytest.mark.parametrize("url", ["http://shop.example/", "https://shop.example:8443/", "https://other.example/", "http://10.0.0.1/"])
def test_load_goes_nowhere_else(url):
    with pytest.raises(LoadTargetRefused, match="nothing was sent"):
        asked(url=url, declared=["https://shop.example/health"])


def test_a_service_of_the_stack_is_no_host():
    assert asked(url="http://api:3000/", via="network").probe.needs_engine


@pytest.mark.parametrize(
    "options",
    [
        {"count": 0}, {"count": 100_001}, {"concurrency": 0}, {"concurrency": 65}, {"seconds": 0}, {"seconds": 601}, {"rate": -1}, {"url": "tcp://127.0.0.1:1"},
        {"url": "ws://127.0.0.1/"}, {"limits": {"max_p95_ms": -1.0}}, {"url": "http://127.0.0.1/\n"}, {"seconds": float("nan")},
    ],
)  # fmt: skip
def test_load_is_bounded(options):
    with pytest.raises(BadInput):
        asked(**options)


def test_no_more_threads_than_requests():
    assert asked(count=2, concurrency=8).concurrency == 2


SENT = [
    Sent(3, 429, "", 1.0, (("retry-after", "1"), ("x-key", "secret-of-it"))),
    Sent(1, 200, "", 2.0),
    Sent(4, 429, "", 1.0, (("retry-after", "9"),)),
    Sent(2, 200, "", 4.0),
    Sent(5, cause="timeout"),
]


def test_statuses_come_in_the_order_of_sending_with_the_headers_of_the_first():
    result = load_result(asked(show_headers=["Retry-After", "X-Key"]), SENT, 2.0, Redactor(["secret-of-it"]))
    assert result["by_status"] == [
        {"status": 200, "count": 2, "first": 1, "headers": {}},
        {"status": 429, "count": 2, "first": 3, "headers": {"retry-after": "1", "x-key": "********"}},
    ]
    assert (result["statuses"], result["failures"], result["good"], result["error_percent"]) == ({"200": 2, "429": 2}, {"timeout": 1}, 2, 60.0)
    assert (result["latency_ms"]["p50"], result["latency_ms"]["max"], result["rate"]) == (1.0, 4.0, 2.5)


def test_limits_that_are_crossed_are_told_with_all_that_was_measured():
    request = asked(limits={"max_error_percent": 50.0, "max_p95_ms": 3.0, "max_p99_ms": None})
    result = load_result(request, SENT, 2.0, Redactor())
    problems = problems_of(request, result)
    assert problems == ["expected errors of at most 50%, got 60%", "expected p95 of at most 3 ms, got 4 ms"]
    failed = LoadOverLimits(result, problems).to_result()
    assert (failed["reason"], failed["requests"], failed["details"]["problems"]) == ("load_over_limits", 5, problems)


def test_nothing_sent_crosses_nothing():
    request = asked(limits={"max_error_percent": 0.0, "max_p95_ms": 0.0})
    assert problems_of(request, load_result(request, [], 0.0, Redactor())) == []
