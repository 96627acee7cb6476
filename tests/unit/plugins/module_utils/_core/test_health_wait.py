"""When a service is ready, and when waiting for it has no sense any more."""

from __future__ import annotations

import pytest

from tests.support.service_samples import MODEL, container

from ansible_collections.runbook.compose.plugins.module_utils._core.health_wait import (
    READY,
    HealthTimeout,
    Look,
    ServiceExited,
    Terms,
    failure,
    judge,
    judge_service,
    worst_of,
)

HEALTHY, STARTED = Terms(MODEL, settle_ms=500), Terms(MODEL, settle_ms=500, until="started")


def look(service="store", check="unknown", first=0, running_ms=100, **changes) -> Look:
    return Look(container(service, **changes), first, check, running_ms)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (look(health="healthy"), "ready"),
        (look(health="starting"), "waiting"),
        (look(health="starting", check="failed"), "waiting"),
        (look(health="starting", check="passed"), "ready"),
        (look(health="unhealthy"), "waiting"),
        (look(health="unhealthy", check="failed"), "failed"),
        (look(health="unhealthy", check="passed"), "waiting"),
        (look("edge", running_ms=499), "waiting"),
        (look("edge", running_ms=500), "ready"),
        (look("edge", state="created"), "waiting"),
        (look("edge", state="paused"), "waiting"),
        (look("edge", state="exited", exit_code=0), "failed"),
        (look("edge", state="dead"), "failed"),
        (look("edge", state="restarting"), "failed"),
        (look("edge", restart_count=1, running_ms=900), "failed"),
        (look("edge", restart_count=1, first=1, running_ms=900), "ready"),
        (look("migrate", state="running", running_ms=900), "waiting"),
        (look("migrate", state="exited", exit_code=0), "ready"),
        (look("migrate", state="exited", exit_code=1), "failed"),
    ],
)
def test_one_container(seen, verdict):
    assert judge(seen, HEALTHY).verdict == verdict


def test_started_asks_for_no_health_and_no_end():
    assert judge(look(health="starting", running_ms=500), STARTED) == READY
    assert judge(look("migrate", state="running", running_ms=500), STARTED) == READY
    assert judge(look(health="starting", running_ms=499), STARTED).verdict == "waiting"
    assert judge(look(health="healthy", state="exited"), STARTED).verdict == "failed"


def test_a_service_is_as_ready_as_its_worst_container():
    good, slow, bad = look(health="healthy"), look(health="starting"), look(state="exited", exit_code=3)
    assert judge_service([good, good], HEALTHY, 2) == READY
    assert judge_service([good, slow], HEALTHY, 2).verdict == "waiting"
    assert judge_service([good, slow, bad], HEALTHY, 3).problem == ServiceExited.reason
    assert judge_service([good], HEALTHY, 2).message == "1 of 2 containers are there"
    assert judge_service([], HEALTHY, 0) == READY
    assert worst_of([good, bad, slow], HEALTHY)[0] is bad.container
    assert worst_of([], HEALTHY) is None


def test_an_end_says_how():
    verdict = judge(look(state="exited", exit_code=137, oom_killed=True), HEALTHY)
    assert verdict.message == "shop-store-1 ended (exit code 137, killed for lack of memory)"


def test_the_error_has_the_reason_and_the_evidence():
    error = failure(HealthTimeout.reason, "late", "look", {"service": "store"})
    assert error.to_result() == {"msg": "late look", "reason": "health_timeout", "details": {"service": "store"}}
