"""Lines of logs as data."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.log_lines import (
    LineReader,
    LogQuery,
    Selection,
    newest_within,
    parse_line,
    parse_moment,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=timezone.utc)
AT = "2026-11-21T03:10:00.000000001Z"


def frame(stream: int, text: str) -> bytes:
    data = f"{AT} {text}".encode()
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.text("abc ü{}", max_size=40))), st.integers(1, 40))
def test_lines_come_back_on_their_stream_whatever_the_pieces(lines, size):
    wire = b"".join(frame(stream, f"{text}\n") for stream, text in lines)
    reader, found = LineReader(framed=True), []
    for start in range(0, len(wire), size):
        found += reader.feed(wire[start : start + size])
    assert [({"stdout": 1, "stderr": 2}[line.stream], line.raw) for line in [*found, *reader.rest()]] == lines
    assert {line.at for line in found} <= {AT}


def test_a_line_in_several_messages_is_one_line_and_the_other_stream_may_come_between():
    reader = LineReader(framed=True)
    wire = frame(1, "a" * 10) + frame(2, "other\n") + frame(1, "b" * 10) + frame(1, "end\n") + frame(1, "no newline")
    found = list(reader.feed(wire))
    assert [(line.stream, line.raw) for line in found] == [("stderr", "other"), ("stdout", "a" * 10 + "b" * 10 + "end")]
    assert [line.raw for line in reader.rest()] == ["no newline"]


def test_an_endless_line_is_cut():
    reader = LineReader(framed=True)
    for _message in range(20):
        assert list(reader.feed(frame(1, "x" * 16384))) == []
    assert [len(line.raw) for line in reader.rest()] == [64 * 1024]


def test_a_terminal_has_no_frames():
    reader = LineReader(framed=False)
    found = [*reader.feed(f"{AT} one\r\n{AT} tw".encode()), *reader.feed(b"o\r\n"), *reader.rest()]
    assert [(line.raw, line.stream, line.at) for line in found] == [("one", "stdout", AT), ("two", "stdout", AT)]


@pytest.mark.parametrize(
    ("raw", "level"),
    [
        ('{"level": "WARN", "msg": "x"}', "warning"),
        ('{"severity": "CRITICAL"}', "critical"),
        ('{"level": 50, "msg": "pino"}', "error"),
        ('{"level": 10}', "debug"),
        ('{"level": "odd", "message": "ERROR: not this one"}', ""),
        ("2026-11-21 03:00:00.000 UTC [7] FATAL:  no", "critical"),
        ("2026-11-21 03:00:00.000 UTC [7] LOG:  checkpoint", "info"),
        ("2026/11/21 03:00:00 [error] 29#29: *1 connect() failed", "error"),
        ('time="2026-11-21T03:00:00Z" level=warning msg="x"', "warning"),
        ("ERROR something", "error"),
        ("no errors here, 0 errors in all", ""),
        ('10.0.0.1 - - "GET /error HTTP/1.1" 200', ""),
        ('{"level": "broken', ""),
        ("[1, 2]", ""),
    ],
)
def test_a_level_is_read_where_it_is_told_and_nowhere_else(raw, level):
    assert parse_line(AT, "stdout", raw).level == level


def test_a_json_line_is_shown_by_its_message_and_its_other_fields_without_secrets():
    line = parse_line(AT, "stderr", '{"level": "info", "msg": "as s3cret", "token": "t", "n": {"password": "p", "ok": 1}}')
    assert line.shown(Redactor(["s3cret"])) == {
        "at": AT, "stream": "stderr", "level": "info", "message": "as ********",
        "fields": {"level": "info", "token": "********", "n": {"password": "********", "ok": 1}},
    }  # fmt: skip
    assert parse_line(AT, "stdout", '{"a": 1}').shown(Redactor())["message"] == '{"a": 1}'


def query(**options) -> LogQuery:
    defaults = {
        "services": [], "since": "", "until": "", "tail": 3, "scan": 50, "streams": ["stdout", "stderr"], "level": None, "match": "",
        "fields": {}, "text": "",
    }  # fmt: skip
    return LogQuery.from_params({**defaults, **options}, NOW)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, True),
        ({"streams": ["stdout"]}, False),
        ({"level": "warning"}, True),
        ({"level": "critical"}, False),
        ({"match": "bb.2"}, True),
        ({"match": "^bb"}, False),
        ({"text": "bb22"}, True),
        ({"text": "bb.2"}, False),
        ({"text": "s3cret"}, False),
        ({"match": "s3c"}, False),
        ({"fields": {"status": "502"}}, True),
        ({"fields": {"status": 502, "a.b": True}}, True),
        ({"fields": {"a.b": False}}, False),
        ({"fields": {"absent": ""}}, False),
    ],
)
def test_every_condition_can_choose_and_leave_out(options, wanted):
    line = parse_line(AT, "stderr", '{"level": "error", "id": "bb22", "status": 502, "a": {"b": true}, "of": "s3cret"}')
    assert query(**options).wants(line, Redactor(["s3cret"])) is wanted


def test_a_selection_keeps_the_newest_and_counts_all():
    selection = Selection(query(text="x"), Redactor())
    for number in range(9):
        selection.offer(parse_line(AT, "stdout", f"x{number}" if number % 2 else "ERROR y"))
    assert [line["message"] for line in selection.lines("api", "shop-api-1")] == ["x3", "x5", "x7"]
    assert (selection.scanned, selection.matched, selection.truncated, selection.by_level["unknown"]) == (9, 4, True, 4)


def test_the_engine_is_asked_for_more_when_lines_are_chosen_by_what_they_say():
    assert (query().engine_tail, query(level="error").engine_tail, query(tail=80, text="x").engine_tail) == (3, 50, 80)


@given(st.lists(st.text(max_size=20), max_size=30), st.integers(1, 400))
def test_the_newest_lines_fit(texts, room):
    lines = [{"message": text} for text in texts]
    kept = newest_within(lines, room)
    size = sum(len(json.dumps(line)) + 1 for line in kept)
    assert size <= room and (not kept or lines[-len(kept) :] == kept)
    if len(kept) < len(lines):
        assert size + len(json.dumps(lines[-len(kept) - 1])) + 1 > room


def test_moments():
    assert parse_moment("since", "", NOW) is None
    assert parse_moment("since", "90s", NOW) == NOW - timedelta(seconds=90)
    assert parse_moment("since", "1.5h", NOW) == NOW - timedelta(minutes=90)
    assert parse_moment("since", "2026-11-21T04:00:00+02:00", NOW) == NOW - timedelta(hours=1)


@pytest.mark.parametrize("options", [{"since": "5"}, {"until": "soon"}, {"since": "1m", "until": "1m"}, {"match": "["}, {"tail": 0}, {"streams": []}])
def test_a_query_that_means_nothing_is_refused(options):
    with pytest.raises(BadInput):
        query(**options)
