"""Runs that do not come to their own end, and places where no record can be kept."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.support.runs import CONFIG, Runs, steps


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


SLEEPER = """
    - name: Wait
      hosts: one
      gather_facts: false
      tasks:
        - {name: Begin, ansible.builtin.command: 'true'}
        - name: Sleep
          ansible.builtin.command:
            argv: [sh, -c, touch asleep; exec sleep 30]
            chdir: "{{ playbook_dir }}"
"""


def in_sleep(record: dict) -> bool:
    return any(entry["step"] == "Sleep" for entry in record["unfinished"])


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_how_far_it_came(runs, ending):
    started = runs.start(SLEEPER)
    runs.wait_for(in_sleep)
    started.send_signal(ending)
    started.communicate(timeout=40)
    record = runs.record()
    assert (record["result"], record["pid"], record["finished_at"]) == ("running", started.pid, "")
    assert steps(record) == [("Begin", "one", "changed")]
    assert [(entry["step"], entry["host"]) for entry in record["unfinished"]] == [("Sleep", "one")]


def test_a_run_that_is_stopped_from_the_keyboard_says_so(runs, tmp_path):
    started = runs.start(SLEEPER)
    runs.wait_for(in_sleep)
    # Ansible forks for a task after it told us of it, and a signal during a fork is lost.
    until = time.monotonic() + 30
    while not list(tmp_path.rglob("asleep")):
        assert time.monotonic() < until, "the task did not begin"
        time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    output = started.communicate(timeout=40)[0]
    record = runs.record()
    assert started.returncode == 99, output
    assert record["result"] == "interrupted" and record["finished_at"]
    assert "shop.yml in staging: interrupted" in output and "UNFINISHED one: Sleep" in output


def test_the_place_and_the_table_can_be_chosen(runs, tmp_path):
    look = "- {hosts: one, gather_facts: false, tasks: [{name: Look, ansible.builtin.debug: {msg: x}}]}"
    runs.write("ansible.cfg", CONFIG + "\n    [run_record]\n    directory = elsewhere\n    summary = none\n")
    output = runs.start(look).communicate(timeout=60)[0]
    assert "shop.yml in staging" not in output
    assert len(list((tmp_path / "elsewhere").glob("*.json"))) == 1
    runs.start(look, RUNBOOK_RECORD_DIRECTORY=str(tmp_path / "third")).communicate(timeout=60)
    assert len(list((tmp_path / "third").glob("*.json"))) == 1 and runs.files() == []


def test_a_directory_that_cannot_be_written_warns_and_the_run_goes_on(runs, tmp_path):
    (tmp_path / "taken").write_text("a file")
    started = runs.start(
        "- {hosts: one, gather_facts: false, tasks: [{name: Look, ansible.builtin.debug: {msg: it-ran}}]}",
        RUNBOOK_RECORD_DIRECTORY=str(tmp_path / "taken" / "runs"),
    )
    output = started.communicate(timeout=60)[0]
    assert started.returncode == 0 and "it-ran" in output
    assert output.count("There is no complete record of this run") == 1
    assert "Traceback" not in output
