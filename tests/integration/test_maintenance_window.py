"""maintenance_window: a real compose project that is never started, the real lease, and the target's own job in a Python without Ansible."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.modules import call
from tests.support.serving import serving
from tests.support.window_site import Site


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_check_then_do_then_both_again_all_the_way(site):
    would = site.must("planned", check=True)
    assert would["changed"] and would["diff"]["after"]["phase"] == "planned" and not site.state.exists()
    planned = site.must("planned")
    assert planned["actions"] == would["actions"] and planned["hash"] == would["hash"] == site.record()["plan"]["hash"]
    for check in (True, False):
        assert not site.must("planned", check=check)["changed"]

    site.hold()
    assert site.must("begun", check=True)["window"]["phase"] == "open" and site.record()["phase"] == "planned"
    begun = site.must("begun", approved=planned["hash"], approval="required", approver="bob", minutes=45)
    assert begun["changed"] and begun["under_way"] and begun["window"]["approver"] == "bob"
    for check in (True, False):
        assert not site.must("begun", check=check)["changed"]
    for task in (1, 2):
        site.must("step", task=task, outcome="begun")
        site.must("step", task=task, outcome="done")
    site.must("proven")
    assert 2500 < site.must("look")["window"]["lease_seconds_left"] <= 2700  # nobody may be there until somebody lets traffic back
    assert site.must("watching")["window"]["phase"] == "watching"
    ended = site.must("ended")
    assert ended["changed"] and (ended["window"]["outcome"], ended["under_way"]) == ("succeeded", False)
    assert not site.must("ended")["changed"] and not site.must("look")["changed"]
    assert site.events() == ["plan", "begin", *["begin_task", "end_task"] * 2, "prove", "watch", "end"]
    again = site.window("step", task=1, outcome="begun")
    assert (again["failed"], again["reason"]) == (True, "window_missing") and "succeeded" in again["msg"]
    assert site.must("planned", change="CHG-2")["former"][0]["change"] == "CHG-1"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tasks": [{"dance": True}]}, "bad_input"),
        ({"tasks": []}, "bad_input"),
        ({"tasks": [{"configure": True}]}, "bad_input"),
        ({"limits": {"p95": 2}}, "bad_input"),
        ({"change": ""}, "bad_input"),
        ({"change": "CHG\n1"}, "bad_input"),
        ({"minutes": 0}, "bad_input"),
        ({"alarms": [{"kind": "file", "path": "feed"}]}, "bad_input"),
        ({"hours": [{"from": "1", "to": "02:00"}]}, "bad_input"),
        ({"hours": [{"from": "00:00", "to": "24:00"}], "timezone": "Atlantis/Capital"}, "bad_input"),
        ({"hours": [{"from": "00:00", "to": "00:01"}], "minutes": 2, "timezone": "UTC"}, "outside_hours"),
        ({"approval": "required"}, "approval_missing"),
        ({"approved": "0" * 64}, "plan_drifted"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_written(site, options, reason):
    refused = site.window("begun", **options)
    assert (refused["failed"], refused["reason"]) == (True, reason), refused
    assert not (site.state / "window.json").exists()


def test_hours_can_be_overridden_with_a_reason_and_a_window_planned_for_later(site):
    night = [{"from": "00:00", "to": "24:00"}]
    later = site.must("planned", hours=night, starts_at="2199-01-01T02:00", timezone="UTC")
    assert later["window"]["plan"]["starts_at"] == "2199-01-01T02:00"
    assert site.window("planned", starts_at="2020-01-01T02:00")["reason"] == "bad_input"
    planned = site.must("planned", hours=[{"from": "00:00", "to": "00:01"}], minutes=2, override_reason="CVE-2026-1")
    assert planned["window"]["plan"]["override_reason"] == "CVE-2026-1"


def test_a_second_window_and_a_damaged_one_are_refused(site):
    """T88"""
    site.must("begun")
    for state in ("planned", "begun"):
        refused = site.window(state, change="CHG-2", owner="bob")
        assert (refused["failed"], refused["reason"]) == (True, "window_open") and "CHG-1 of alice" in refused["msg"]
    (site.state / "window.json").write_text("{")
    for state in ("planned", "begun", "ended"):
        assert site.window(state, change="CHG-2")["reason"] == "window_unreadable"
    assert site.expired()["reason"] == "window_unreadable"


def test_values_of_settings_are_neither_kept_nor_shown_and_others_are_another_plan(site):
    """T188"""
    tasks = [{"configure": {"API_KEY": "hunter2hunter2"}, "minutes": 5}]
    planned = site.must("planned", tasks=tasks)
    assert planned["window"]["tasks"][0]["title"] == "configure API_KEY"
    assert site.window("begun", tasks=[{"configure": {"API_KEY": "another"}, "minutes": 5}])["reason"] == "plan_drifted"
    begun = site.must("begun", tasks=tasks, approved=planned["hash"])
    told = json.dumps([planned, begun]) + "".join(path.read_text() for path in site.state.glob("*.*json"))
    assert "hunter2" not in told and "API_KEY" in told


def test_of_two_that_begin_at_once_one_does(site):
    """T88"""
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda change: site.window("begun", change=change), ("CHG-1", "CHG-2")))
    assert sorted(one["failed"] for one in done) == [False, True], done
    assert next(one["reason"] for one in done if one["failed"]) == "window_open" and site.events() == ["begin"]


@pytest.mark.parametrize("state", ["planned", "begun"])
def test_what_is_open_on_the_stack_is_named_and_refuses_a_window_without_a_reason(site, state):
    """T181"""
    rollout = {"service": "api", "strategy": "blue_green", "phase": "baking", "old": ["a"], "began": "2026-11-22T02:00:00Z", "until": ""}
    write_json(site.state / "rollout.json", {"services": {"api": rollout}, "ended": {}})
    write_json(site.state / "postgres" / "restore-1.json", {"run_id": "1", "service": "postgres", "database": "shop", "stage": "swapping"})
    write_json(site.state / "postgres" / "restore-2.json", {"run_id": "2", "service": "postgres", "database": "shop", "stage": "finished"})
    write_json(site.state / "redis" / "restore-3.json", {"run_id": "3", "service": "redis", "stage": "halted"})
    write_json(site.state / "redis" / "restore-4.json", [])
    attack = {"rate": 1, "burst": 2, "until": "", "owner": "", "since": "2026-11-22T02:00:00Z"}
    traffic = {"pools": {}, "maintenance": None, "attack": attack, "allowed": []}
    known = {"generation": 1, "proven": True, "look": "", "written_at": "", "ends": {}, "operators": None}
    write_json(site.state / "edge" / "traffic.json", {"traffic": traffic, **known})
    refused = site.window(state)
    assert (refused["failed"], refused["reason"]) == (True, "incident_open") and not (site.state / "window.json").exists()
    told = refused["details"]["incidents"]
    assert len(told) == 5 and "blue_green rollout of api" in told[0] and "restore 1 of shop of postgres was cut off when it was swapping" in told[1]
    assert "restore 3 of redis" in told[2] and "restore-4.json" in told[3] and "attack" in told[4]
    site.hold()
    plan = site.must(state, incident_reason="it mends that")["window"]["plan"]
    assert (plan["incidents"], plan["incident_reason"]) == (told, "it mends that")
    if state == "begun":  # what is open meanwhile is its own
        site.must("begun")


def test_a_window_does_not_begin_before_it_was_announced_to(site):
    """T184"""
    site.must("planned", starts_at="2199-01-01T02:00", timezone="UTC")
    early = site.window("begun", timezone="UTC")
    assert (early["failed"], early["reason"]) == (True, "outside_hours") and "2199-01-01T02:00" in early["msg"]
    assert site.must("begun", override_reason="CVE-2026-1")["window"]["plan"]["override_reason"] == "CVE-2026-1"


def test_a_stack_that_changed_since_it_was_approved_is_not_touched(site):
    """T89"""
    planned = site.must("planned")
    site.project.set_env(LOG_LEVEL="debug")
    for options in ({}, {"approved": planned["hash"]}):
        refused = site.window("begun", **options)
        assert (refused["failed"], refused["reason"]) == (True, "plan_drifted") and refused["details"]["differences"] == ["files of api"]
    assert site.record()["phase"] == "planned"
    site.project.set_env(LOG_LEVEL="info")
    site.must("begun", approved=planned["hash"])


def test_the_target_leaves_a_window_alone_whose_run_lives_and_ends_one_whose_run_is_gone(site):
    """T90"""
    assert site.expired()["because"] == "no window is under way"
    site.hold()
    site.must("begun")
    assert site.expired()["verdict"] == "nothing"
    assert not call("operation_lease", {**site.project.options, "state": "held", "lease_token": site.token, "owner": "alice", "expires_after": 5})["failed"]
    site.must("begun", expires_after=5)
    deadline = time.monotonic() + 60
    while site.expired()["verdict"] == "nothing":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    ended = site.record()
    assert (ended["phase"], ended["outcome"], ended["lease"]) == ("closed", "expired", None) and site.events() == ["begin", "lift"]
    late = site.window("step", task=1, outcome="begun")  # the run was not dead, only late: its next module does nothing
    assert (late["failed"], late["reason"]) == (True, "lease_lost")
    assert not site.expired()["changed"]


def test_work_that_outlives_its_leases_is_left_alone_by_the_target_and_ends_with_lease_lost(site):
    """T92"""
    site.hold()
    site.must("begun")
    site.must("step", task=1, outcome="begun")
    site.time_passes()
    bob = call("operation_lease", {**site.project.options, "state": "held", "owner": "bob", "operation": "rollback ladder"})["lease"]["token"]
    assert site.expired()["verdict"] == "nothing"  # a person is at work
    assert not call("operation_lease", {**site.project.options, "state": "free", "lease_token": bob})["failed"]
    assert site.expired()["verdict"] == "lift"  # the stack is only files, and they agree with what is there
    refused = site.window("step", task=1, outcome="done")
    assert (refused["failed"], refused["reason"]) == (True, "lease_lost") and "expired" in refused["msg"]


def test_the_job_keeps_the_page_tells_everybody_and_says_so_until_somebody_goes_on(site):
    """T93"""
    assert site.schedule(check=True)["changed"] and site.schedule()["changed"]
    site.hold()
    alarm = {"kind": "file", "name": "status page", "path": str(site.feed)}
    site.must("begun", release_leaves="schema", alarms=[alarm])
    site.must("step", task=1, outcome="begun", release_leaves="schema")
    site.time_passes()
    done = site.tick()
    assert done.returncode == 1 and "(window_kept)" in done.stdout and "task 1 (release v2) was cut off" in done.stdout
    assert site.expired()["reason"] == "window_kept"  # what it says every minute
    (told,) = [json.loads(line) for line in site.feed.read_text().splitlines()]  # once, not every minute
    assert told["event"] == "window_kept" and told["facts"]["half_applied"] == "schema" and "the page stays" in told["subject"]
    assert site.record()["phase"] == "abandoned" and site.record()["kept"]["because"].startswith("task 1")
    status = json.loads((site.state / "schedule" / "maintenance_window.json").read_text())
    assert (status["outcome"], status["reason"], status["failures_in_a_row"]) == ("failed", "window_kept", 1)

    refused = site.window("planned", change="CHG-2", lease_token="")
    assert (refused["failed"], refused["reason"]) == (True, "window_open")
    site.hold()
    taken = site.must("begun", release_leaves="schema")
    assert taken["actions"][0]["action"] == "take_over" and taken["window"]["phase"] == "working" and taken["window"]["number"] == 1
    site.must("step", task=1, outcome="done", release_leaves="schema")
    site.free()
    site.time_passes()
    assert site.expired()["verdict"] == "lift" and site.record()["outcome"] == "expired"


class Answers(BaseHTTPRequestHandler):
    status = 200
    secret = ""

    def do_GET(self):
        self.send_response(type(self).status if self.headers.get("X-Bypass", "") == type(self).secret else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *unused):
        """Nothing is printed."""


@pytest.fixture
def server():
    Answers.status, Answers.secret = 200, ""
    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    with serving(made):
        yield f"http://127.0.0.1:{made.server_port}/health"


def test_what_is_worse_than_before_is_found_early(site, server):
    """T183"""
    site.must("planned")
    measuring = {"urls": [server], "interval": 0.05, "limits": {"p95_floor_ms": 60_000}}  # that this machine is busy is no matter
    Answers.status = 404
    useless = site.window("measured", seconds=1, **measuring)
    assert (useless["failed"], useless["reason"]) == (True, "baseline_useless") and site.record()["baseline"] == {}
    Answers.status = 200
    baseline = site.must("measured", seconds=1, **measuring)
    assert baseline["measured"]["requests"] >= 3 and baseline["measured"]["errors"] == 0
    assert site.record()["baseline"] == baseline["measured"] and not baseline["changed"]
    site.must("begun")
    assert site.record()["baseline"] == baseline["measured"]
    site.must("proven")
    Answers.secret = "0123456789abcdef"
    shut = site.window("measured", seconds=600, **measuring)  # while only a share is let in, operators ask
    assert (shut["failed"], shut["reason"]) == (True, "watch_breached")
    fine = site.must("measured", seconds=1, headers={"X-Bypass": Answers.secret}, **measuring)
    assert fine["breaches"] == [] and Answers.secret not in json.dumps(fine)
    assert site.window("measured", seconds=1, headers={"X-Bypass": "two\r\nlines"}, **measuring)["reason"] == "bad_input"
    Answers.secret = ""
    site.must("watching")
    fine = site.must("measured", seconds=1, **measuring)
    assert fine["breaches"] == [] and site.record()["watched"]["requests"] >= 3
    Answers.status = 503
    began = time.monotonic()
    worse = site.window("measured", seconds=600, **measuring)
    assert (worse["failed"], worse["reason"]) == (True, "watch_breached") and "100 % of" in worse["msg"] and time.monotonic() - began < 300
    refused = site.window("measured", seconds=1, urls=["file:///etc/passwd"])
    assert (refused["failed"], refused["reason"]) == (True, "bad_input")
