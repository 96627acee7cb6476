from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor
from ansible_collections.runbook.compose.plugins.module_utils._core.run_outcome import STATUSES, TROUBLE, Outcome
from ansible_collections.runbook.compose.plugins.module_utils._core.run_record import RunLog, Step

BEGAN = datetime(2026, 11, 21, 3, 0, 0, 250_000, tzinfo=timezone.utc)


def log() -> RunLog:
    made = RunLog(BEGAN)
    made.play_started("Deploy", ["one", "two"], 0.0)
    return made


def end(made: RunLog, name: str, status: str = "ok", host: str = "one", at: float = 1.0, **step) -> None:
    reason = step.pop("reason", "failed" if status in TROUBLE else "")
    key = (host, f"id of {name}")
    made.step_started(key, name, at - 0.5)
    made.step_ended(key, Step(name, "module", host, **step), Outcome(status, reason, f"{name} said"), at)


def record(made: RunLog, result: str = "", at: float = 9.0, secrets: tuple = (), **facts) -> dict:
    return made.record(facts, result or made.result(), at, Redactor(secrets))


def test_times_are_utc_and_durations_milliseconds():
    made = log()
    end(made, "First", at=2.0)
    told = record(made)
    assert (told["started_at"], told["finished_at"]) == ("2026-11-21T03:00:00.250Z", "2026-11-21T03:00:09.250Z")
    (step,) = told["plays"][0]["steps"]
    assert (step["started_at"], step["duration_ms"]) == ("2026-11-21T03:00:01.750Z", 500)


def test_a_running_record_is_not_finished_and_names_what_it_does():
    made = log()
    made.step_started(("one", "id"), "Replace", 3.0)
    told = record(made, "running")
    assert (told["result"], told["finished_at"]) == ("running", "")
    assert told["unfinished"] == [{"step": "Replace", "host": "one", "since": "2026-11-21T03:00:03.250Z"}]


def test_a_new_play_leaves_nothing_unfinished():
    made = log()
    made.step_started(("one", "id"), "Ended without a result", 1.0)
    made.play_started("Second", ["one"], 2.0)
    assert record(made)["unfinished"] == []


def test_a_dropped_step_is_not_told():
    made = log()
    made.step_started(("one", "id"), "Bring in", 1.0)
    made.step_dropped(("one", "id"))
    told = record(made)
    assert told["unfinished"] == [] and told["plays"][0]["steps"] == []


@pytest.mark.parametrize(
    ("statuses", "result"),
    [
        ([], "succeeded"),
        (["ok", "changed", "skipped", "rescued", "ignored"], "succeeded"),
        (["ok", "unreachable"], "unreachable"),
        (["unreachable", "failed"], "failed"),
    ],
)
def test_the_result_follows_from_what_nothing_rescued(statuses, result):
    made = log()
    for position, status in enumerate(statuses):
        end(made, f"Step {position}", status)
    assert made.result() == result


def test_the_first_trouble_that_nothing_rescued_is_the_failure():
    made = log()
    end(made, "Rescued", "rescued", rescued_by="A")
    end(made, "Away", "unreachable", host="two", reason="unreachable")
    end(made, "Broken", "failed")
    failure = record(made)["failure"]
    assert failure == {"host": "two", "step": "Away", "reason": "unreachable", "msg": "Away said", "cause": {}}


def test_the_cause_is_followed_through_nested_rescues_to_its_root():
    made = log()
    end(made, "Earlier, and mended", "rescued", rescued_by="other")
    end(made, "Probe", "rescued", reason="probe_dead", rescued_by="inner")
    end(made, "Probe", "rescued", host="two", reason="of_another_host", rescued_by="inner")
    end(made, "Return", "rescued", rescued_by="outer", in_rescue_of=("inner",))
    end(made, "End as failed", "failed", in_rescue_of=("outer",))
    failure = record(made)["failure"]
    assert failure["step"] == "End as failed"
    assert failure["cause"] == {"host": "one", "step": "Probe", "reason": "probe_dead", "msg": "Probe said"}


def reported(host: str, reason: object) -> dict:
    return {"_run": {"runbook": {host: {"failure": {"reason": reason}}}}}


@pytest.mark.parametrize(
    ("reason", "custom_stats", "told"),
    [
        ("failed", reported("one", "health_timeout"), "health_timeout"),
        ("disk_budget", reported("one", "health_timeout"), "disk_budget"),  # the step knew it itself
        ("failed", reported("two", "health_timeout"), "failed"),
        ("failed", reported("one", ""), "failed"),
        ("failed", reported("one", 7), "failed"),
        ("failed", {"_run": {"runbook": {"one": {"failure": {}}}}}, "failed"),
        ("failed", {"_run": {"runbook": "of somebody else"}}, "failed"),
        ("failed", {}, "failed"),
    ],
)
def test_a_failure_has_the_reason_that_its_operation_reported(reason, custom_stats, told):
    made = log()
    end(made, "End as failed", "failed", reason=reason)
    assert record(made, custom_stats=custom_stats)["failure"]["reason"] == told


def test_a_good_run_has_no_failure_whatever_was_reported():
    made = log()
    end(made, "Look")
    assert record(made, custom_stats=reported("one", "health_timeout"))["failure"] == {}


def test_a_failure_outside_of_a_rescue_has_no_cause():
    made = log()
    end(made, "Earlier, and mended", "rescued", rescued_by="A")
    end(made, "Broken", "failed", in_rescue_of=("B",))
    assert record(made)["failure"]["cause"] == {}


def test_probes_and_releases_say_where_they_come_from():
    made = log()
    outcome = Outcome("ok", probes=({"name": "api", "verdict": "ok"},), releases=({"id": "0001", "version": "v1"},))
    made.step_ended(("one", "id"), Step("Prove", "module", "one"), outcome, 1.0)
    told = record(made)
    assert told["probes"] == [{"host": "one", "step": "Prove", "name": "api", "verdict": "ok"}]
    assert told["releases"] == [{"host": "one", "step": "Prove", "id": "0001", "version": "v1"}]


def test_what_is_usual_is_left_off_a_step_and_what_is_not_is_told():
    made = log()
    end(made, "Usual")
    step = Step("Unusual", "module", "one", role="deploy", delegated_to="two")
    made.step_ended(("one", "id"), step, Outcome("ok", attempts=3, hidden=True), 1.0)
    usual, unusual = record(made)["plays"][0]["steps"]
    assert unusual.keys() - usual.keys() == {"role", "delegated_to", "attempts", "hidden"}


def test_facts_are_part_of_the_record_and_redacted_like_the_rest():
    class Opaque:
        def __str__(self) -> str:
            return "opaque hunter2"

    made = log()
    end(made, "Say hunter2")
    told = record(made, secrets=("hunter2",), custom_stats={"_run": {"a": Opaque()}})
    assert told["custom_stats"] == {"_run": {"a": "opaque ********"}}
    assert "hunter2" not in str(told)


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.sampled_from(["one", "two"]))))
def test_every_step_is_counted_once_and_only_trouble_that_stays_is_a_failure(ended):
    made = log()
    for position, (status, host) in enumerate(ended):
        end(made, f"Step {position}", status, host=host)
    told = record(made)
    assert sum(sum(counts.values()) for counts in told["hosts"].values()) == len(ended)
    assert bool(told["failure"]) == (told["result"] != "succeeded")
