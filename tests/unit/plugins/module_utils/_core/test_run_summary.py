from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.run_outcome import STATUSES
from ansible_collections.runbook.compose.plugins.module_utils._core.run_summary import WIDTH, run_summary, seconds


def step(name: str, status: str = "ok", milliseconds: int = 10, host: str = "one") -> dict:
    return {"name": name, "status": status, "duration_ms": milliseconds, "host": host}


def record(*steps: dict, **changes) -> dict:
    made = {
        "playbook": "playbooks/incident/rollback.yml",
        "environment": "production",
        "check_mode": False,
        "result": "succeeded",
        "duration_ms": 12_400,
        "unfinished": [],
        "failure": {},
        "plays": [{"steps": list(steps)}],
    }
    return {**made, **changes}


def test_a_good_run_reads_as_a_table():
    told = run_summary(record(step("Stage"), step("Not now", "skipped"), step("Run it", "changed", 9_000)), ".local/runs/a.json")
    assert told == [
        "playbooks/incident/rollback.yml in production: succeeded after 12.4 s, record .local/runs/a.json",
        "STEP    HOST  RESULT    TIME",
        "Stage   one   ok       0.0 s",
        "Run it  one   changed  9.0 s  slow",
    ]


def test_a_failed_run_ends_with_the_failure_and_its_cause():
    trouble = {"host": "one", "step": "End", "reason": "failed", "msg": "v2 is not live. " + "word " * 30}
    cause = {"host": "one", "step": "Prove", "reason": "probe_dead", "msg": "refused\nread the log"}
    told = run_summary(record(failure={**trouble, "cause": cause}, result="failed"), "")
    assert told[1] == "FAILED one: End (failed)"
    assert told[2].startswith("  v2 is not live. word")
    assert told[-3:] == ["CAUSE one: Prove (probe_dead)", "  refused", "  read the log"]


def test_a_cause_that_the_failure_repeats_is_only_named():
    cause = {"host": "one", "step": "Prove", "reason": "probe_dead", "msg": "refused"}
    failure = {"host": "one", "step": "End", "reason": "failed", "msg": "Not live: refused", "cause": cause}
    told = run_summary(record(failure=failure), "")
    assert told[1:] == ["FAILED one: End (failed)", "  Not live: refused", "CAUSE one: Prove (probe_dead)"]


def test_a_run_without_environment_or_in_check_mode_says_so():
    assert run_summary(record(environment="", check_mode=True), "")[0].startswith("playbooks/incident/rollback.yml, check mode: succ")


def test_what_was_not_finished_is_named():
    unfinished = [{"host": "one", "step": "Replace", "since": "2026-11-21T03:00:00.000Z"}]
    assert "UNFINISHED one: Replace, since 2026-11-21T03:00:00.000Z" in run_summary(record(unfinished=unfinished), "")


def test_a_long_path_gets_a_line_of_its_own_and_stays_whole():
    path = "/var/lib/ci/" + "x" * 120 + ".json"
    assert run_summary(record(), path)[1] == f"record {path}"


def test_a_long_run_folds_quick_steps_that_changed_nothing():
    steps = [step(f"Look {number}") for number in range(60)]
    told = run_summary(record(*steps, step("Change", "changed"), step("Wait", "ok", 5_000)), "")
    assert [line.split()[0] for line in told] == ["playbooks/incident/rollback.yml", "STEP", "Change", "Wait", "and"]
    assert told[-1] == "and 60 quick steps that changed nothing (0.6 s together)"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0.0 s"), (59_940, "59.9 s"), (60_000, "1 min 00 s"), (3_599_000, "59 min 59 s"), (3_725_400, "1 h 02 min")],
)
def test_durations_read_well(milliseconds, text):
    assert seconds(milliseconds) == text


@given(
    st.lists(
        st.builds(step, st.text(min_size=1, max_size=200), st.sampled_from(STATUSES), st.integers(0, 10**7), st.text(min_size=1, max_size=50)),
        max_size=60,
    )
)
def test_no_line_is_wider_than_the_page(steps):
    assert all(len(line) <= WIDTH and "\n" not in line for line in run_summary(record(*steps), ".local/runs/a.json"))
