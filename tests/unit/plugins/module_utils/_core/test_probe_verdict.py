from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.probe import parse_probe
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_verdict import (
    SEVERITY,
    HttpAnswer,
    NoAnswer,
    PlainAnswer,
    judge_http,
    judge_plain,
    judge_silence,
    worst,
)

NOW = datetime(2026, 8, 20, 12, 0, 0, tzinfo=timezone.utc)


def judged(answer: HttpAnswer, **options):
    return judge_http(parse_probe({"url": "http://api", **options}), answer, NOW)


def answer(document=None, status=200, body=None, **more) -> HttpAnswer:
    return HttpAnswer(status, body=json.dumps(document).encode() if body is None else body, **more)


def test_a_good_answer_says_nothing_more():
    good = judged(answer({"status": "ok", "version": "1.4.2"}), json={"status": "ok"})
    assert (good.verdict, good.message, good.version, good.status) == ("ok", "", "1.4.2", 200)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "ok"),
        (204, "ok"),
        (301, "wrong_answer"),
        (404, "wrong_answer"),
        (500, "wrong_answer"),
        (502, "wrong_answer"),
        (503, "not_ready"),
        (429, "not_ready"),
    ],
)
def test_verdict_of_a_status(status, verdict):
    assert judged(answer({}, status)).verdict == verdict


def test_an_expected_503_is_good():
    assert judged(answer({}, 503), status=["503"]).verdict == "ok"


def test_the_message_says_what_was_expected_and_what_came():
    wrong = judged(answer(body=b"<h1>Not\nFound</h1>", status=404), status=["200", "3xx"])
    assert wrong.message == "expected status 200 or 3xx, got 404; it said: <h1>Not Found</h1>"


def test_a_wrong_field_waits_only_in_readiness():
    document = {"database": "error", "redis": "ok"}
    waiting = judged(answer(document), role="readiness", json={"database": "ok", "redis": "ok"})
    assert (waiting.verdict, waiting.message.partition(";")[0]) == ("not_ready", 'expected database "ok", got "error"')
    assert judged(answer(document), role="liveness", json={"database": "ok"}).verdict == "wrong_answer"


def test_a_readiness_answer_without_the_field_is_wrong():
    assert judged(answer({"redis": "ok"}), role="readiness", json={"database": "ok"}).verdict == "wrong_answer"


def test_a_503_names_the_dependency_that_fails():
    found = judged(answer({"database": "error", "redis": "ok"}, 503), role="readiness", json={"database": "ok", "redis": "ok"})
    assert found.verdict == "not_ready"
    assert 'expected database "ok", got "error"' in found.message
    assert "redis" not in found.message.partition("; it said")[0]


@pytest.mark.parametrize("body", [b"", b"OK", b"{", b'{"status": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_wrong(body):
    assert judged(answer(body=body), json={"status": "ok"}).verdict == "wrong_answer"
    assert judged(answer(body=body), max_age={"field": "at", "seconds": 5}).verdict == "wrong_answer"
    assert judged(answer(body=body)).verdict == "ok"


def test_json_longer_than_what_is_read_is_wrong():
    found = judged(answer({"status": "ok"}, complete=False), json={"status": "ok"})
    assert (found.verdict, found.json) == ("wrong_answer", None)
    assert judged(answer({"status": "ok"}, complete=False)).verdict == "ok"


@pytest.mark.parametrize(("wanted", "verdict"), [("nginx", "ok"), ("~^ng", "ok"), ("ngin", "wrong_answer"), ("~apache", "wrong_answer")])
def test_headers(wanted, verdict):
    assert judged(answer({}, headers=(("server", "nginx"),)), header={"Server": wanted}).verdict == verdict


def test_a_missing_header_is_wrong_and_a_secret_one_is_not_shown():
    assert judged(answer({}), header={"x-a": "~."}).message.startswith('expected header x-a "~.", got nothing')
    shown = judged(answer({}, headers=(("set-cookie", "session=5"),)), header={"Set-Cookie": "session=4"}).message
    assert "session" not in shown


@pytest.mark.parametrize(
    ("options", "complete", "verdict"),
    [
        ({"contains": ["Shop"]}, True, "ok"),
        ({"contains": ["Shop", "cart"]}, True, "wrong_answer"),
        ({"absent": ["Error"]}, True, "ok"),
        ({"absent": ["Shop"]}, True, "wrong_answer"),
        ({"contains": ["Shop"]}, False, "ok"),
        ({"absent": ["Error"]}, False, "wrong_answer"),
    ],
)
def test_texts(options, complete, verdict):
    assert judged(answer(body=b"<title>Shop</title>", complete=complete), **options).verdict == verdict


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        ("2026-08-20T11:59:40Z", "ok"),
        ("2026-08-20T11:59:20Z", "stale"),
        ("2026-08-20T12:01:00Z", "stale"),
        (NOW.timestamp(), "ok"),
        (NOW.timestamp() * 1000 - 60_000, "stale"),
        ("soon", "wrong_answer"),
        (True, "wrong_answer"),
    ],
)
def test_age(at, verdict):
    assert judged(answer({"meta": {"at": at}}), max_age={"field": "meta.at", "seconds": 30}).verdict == verdict


def test_a_missing_time_is_wrong():
    assert judged(answer({}), max_age={"field": "at", "seconds": 30}).verdict == "wrong_answer"


def test_slow_is_worse_than_nothing_and_better_than_wrong():
    slow = answer({"status": "ok"}, latency_ms=900.0)
    assert judged(slow, max_latency_ms=800).message == "expected an answer within 800 ms, it took 900 ms"
    assert judged(slow, max_latency_ms=800).verdict == "too_slow"
    assert judged(slow, max_latency_ms=800, json={"status": "no"}).verdict == "wrong_answer"


def test_a_redirect_to_another_place_is_wrong():
    assert judged(answer({}, other_host="http://elsewhere")).verdict == "wrong_answer"


def test_secrets_of_an_answer_are_not_shown():
    document = {"status": "no", "session_token": "abc-123", "config": {"password": "hunter2"}}
    found = judged(answer(document), json={"status": "ok", "session_token": "xyz", "config": {"password": "other"}})
    assert not {"abc-123", "hunter2", "xyz", "other"} & {word for word in ("abc-123", "hunter2", "xyz", "other") if word in repr(found)}
    text = judged(answer(body=b"login failed: password=hunter2", status=500))
    assert "hunter2" not in repr(text)


@given(st.binary(max_size=3000), st.integers(100, 599))
def test_any_answer_gets_a_bounded_judgement(body, status):
    found = judged(answer(body=body, status=status), json={"status": "ok"}, contains=["x"], max_age={"field": "at", "seconds": 1})
    assert found.verdict in SEVERITY
    assert len(found.message) < 2000


def test_a_large_document_is_cut():
    found = judged(answer({"items": [{"text": "x" * 1000}] * 1000, "deep": {"a": {"b": {"c": {"d": 1}}}}}))
    assert len(json.dumps(found.json)) < 6000


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (PlainAnswer("PONG", "PONG"), "ok"),
        (PlainAnswer("LOADING", "LOADING Redis is loading the dataset in memory"), "not_ready"),
        (PlainAnswer("NOAUTH", "NOAUTH Authentication required."), "wrong_answer"),
        (PlainAnswer("WRONGPASS", "WRONGPASS invalid"), "wrong_answer"),
        (PlainAnswer("PONGO", "PONGO"), "wrong_answer"),
        (PlainAnswer("", "no Redis reply: HTTP/1.1 400 Bad Request"), "wrong_answer"),
    ],
)
def test_redis_replies(reply, verdict):
    assert judge_plain(parse_probe({"url": "redis://redis"}), reply).verdict == verdict


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (PlainAnswer("", "1", version="15.18"), "ok"),
        (PlainAnswer("57P03", "starting up"), "not_ready"),
        (PlainAnswer("53300", "too many clients"), "not_ready"),
        (PlainAnswer("", "the login was refused"), "wrong_answer"),
        (PlainAnswer("28P01", "1"), "wrong_answer"),
    ],
)
def test_postgres_replies(reply, verdict):
    assert judge_plain(parse_probe({"url": "postgres://db"}), reply).verdict == verdict


def test_a_slow_pong_is_too_slow():
    slow = PlainAnswer("PONG", "PONG", latency_ms=50.0)
    assert judge_plain(parse_probe({"url": "redis://redis", "max_latency_ms": 20}), slow).verdict == "too_slow"


@pytest.mark.parametrize("cause", ["refused", "dns", "timeout", "reset", "tls", "unreachable", "no_container"])
def test_silence_is_dead(cause):
    found = judge_silence(NoAnswer(cause, "why"), 5)
    assert found.verdict == "dead"
    assert "{" not in found.message


def test_another_language_is_a_wrong_answer():
    assert judge_silence(NoAnswer("not_http"), 5).verdict == "wrong_answer"


def test_worst():
    assert worst([]) == "ok"
    assert worst(["ok", "too_slow", "not_ready"]) == "not_ready"
    assert worst(["wrong_answer", "dead", "ok"]) == "dead"
