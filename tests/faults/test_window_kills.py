"""A maintenance window whose run is killed with SIGKILL in each phase: what the target does alone, and how the same change goes on."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.modules import ROOT
from tests.support.stacks import unique_name
from tests.support.windows import WindowStack, wait_until_gone

TABLE = ROOT / ".local" / "window-kill-matrix.txt"
# Nobody waits until a lease ends by itself (time_passes), and none does while it has to live: that of a window anyway is longer.
LEASE = {"operation_lease_seconds": 900, "maintenance_window_lease_seconds": 900}


@dataclass(frozen=True)
class Found:
    """What was found after a kill, and after the target had looked."""

    phase: str
    half_applied: str
    page: bool
    job: int
    after: str
    page_after: bool
    version: str

    def row(self, task: str) -> str:
        ends = "opens the edge" if self.page or self.phase == "proven" else "ends the window" if self.after != self.phase else "does nothing"
        did = "keeps the page, alarms" if self.after == "abandoned" else ends
        closed = {True: "closed", False: "open"}
        return f"{task:<52} {self.phase:<9} {self.half_applied:<7} {closed[self.page]:<7} {did:<23} {closed[self.page_after]:<7} {self.version or 503}"


class Killed:
    def __init__(self, stack: WindowStack) -> None:
        self.stack = stack
        self.rows: list[str] = []

    def kill(self, task: str, tags: str, change: str, *tasks: dict, **variables: object) -> Found:
        """Runs it until a task, kills it there, waits for its last module, and lets the target look once both leases are over."""
        stack = self.stack
        asked = stack.window(tags, change, *tasks, **LEASE, **variables)
        asked["environment"].update(
            ANSIBLE_CALLBACK_PLUGINS=str(Path(__file__).parent / "callback_plugins"),
            ANSIBLE_CALLBACKS_ENABLED="kill_at_task",
            KILL_TASKS_FILE=str(stack.directory / "tasks.txt"),
            KILL_AT_NAME=task,
            KILLED_RUN=f"{stack.name}-{len(self.rows)}-of-the-matrix",
        )
        said = stack.directory / "killed.log"
        with said.open("wb") as output:
            run = stack.start("maintenance/window", stdout=output.fileno(), **asked)
            ended = run.wait(timeout=900)
        assert ended == -signal.SIGKILL, said.read_text()[-2000:]
        wait_until_gone(asked["environment"]["KILLED_RUN"])
        before, page = stack.kept(), self.closed()
        planned = tags == "before"  # there is no job yet
        assert planned or (stack.tick().returncode == 0 and stack.kept()["phase"] == before["phase"])  # its leases still live
        stack.time_passes()
        job = 0 if planned else stack.tick().returncode
        found = Found(before["phase"], before["half_applied"], page, job, stack.kept()["phase"], self.closed(), stack.version())
        self.rows.append(found.row(task))
        return found

    def closed(self) -> bool:
        return self.stack.ask("/").status == 503


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    stack = WindowStack(tmp_path_factory.mktemp("killed"), unique_name("killed-window"))
    try:
        stack.must("deploy/install", version="v1")
        yield Killed(stack)
    finally:
        stack.remove()


def test_the_target_ends_what_a_killed_run_left_by_the_phase_table(killed):
    """T95"""
    stack = killed.stack
    nothing = stack.root / "nothing.yml"
    nothing.write_text("---\n- name: Do nothing\n  ansible.builtin.debug:\n    msg: nothing\n")
    swap, schema = {"release": "v2"}, {"release": "v1", "half_applied": "schema"}

    planned = killed.kill("Measure how the stack answers now", "before", "CHG-0", swap)
    assert (planned.phase, planned.after, planned.page, planned.version, stack.told()) == ("planned", "planned", False, "v1", [])
    closing = killed.kill("Close the edge", "during", "CHG-1", swap)
    assert (closing.phase, closing.after, closing.page_after, closing.version) == ("open", "closed", False, "v1")
    registered = killed.kill("Register the release without touching what runs", "during", "CHG-2", swap)
    assert (registered.half_applied, registered.after, registered.page_after, registered.version) == ("swap", "closed", False, "v1")

    replaced = killed.kill("Replace what changed and wait until it is healthy", "during", "CHG-3", swap)
    assert (replaced.phase, replaced.half_applied, replaced.page, replaced.job) == ("working", "swap", True, 1)
    assert (replaced.after, replaced.page_after, stack.told()[-1]) == ("abandoned", True, "window_kept")
    proven = killed.kill("Say that all is done and answers", "during", "CHG-3", swap)  # the same change goes on
    assert (proven.page, proven.after, proven.page_after, proven.version) == (True, "closed", False, "v2")
    assert stack.verdicts()["v2"] == "verified" and stack.kept()["outcome"] == "expired"

    between = killed.kill("Register the release without touching what runs", "during", "CHG-4", schema)
    assert (between.half_applied, between.after, between.page_after) == ("schema", "abandoned", True)
    watching = killed.kill("Watch how the stack answers", "during,after", "CHG-4", schema)
    assert (watching.phase, watching.page, watching.after, watching.version) == ("watching", False, "closed", "v1")

    half = {"maintenance_window_return": {"steps": [50, 100], "hold": 1}}
    returning = killed.kill("Watch how the stack answers operators meanwhile", "during,after", "CHG-5", {"file": str(nothing), "half_applied": "none"}, **half)
    assert (returning.phase, returning.after, returning.page_after, returning.version) == ("proven", "closed", False, "v1")
    assert stack.traffic(check=True)["traffic"]["maintenance"] is None

    events = [json.loads(line) for line in (stack.project.state_dir / stack.name / "journal.ndjson").read_text().splitlines()]
    did = [event["action"] for event in events if event["event"] == "maintenance_window"]
    assert [did.count(action) for action in ("lift", "alarm", "take_over", "close")] == [4, 2, 2, 1]
    os.makedirs(TABLE.parent, exist_ok=True)
    head = f"{'KILLED AT':<52} {'PHASE':<9} {'HALF':<7} {'EDGE':<7} {'THE TARGET':<23} {'EDGE':<7} ANSWERS"
    TABLE.write_text("\n".join([head, *killed.rows]) + "\n")
    print(TABLE.read_text())
