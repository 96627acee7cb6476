"""health/functional.yml against a gateway that really limits and really breaks."""

from __future__ import annotations

import pytest

from tests.support.gateway import Gateway
from tests.support.stacks import unique_name

URL = "http://127.0.0.1:{{ stack_edge_port }}"
REDIS = {
    "keys": {"breaker": {"key": "circuit-breaker"}, "limits": {"prefix": "ratelimit:", "key_of": "ratelimit:{client}"}},
    "circuit_breaker": {"family": "breaker"},
}
LIMIT = {
    "request": {"url": f"{URL}/work?ms=0"},
    "capacity_variable": "RATE_LIMIT_CAPACITY",
    "refill_variable": "RATE_LIMIT_REFILL_RATE",
    "family": "limits",
    "of": "{{ measuring | default('') }}",
    "retry_after": True,
    "concurrency": 1,  # the API reads and writes its counter in two steps
}
BREAKER = {
    "fails": {"url": "http://api:3000/proxy/fail", "via": "network"},
    "works": {"url": f"{URL}/proxy/ok", "json": {"circuit_breaker": "CLOSED"}},
    "threshold": 3,
    "open_within_ms": 5000,
    "reset_seconds_variable": "CIRCUIT_BREAKER_RESET_TIMEOUT_SECONDS",
}
CHECKS = {"rate_limit": LIMIT, "circuit_breaker": BREAKER}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    env = {"RATE_LIMIT_CAPACITY": "40", "RATE_LIMIT_REFILL_RATE": "0.5"}  # what comes back while we send is no matter, even when that takes long
    made = Gateway(tmp_path_factory.mktemp("functional"), unique_name("functional"), breaker_seconds=8, env=env, **REDIS)
    try:
        made.project.up()
        made.measuring = list(made.stack.containers("redis")[0]["NetworkSettings"]["Networks"].values())[0]["Gateway"]
        yield made
    finally:
        made.remove()


def test_a_smoke_test_shows_all_answers_and_fails_for_any(gateway):
    good = {"name": "works", "url": f"{URL}/work?ms=0", "json": {"worked_ms": 0}, "max_latency_ms": 20_000}
    bad = {"name": "an order", "url": f"{URL}/api/v1/orders", "method": "POST", "body": {"sku": "smoke-test"}, "status": ["201"]}
    proven = gateway.must("health/functional", stack_smoke=[good])
    assert (proven.told["result"]["healthy"], proven.told["result"]["probes"][0]["role"], proven.changed) == (True, "smoke", 0)
    failed = gateway.play(
        "health/functional", stack_smoke=[bad, good, {**good, "name": "slow", "url": f"{URL}/work?ms=50", "json": None, "max_latency_ms": 40}]
    )
    told = {probe["name"]: (probe["verdict"], probe["attempts"]) for probe in failed.told["result"]["probes"]}
    assert told == {"an order": ("wrong_answer", 1), "works": ("ok", 1), "slow": ("too_slow", 1)}
    assert (failed.code != 0, failed.failure["reason"]) == (True, "probe_wrong_answer")
    assert "2 of 3 requests" in failed.message and "expected an answer within 40 ms" in failed.message


def test_what_nobody_described_is_not_tested(gateway):
    nothing = gateway.play("health/functional", stack_smoke=[])
    assert (nothing.code != 0, nothing.failure["reason"]) == (True, "check_not_declared")
    unconfirmed = gateway.play("health/functional", kind="rate_limit", runbook_confirm_from="change", stack_checks=CHECKS)
    assert unconfirmed.code != 0 and "confirm=local" in unconfirmed.output
    looked = gateway.start("health/functional", check=True, kind="circuit_breaker", stack_checks=CHECKS)
    output = looked.communicate(timeout=900)[0]
    assert (looked.returncode, gateway.ask("/proxy/ok")[0]) == (0, 200), output


def test_a_rate_limit_holds_and_the_test_takes_its_own_counter_away(gateway):
    """T100."""
    gateway.stack.redis("HSET", "ratelimit:10.0.0.7", "tokens", 7, "last_refill", 1)
    proven = gateway.must("health/functional", kind="rate_limit", stack_checks=CHECKS, measuring=gateway.measuring)
    result = proven.told["result"]
    assert (result["finding"], result["capacity"], result["requests"], proven.changed) == ("ok", 40, 48, 0)
    assert 40 <= result["accepted"] <= result["most"] and result["first_rejected"] > 40 and result["retry_after"] == "1"
    assert result["refilled"] is True and set(result["statuses"]) == {"200", "429"}
    assert gateway.count("ratelimit:") == {"ratelimit:": 1}, "that of somebody else"

    lenient = {**LIMIT, "capacity": 10, "refill": 0}
    failed = gateway.play("health/functional", kind="rate_limit", stack_checks={"rate_limit": lenient}, measuring=gateway.measuring)
    assert (failed.failure["reason"], failed.told["result"]["finding"]) == ("limit_misbehaves", "not_enforced")
    assert gateway.count("ratelimit:") == {"ratelimit:": 1}


def test_a_breaker_opens_refuses_at_once_and_closes_again(gateway):
    proven = gateway.must("health/functional", kind="circuit_breaker", stack_checks=CHECKS)
    result = proven.told["result"]
    assert (result["failures_sent"], result["refused_with"], [one["state"] for one in result["open"]]) == ({"502": 3}, 503, ["OPEN"])
    assert (result["reset_seconds"], [one["state"] for one in result["now"]], proven.changed) == (8, ["CLOSED"], 0)
    assert result["refused_within_ms"] < 5000 and result["half_open_after_seconds"] >= 8 and result["statuses"]["200"] == 2
    assert gateway.ask("/proxy/ok") == (200, {"circuit_breaker": "CLOSED"})


def test_both_are_tried_before_users_come(gateway):
    """T206: one that fails keeps none from being run after it, each says its own reason, and the worst decides."""
    others = ["configuration", "health", "logs", "redis_persistence", "backup_restore", "test_suite", "monitoring", "smoke", "load"]
    checks = {"rate_limit": {**LIMIT, "capacity": 10, "refill": 0}, "circuit_breaker": BREAKER}
    found = gateway.play("deploy/golive", stack_checks=checks, measuring=gateway.measuring, stack_release={"golive": {"without": others}})
    told = {one["check"]: one for one in found.told["result"]["checks"]}
    assert (found.code != 0, found.reason, found.told["result"]["ready"]) == (True, "golive_failed", False), found.output
    assert [told[name]["verdict"] for name in others] == ["left out"] * 9
    assert (told["rate_limit"]["verdict"], told["rate_limit"]["cause"]) == ("failed", "limit_misbehaves"), told
    assert (told["circuit_breaker"]["verdict"], told["circuit_breaker"]["cause"]) == ("passed", ""), told
    assert gateway.ask("/proxy/ok") == (200, {"circuit_breaker": "CLOSED"})


def test_a_breaker_that_does_otherwise_is_told_and_reset(gateway):
    """T101."""
    never = {**BREAKER, "works": {"url": f"{URL}/proxy/fail"}, "grace_seconds": 0}
    failed = gateway.play("health/functional", kind="circuit_breaker", stack_checks={"circuit_breaker": never})
    assert failed.failure["reason"] == "breaker_misbehaves" and "Wait until it lets one through" in failed.message
    assert gateway.ask("/proxy/ok") == (200, {"circuit_breaker": "CLOSED"}), "it was reset"

    gateway.stack.redis("HSET", "circuit-breaker", "state", "OPEN", "failures", 9, "opened_at", 99999999999)
    refused = gateway.play("health/functional", kind="circuit_breaker", stack_checks=CHECKS)
    assert refused.failure["reason"] == "breaker_open" and "nothing was sent" in refused.message
    assert gateway.stack.redis("HGET", "circuit-breaker", "state") == b"OPEN", "it is not ours to reset"
    gateway.stack.redis("DEL", "circuit-breaker")
