from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.probe import parse_probe
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_report import ProbesFailed, Track, probe_result
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_verdict import Judgement
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor


def track(*verdicts: str, name: str = "api") -> Track:
    made = Track(parse_probe({"name": name, "url": "http://api"}))
    for position, verdict in enumerate(verdicts):
        made.record([Judgement(verdict, "" if verdict == "ok" else f"said {verdict}")], 100.0 * position)
    return made


def result(*tracks: Track, successes: int = 1, secrets: tuple = ()) -> dict:
    return probe_result(tracks, successes, 1234.56, Redactor(secrets))


def test_the_last_round_decides_and_the_counts_tell_the_rest():
    told = result(track("dead", "not_ready", "not_ready", "ok"))["probes"][0]
    assert (told["verdict"], told["attempts"], told["first_ok_after_ms"]) == ("ok", 4, 300.0)
    assert told["verdicts"] == {"dead": 1, "not_ready": 2, "ok": 1}


def test_good_rounds_must_follow_each_other():
    assert not track("ok", "dead", "ok").proven(2)
    assert track("ok", "dead", "ok", "ok").proven(2)


def test_too_few_good_rounds_are_not_ready_and_say_so():
    told = result(track("dead", "ok"), successes=3)
    assert (told["healthy"], told["verdict"]) == (False, "not_ready")
    assert told["probes"][0]["message"] == "expected 3 good answers in a row, got 1 before the deadline"


def test_an_attempt_cut_short_by_the_deadline_does_not_hide_the_last_complete_one():
    made = track("not_ready")
    made.record([Judgement("dead", "timeout", cut_short=True)], 500.0)
    assert (made.verdict(1), made.attempts, dict(made.counts)) == ("not_ready", 2, {"not_ready": 1})
    made.record([Judgement("dead", "refused")], 600.0)
    assert made.verdict(1) == "dead"


def test_the_only_attempt_counts_even_when_cut_short():
    made = Track(parse_probe({"url": "http://api"}))
    made.record([Judgement("dead", "timeout", cut_short=True)], 500.0)
    assert made.verdict(1) == "dead"


def test_the_worst_replica_stands_for_the_probe():
    made = Track(parse_probe({"url": "http://api", "via": "network"}))
    made.record([Judgement("ok", container="shop-api-1"), Judgement("wrong_answer", "said 404", 404, container="shop-api-2")], 5.0)
    told = result(made)["probes"][0]
    assert (told["verdict"], told["status"], told["message"]) == ("wrong_answer", 404, "said 404")
    assert [(replica["container"], replica["verdict"]) for replica in told["replicas"]] == [
        ("shop-api-1", "ok"),
        ("shop-api-2", "wrong_answer"),
    ]


def test_skipped_probes_do_not_fail_but_are_not_ok_either():
    skipped = Track(parse_probe({"url": "http://api", "method": "POST", "name": "order"}))
    skipped.skip()
    told = result(track("ok"), skipped)
    assert (told["healthy"], told["verdict"]) == (True, "skipped")


def test_the_table_is_aligned():
    header, first, second = result(track("ok"), track("dead", name="a long name"))["matrix"].splitlines()
    assert header.index("VERDICT") == first.index("ok") == second.index("dead")
    assert second.startswith("a long name  liveness")


def test_the_failure_names_each_failing_probe_and_keeps_the_result():
    told = result(track("ok"), track("dead", name="edge"), track("not_ready", "not_ready", name="worker"))
    failure = ProbesFailed(told).to_result()
    assert failure["reason"] == "probe_dead"
    assert failure["details"] == {"failing": ["edge", "worker"]}
    assert "2 of 3 probes failed within 1.2 s" in failure["msg"]
    assert "worker (http://api) is not_ready after 2 attempts: said not_ready." in failure["msg"]
    assert failure["healthy"] is False and failure["probes"] == told["probes"]


def test_known_secrets_are_masked_wherever_they_come_back():
    made = Track(parse_probe({"url": "http://api"}))
    made.record([Judgement("wrong_answer", "it said: hunter2", json={"echo": ["hunter2"]}, version="hunter2")], 1.0)
    told = result(made, secrets=("hunter2",))
    assert "hunter2" not in repr(told)
    assert "hunter2" not in str(ProbesFailed(told))
