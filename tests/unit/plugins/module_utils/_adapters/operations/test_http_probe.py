from __future__ import annotations

import sys
import time

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.http_probe import HttpProbe, ProbeRequest
from ansible_collections.runbook.compose.plugins.module_utils._adapters.probe_client import Target
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, LibraryMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.probe import parse_probes
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_report import ProbesFailed
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_verdict import HttpAnswer, NoAnswer

UP, STARTING, GONE = HttpAnswer(200), HttpAnswer(503), NoAnswer("refused")


class ScriptedClient:
    """Answers each probe from its script; the last answer stays."""

    def __init__(self, **scripts) -> None:
        self.scripts = scripts
        self.asked: list = []
        self.seconds: list = []
        self.refreshed = 0

    def refresh(self) -> None:
        self.refreshed += 1

    def targets(self, probe) -> list:
        return [Target(probe)]

    def ask(self, target, seconds):
        name = target.probe.name
        self.asked.append(name)
        self.seconds.append(seconds)
        script = self.scripts[name]
        return script.pop(0) if len(script) > 1 else script[0]


class FakeHost:
    def __init__(self, check_mode: bool = False) -> None:
        self.check_mode = check_mode
        self.hidden: set = set()

    def hide(self, secrets, harmless=()) -> None:
        self.hidden |= set(secrets)


def operation(client, check_mode=False, probes=None, **settings) -> HttpProbe:
    declared = probes or [{"name": name, "url": f"http://{name}"} for name in client.scripts]
    request = ProbeRequest(parse_probes(declared), **{"deadline": 5.0, "interval": 0.001, **settings})
    return HttpProbe(request, check_mode, lambda: client)


def run(client, **settings) -> dict:
    made = operation(client, **settings)
    return made.apply(made.plan())


def test_only_what_is_not_good_yet_is_asked_again():
    client = ScriptedClient(api=[GONE, STARTING, UP], edge=[UP])
    result = run(client)
    assert result["healthy"] is True
    assert (client.asked.count("api"), client.asked.count("edge")) == (3, 1)
    assert result["probes"][0]["verdicts"] == {"dead": 1, "not_ready": 1, "ok": 1}


def test_no_probe_is_asked_more_often_than_allowed():
    client = ScriptedClient(api=[STARTING, GONE, STARTING, UP], edge=[UP])
    told = run(client, most_attempts=3, report_only=True)["probes"][0]
    assert (client.asked.count("api"), told["attempts"], told["statuses"]) == (3, 3, {"503": 2})
    assert run(ScriptedClient(api=[STARTING, GONE, STARTING, UP]), most_attempts=4)["probes"][0]["statuses"] == {"200": 1, "503": 2}


def test_a_steady_pace_does_not_slow_down():
    client = ScriptedClient(api=[STARTING])
    run(client, deadline=1.0, interval=0.01, longest_interval=0.01, report_only=True)
    steady = len(client.asked)
    run(client, deadline=1.0, interval=0.01, report_only=True)
    assert steady > 2 * (len(client.asked) - steady)


def test_several_good_answers_in_a_row_are_asked_for():
    client = ScriptedClient(api=[UP, GONE, UP, UP, UP, GONE])
    assert run(client, successes=3)["probes"][0]["attempts"] == 5


def test_the_deadline_ends_the_call_and_fails_it():
    started = time.monotonic()
    with pytest.raises(ProbesFailed) as failed:
        run(ScriptedClient(api=[STARTING]), deadline=0.3, interval=0.02)
    assert 0.2 < time.monotonic() - started < 5.0
    assert failed.value.reason == "probe_not_ready"


def test_no_deadline_means_one_attempt_with_its_whole_timeout():
    client = ScriptedClient(api=[STARTING, UP])
    with pytest.raises(ProbesFailed):
        run(client, deadline=0.0)
    assert client.seconds == [5.0]


def test_an_attempt_never_gets_more_time_than_is_left():
    client = ScriptedClient(api=[UP])
    run(client, deadline=2.0)
    assert client.seconds[0] <= 2.0


def test_report_does_not_fail():
    result = run(ScriptedClient(api=[GONE]), deadline=0.0, report_only=True)
    assert (result["healthy"], result["verdict"]) == (False, "dead")


def test_check_mode_asks_while_planning_and_sends_nothing_that_writes():
    client = ScriptedClient(api=[UP], order=[UP])
    probes = [{"name": "api", "url": "http://api"}, {"name": "order", "url": "http://api/orders", "method": "POST"}]
    plan = operation(client, check_mode=True, probes=probes).plan()
    assert client.asked == ["api"]
    assert [probe["verdict"] for probe in plan.facts["probes"]] == ["ok", "skipped"]
    assert not plan.changed


def test_a_real_run_asks_nothing_while_planning():
    client = ScriptedClient(api=[UP])
    made = operation(client)
    assert made.plan().facts == {}
    assert client.asked == []
    made.apply(made.plan())
    assert client.asked == ["api"]


def test_containers_are_looked_up_in_every_round_and_only_for_probes_on_the_network():
    client = ScriptedClient(api=[GONE, GONE, UP])
    run(client, probes=[{"name": "api", "url": "http://api", "via": "network"}])
    assert client.refreshed == 3
    other = ScriptedClient(api=[UP])
    run(other)
    assert other.refreshed == 0


def params(**changes) -> dict:
    stack = {"stack_name": "shop", "project_dir": "/opt/shop"}
    settings = {"deadline": 30.0, "interval": 100, "longest_interval": 1000, "most_attempts": None, "successes": 1, "on_failure": "fail"}
    return {**stack, **settings, "probes": [{"url": "http://api"}], **changes}


@pytest.mark.parametrize(
    "wrong",
    [
        {"deadline": -1.0},
        {"interval": 0},
        {"longest_interval": 0},
        {"most_attempts": 0},
        {"most_attempts": 2, "successes": 3},
        {"successes": 0},
        {"successes": 2, "deadline": 0.0},
        {"probes": []},
        {"stack_name": "Shop!"},
    ],
)
def test_bad_input_is_refused(wrong):
    with pytest.raises(BadInput):
        HttpProbe.from_params(params(**wrong), FakeHost())


def test_secrets_are_hidden_before_the_first_refusal():
    host = FakeHost()
    with pytest.raises(BadInput):
        HttpProbe.from_params(params(probes=[{"url": "ftp://user:hunter2@host", "headers": {"X-API-Key": "key-12345"}}]), host)
    assert host.hidden == {"hunter2", "key-12345"}


def test_a_missing_psycopg2_is_told_before_anything_is_asked(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(LibraryMissing, match="psycopg2"):
        HttpProbe.from_params(params(probes=[{"url": "postgres://db"}]), FakeHost())
