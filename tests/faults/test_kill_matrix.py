"""A deploy and a rollback, killed with SIGKILL at each task that can matter and run again: what answers, and whether it converges."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Iterator

from ansible_collections.runbook.compose.plugins.module_utils._adapters.lease_store import LeaseStore
from ansible_collections.runbook.compose.plugins.module_utils._core.lease import LeaseRecord, Moment
from ansible_collections.runbook.compose.plugins.module_utils._core.lease_change import LeaseChange
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack
from tests.support.modules import ROOT
from tests.support.operated import OperatedStack
from tests.support.stacks import docker, unique_name
from tests.support.windows import wait_until_gone

# Nobody waits for the killed run's lease to end by itself: that it is over is written down once the last of that run is gone.
KILLED = {"runbook_operator": "killed@matrix"}
PATIENCE = {"operation_lease_wait": 600}
FIRST = "Take the operation lease"  # before it, nothing can have been touched
TABLE = ROOT / ".local" / "kill-matrix.txt"
# What runs on the controller alone changes nothing on the target: one of several such tasks in a row stands for all of them.
ON_THE_CONTROLLER = {
    f"ansible.builtin.{action}" for action in ("assert", "debug", "fail", "include_role", "include_tasks", "set_fact", "set_stats", "validate_argument_spec")
}


@dataclass
class Row:
    """One task at which the run was killed, and what was found afterwards."""

    playbook: str
    task: str
    answered: str
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def text(self) -> str:
        again = "; ".join(self.wrong) or "converged"
        return f"{self.playbook:<18} {self.task[:66]:<66} {self.answered or '-':<8} {self.seconds:5.1f} s  {again}"


def marker(tasks: Path) -> str:
    """What is in the environment of everything that a killed run starts."""
    return f"killed-run-of-{tasks.parent}"


def killer(tasks: Path, number: int = 0) -> dict[str, str]:
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "kill_at_task",
        "KILL_TASKS_FILE": str(tasks),
        "KILL_AT_TASK": str(number),
        "KILLED_RUN": marker(tasks),
    }


def stops(stack: OperatedStack, playbook: str, **variables: object) -> list[tuple[int, str]]:
    """Number and name of each task to kill a run at, from the one that takes the lease on; found by a run that nobody kills."""
    listed = stack.directory / "tasks.txt"
    listed.unlink(missing_ok=True)
    run = stack.start(playbook, killer(listed), **variables)
    output = run.communicate(timeout=900)[0]
    assert run.returncode == 0, output
    tasks = [line.split("\t") for line in listed.read_text().splitlines()]
    here = [action in ON_THE_CONTROLLER for action, unused in tasks]
    first = [name for unused, name in tasks].index(f"runbook.compose.operation : {FIRST}")
    return [(number + 1, tasks[number][1]) for number in range(first, len(tasks)) if not (here[number] and here[number - 1])]


def kill_at(stack: OperatedStack, number: int, playbook: str, **variables: object) -> None:
    # The module may still be at work afterwards, as on a remote host, so nothing waits for the end of its output.
    said = stack.directory / "killed.log"
    with said.open("wb") as output:
        run = stack.start(playbook, killer(stack.directory / "killed.txt", number), output.fileno(), **variables, **KILLED)
        ended = run.wait(timeout=900)
    if ended != -signal.SIGKILL:
        raise AssertionError(f"task {number} of {playbook} was not reached: {said.read_text()[-600:]}")


def answer_soon(stack: OperatedStack) -> str:
    """What answers, once a replacement that was under way is through."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if stack.version():
            return stack.version()
        time.sleep(0.2)
    return ""


def settle(stack: OperatedStack, row: Row, playbook: str, wanted: str, **variables: object) -> None:
    """Runs it again and notes everything that is not as it has to be."""
    row.answered = answer_soon(stack)
    if row.answered not in ("v1", "v2"):
        row.wrong.append(f"answered {row.answered or 'nothing'} after the kill")
    began = time.monotonic()
    started = stack.start(playbook, **variables, **PATIENCE)  # it waits for what the killed run left at work
    wait_until_gone(marker(stack.directory / "killed.txt"))
    time_passes(stack)
    again = stack.ended(started)
    row.seconds = time.monotonic() - began
    if again.code != 0:
        row.wrong.append(f"second run failed: {again.message[:200]}")
        return
    ledger = stack.ledger()
    current = [entry for entry in ledger["releases"] if entry["id"] == ledger["current"]]
    found = {
        "answers": (stack.version(), wanted),
        "current": ([(entry["version"], entry["verdict"]) for entry in current], [(wanted, "verified")]),
        "drift": (ledger["drift"], []),
        "staged": (ledger["staged"], ""),
        "lease": (stack.lease_is_free(), True),
        "containers": (containers(stack), ["api", "edge", "postgres", "redis"]),
        "rollout": (open_rollouts(stack), {}),
    }
    row.wrong += [f"{what}: {is_}, not {should}" for what, (is_, should) in found.items() if is_ != should]


def time_passes(stack: OperatedStack) -> None:
    """The lease of the killed run is over, as it would be some minutes later; that of any other run is not touched."""

    def over(record: LeaseRecord, now: Moment) -> LeaseChange:
        holder = record.holder
        if holder is not None and holder.owner == KILLED["runbook_operator"]:
            holder = replace(holder, boottime_until=0.0, until="2020-01-01T00:00:00Z")
        return LeaseChange(record, replace(record, holder=holder))

    LeaseStore(Stack.from_params(stack.project.options)).change(over)


def open_rollouts(stack: OperatedStack) -> dict:
    file = stack.project.state_dir / stack.name / "rollout.json"
    return json.loads(file.read_text())["services"] if file.exists() else {}


def containers(stack: OperatedStack) -> list[str]:
    """One service's name for each of its containers."""
    listed = ["ps", "--all", "--format", '{{.Label "com.docker.compose.service"}}', "--filter", f"label=com.docker.compose.project={stack.name}"]
    return sorted(docker(*listed).split())


@contextlib.contextmanager
def told(row: Row) -> Iterator[None]:
    """Whatever goes wrong is this row's, and the other rows go on. The table grows while the test runs, which takes minutes."""
    try:
        yield
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        row.wrong.append(f"{type(error).__name__}: {error}"[-700:])
    with TABLE.open("a") as table:
        table.write(row.text() + "\n")


def deploys(directory: Path, part: int) -> list[Row]:
    """v1 and v2 in turn: each killed deploy is finished by the second run, which is where the next one begins. Every second task is of one part."""
    stack = OperatedStack(directory, unique_name(f"killed-deploy-{part}"))
    rows = []
    try:
        stack.must("deploy/install", version="v1")
        running = "v2"
        for number, task in stops(stack, "deploy/release", version="v2")[part::2]:
            wanted = "v1" if running == "v2" else "v2"
            row = Row("deploy/release", task, "")
            rows.append(row)
            with told(row):
                kill_at(stack, number, "deploy/release", version=wanted)
                settle(stack, row, "deploy/release", wanted, version=wanted)
            running = wanted
    finally:
        stack.remove()
    return rows


def rollbacks(directory: Path) -> list[Row]:
    """From v2 to v1, killed and finished; then v2 is deployed anew."""
    stack = OperatedStack(directory, unique_name("killed-rollback"))
    rows = []
    try:
        stack.must("deploy/install", version="v1")
        stack.must("deploy/release", version="v2")
        for number, task in stops(stack, "incident/rollback", to="v1"):
            row = Row("incident/rollback", task, "")
            rows.append(row)
            with told(row):
                stack.must("deploy/release", version="v2")
                kill_at(stack, number, "incident/rollback", to="v1")
                settle(stack, row, "incident/rollback", "v1", to="v1")
    finally:
        stack.remove()
    return rows


def test_a_killed_deploy_or_rollback_converges_when_it_is_run_again(tmp_path_factory):
    os.makedirs(TABLE.parent, exist_ok=True)
    TABLE.write_text(f"{'PLAYBOOK':<18} {'KILLED AT':<66} {'ANSWERED':<8} {'AGAIN':>7}  RESULT\n")
    stories = [functools.partial(deploys, part=0), functools.partial(deploys, part=1), rollbacks]
    with ThreadPoolExecutor(max_workers=len(stories)) as pool:
        told_by = [pool.submit(story, tmp_path_factory.mktemp("killed")) for story in stories]
        rows = [row for one in told_by for row in one.result()]
    print(TABLE.read_text())
    assert len(rows) >= 20
    assert [row.text() for row in rows if row.wrong] == []
