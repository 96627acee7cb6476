"""operation_lease and the fence around other modules, in processes of their own; no engine is needed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from tests.support.modules import ROOT, call

_FENCED = """
import sys
from ansible_collections.runbook.compose.plugins.module_utils._adapters.lease_store import fenced
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack
directory, token = sys.argv[1:]
with fenced(Stack("shop", directory, state_dir=directory), token):
    print("acting", flush=True)
    sys.stdin.read()
print("done", flush=True)
"""


class Stack:
    def __init__(self, directory):
        self.directory = directory
        self.options = {"stack_name": "shop", "project_dir": str(directory), "state_dir": str(directory)}

    def lease(self, state: str, check: bool = False, **options) -> dict:
        return call("operation_lease", {**self.options, "state": state, **options}, check=check)

    def hold(self, owner: str = "alice", **options) -> dict:
        return self.lease("held", owner=owner, operation="deploy v2", **options)

    def probe_under(self, token: str, check: bool = False) -> dict:
        """Another module of the collection, told to act only under this lease."""
        return call("env_file", {**self.options, "set": {"A": os.urandom(4).hex()}, "lease_token": token}, check=check)

    def fenced_process(self, token: str) -> subprocess.Popen:
        """Acts until its input is closed."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", _FENCED, str(self.directory), token], text=True, cwd=ROOT / "collections", **pipes)
        assert process.stdout.readline() == "acting\n"
        return process

    def journal(self) -> list[dict]:
        path = self.directory / "shop" / "journal.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def events(self) -> list[str]:
        return [entry["event"] for entry in self.journal()]

    @property
    def file(self):
        return self.directory / "shop" / "leases" / "operation.json"


@pytest.fixture
def stack(tmp_path):
    return Stack(tmp_path)


def test_check_then_do_then_both_again(stack):
    would = stack.lease("held", owner="alice", operation="deploy v2", check=True)
    assert would["changed"]
    assert (would["lease"]["token"], would["lease"]["held"]) == ("", True)
    assert not stack.file.exists()

    taken = stack.hold()
    token = taken["lease"]["token"]
    assert taken["changed"]
    assert [action["action"] for action in taken["actions"]] == ["take"]
    assert taken["diff"]["before"] == {"lease": "operation", "held": False}
    assert len(token) == 32
    assert stat.S_IMODE(stack.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.file.parent.stat().st_mode) == 0o700

    assert not stack.lease("held", owner="alice", lease_token=token, check=True)["changed"]
    renewed = stack.hold(lease_token=token)
    assert not renewed["changed"]
    assert renewed["lease"]["token"] == token
    assert stack.events() == ["lease_taken"]


def test_freeing_check_then_do_then_both_again(stack):
    token = stack.hold()["lease"]["token"]
    assert stack.lease("free", lease_token=token, check=True)["changed"]
    freed = stack.lease("free", lease_token=token, outcome="succeeded")
    assert freed["changed"]
    assert freed["lease"]["held"] is False
    assert not stack.lease("free", lease_token=token, check=True)["changed"]
    assert not stack.lease("free", lease_token=token)["changed"]
    assert stack.events() == ["lease_taken", "lease_freed"]
    assert stack.journal()[-1]["outcome"] == "succeeded"


def test_a_second_run_is_refused_and_a_stranger_cannot_free(stack):
    token = stack.hold(reason="hotfix")["lease"]["token"]
    before = stack.file.read_bytes()
    for check in (True, False):
        refused = stack.lease("held", owner="bob", check=check)
        assert (refused["failed"], refused["reason"], refused["changed"]) == (True, "lease_held", False)
        assert refused["details"]["holder"]["owner"] == "alice"
    for word in ("alice", "deploy v2", "hotfix", "s left", "break_lease"):
        assert word in refused["msg"]
    assert stack.lease("free", lease_token="guess")["reason"] == "lease_not_yours"
    assert token not in json.dumps(refused)
    assert stack.file.read_bytes() == before


def test_breaking_check_then_do_then_again_and_its_owner_learns_of_it(stack):
    token = stack.hold()["lease"]["token"]
    assert stack.lease("broken", owner="bob", reason="it is dead", check=True)["changed"]
    assert stack.probe_under(token)["changed"]
    broken = stack.lease("broken", owner="bob", reason="it is dead")
    assert broken["changed"]
    assert not stack.lease("broken", owner="bob", reason="it is dead")["changed"]
    entry = stack.journal()[-1]
    assert (entry["event"], entry["by"], entry["broken"]["owner"], entry["reason"]) == ("lease_broken", "bob", "alice", "it is dead")

    env = (stack.directory / ".env").read_bytes()
    lost = stack.probe_under(token)
    assert (lost["failed"], lost["reason"]) == (True, "lease_lost")
    assert not lost.get("changed")
    assert "broken by bob" in lost["msg"]
    assert (stack.directory / ".env").read_bytes() == env


@pytest.mark.parametrize(
    "options",
    [
        {"state": "held"},
        {"state": "held", "owner": "  "},
        {"state": "broken", "owner": "bob"},
        {"state": "broken", "reason": "why"},
        {"state": "held", "owner": "a", "expires_after": 1},
        {"state": "held", "owner": "a", "expires_after": 86401},
        {"state": "held", "owner": "a", "wait": -1},
        {"state": "held", "owner": "a", "lease": "../x"},
        {"state": "held", "owner": "a", "stack_name": "No Name"},
    ],
)
def test_bad_input_touches_nothing(stack, options):
    refused = call("operation_lease", {**stack.options, **options})
    assert (refused["failed"], refused["reason"]) == (True, "bad_input")
    assert list(stack.directory.iterdir()) == []


def test_a_state_directory_that_cannot_be_made_is_said(stack):
    (stack.directory / "file").write_text("")
    refused = call("operation_lease", {**stack.options, "state_dir": str(stack.directory / "file"), "state": "held", "owner": "a"})
    assert refused["reason"] == "state_unwritable"


@pytest.mark.parametrize("damage", [b'{"holder": ', b"", b"\xff\xfe", b"[]"])
def test_a_damaged_file_refuses_until_it_is_broken(stack, damage):
    stack.hold()
    stack.file.write_bytes(damage)
    assert stack.hold("bob")["reason"] == "lease_unreadable"
    assert stack.lease("broken", owner="bob", reason="damaged")["changed"]
    assert stack.hold("bob")["changed"]


def test_of_many_that_start_at_once_one_gets_it(stack):
    results: list[dict] = []
    threads = [threading.Thread(target=lambda name=name: results.append(stack.hold(name))) for name in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [result for result in results if not result["failed"]]
    assert len(winners) == 1
    assert {result["reason"] for result in results if result["failed"]} == {"lease_held"}
    assert stack.events() == ["lease_taken"]


def test_waiting_ends_when_the_lease_is_free_or_the_time_is_up(stack):
    stack.hold(expires_after=2)
    patient = stack.hold("bob", wait=60)
    assert patient["changed"]
    assert [action["action"] for action in patient["actions"]] == ["take_over"]
    assert stack.events() == ["lease_taken", "lease_taken_over"]
    assert stack.journal()[-1]["expired"]["owner"] == "alice"
    began = time.monotonic()
    assert stack.hold("carol", wait=1)["reason"] == "lease_held"
    assert time.monotonic() - began >= 1


def test_other_leases_do_not_exclude_each_other(stack):
    assert stack.hold()["changed"]
    assert stack.lease("held", owner="bob", lease="drain-api")["lease"]["name"] == "drain-api"
    assert (stack.file.parent / "drain-api.json").exists()


def test_a_module_acts_only_under_a_lease_that_is_held(stack):
    assert stack.probe_under("unknown")["reason"] == "lease_lost"
    token = stack.hold()["lease"]["token"]
    assert stack.probe_under(token)["changed"]
    stack.lease("free", lease_token=token)
    assert stack.probe_under(token)["reason"] == "lease_lost"
    assert not stack.probe_under(token, check=True)["failed"]


def test_a_module_renews_the_lease_when_it_acts(stack):
    taken = stack.hold(expires_after=60)["lease"]
    before = json.loads(stack.file.read_text())["holder"]["boottime_until"]
    stack.probe_under(taken["token"])
    assert json.loads(stack.file.read_text())["holder"]["boottime_until"] > before


def test_work_that_takes_longer_than_the_lease_keeps_it(stack):
    token = stack.hold(expires_after=8)["lease"]["token"]
    first_until = json.loads(stack.file.read_text())["holder"]["boottime_until"]
    process = stack.fenced_process(token)
    while time.clock_gettime(time.CLOCK_BOOTTIME) <= first_until:
        time.sleep(0.1)
    assert stack.hold("bob")["reason"] == "lease_held"
    assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 0


def test_when_the_process_is_killed_the_target_ends_the_lease(stack):
    token = stack.hold(expires_after=8)["lease"]["token"]
    process = stack.fenced_process(token)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert stack.hold("bob")["reason"] == "lease_held"
    taken = stack.hold("bob", wait=60)  # longer than the lease, and shorter than any renewal would allow
    assert taken["changed"]
    assert stack.journal()[-1]["event"] == "lease_taken_over"
    process.communicate()


def test_a_lease_that_is_lost_while_acting_is_told_afterwards(stack):
    token = stack.hold(expires_after=60)["lease"]["token"]
    process = stack.fenced_process(token)
    stack.lease("broken", owner="bob", reason="I must go first")
    assert stack.hold("bob")["changed"]
    output, errors = process.communicate(timeout=60)
    assert output == ""
    assert process.returncode != 0
    assert "LeaseLost" in errors
    assert "broken by bob" in errors
    assert json.loads(stack.file.read_text())["holder"]["owner"] == "bob"
