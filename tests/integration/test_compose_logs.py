"""compose_logs against the real engine: containers that printed known lines and some that ended."""

from __future__ import annotations

import json
import stat
import time

import pytest

from tests.support.modules import call
from tests.support.stacks import ComposeProject, unique_name

PASSWORD = "password-of-the-log-test"
TALK = r"""
echo '{"level": "info", "message": "started", "request_id": "aa11", "status": 200}'
echo '{"level": "error", "msg": "no database", "request_id": "bb22", "token": "t0ken-value", "status": 502, "of": {"code": "08006"}}' >&2
echo "plain text about $APP_PASSWORD and postgres://shop:hunter-two@db/shop"
echo "2026-11-21 03:00:00.000 UTC [7] FATAL:  connection refused" >&2
echo '{"level": "broken json'
head -c 40000 /dev/zero | tr '\0' x; echo end
"""
COMPOSE = """
services:
  talker:
    image: runbook-base:local
    command: [sh, -c, "%s"]
    environment: {APP_PASSWORD: "${APP_PASSWORD}"}
  answerer:
    image: runbook-base:local
    command: [sh, -c, "echo seen bb22 with ${APP_PASSWORD}"]
    depends_on: {talker: {condition: service_completed_successfully}}
  terminal:
    image: runbook-base:local
    tty: true
    command: [sh, -c, "echo one; echo two >&2"]
  many:
    image: runbook-base:local
    command: [sh, -c, "seq 1 3000"]
  mute:
    image: runbook-base:local
    command: [sh, -c, "echo unheard"]
    logging: {driver: none}
    profiles: [mute]
  absent:
    image: runbook-base:local
    deploy: {replicas: 0}
""" % TALK.strip().replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("$APP", "$$APP")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = ComposeProject(tmp_path_factory.mktemp("logs"), unique_name("d-logs"), COMPOSE, {"APP_PASSWORD": PASSWORD})
    made.compose("up", "--detach")
    until = time.monotonic() + 60
    names = ("talker", "answerer", "terminal", "many")
    while any(made.containers(name)[0]["State"]["Status"] != "exited" for name in names):
        assert time.monotonic() < until, "they do not come to their end"
        time.sleep(0.2)
    yield made
    made.compose("--profile", "mute", "down", "--volumes", "--timeout", "0", check=False)


def read(project: ComposeProject, *names: str, check: bool = False, **options) -> dict:
    return call("compose_logs", {**project.options, "services": list(names), **options}, check=check)


def messages(result: dict) -> list[str]:
    assert not result["failed"], result
    return [line["message"] for line in result["lines"]]


def test_both_streams_are_told_apart_understood_and_redacted(project):
    result = read(project, "talker")
    said = {line["message"][:20]: line for line in result["lines"]}
    shown = {key: (line["stream"], line["level"]) for key, line in said.items()}
    assert shown == {
        "started": ("stdout", "info"),
        "no database": ("stderr", "error"),
        "plain text about ***": ("stdout", ""),
        "2026-11-21 03:00:00.": ("stderr", "critical"),
        '{"level": "broken js': ("stdout", ""),
        "x" * 20: ("stdout", ""),
    }
    assert said["no database"]["fields"] == {
        "level": "error", "request_id": "bb22", "token": "********", "status": 502, "of": {"code": "08006"},
    }  # fmt: skip
    assert said["x" * 20]["message"] == "x" * 40000 + "end"
    assert (result["count"], result["matched"], result["truncated"]) == (6, 6, False)
    assert result["by_level"] == {"debug": 0, "info": 1, "warning": 0, "error": 1, "critical": 1, "unknown": 3}
    for secret in (PASSWORD, "t0ken-value", "hunter-two"):
        assert secret not in json.dumps(result)


def test_lines_of_all_services_come_in_time_order_and_know_no_others_secrets(project):
    result = read(project, text="bb22")
    assert [(line["service"], line["level"]) for line in result["lines"]] == [("talker", "error"), ("answerer", "")]
    assert result["lines"][1]["message"] == "seen bb22 with ********"
    times = [line["at"] for line in read(project)["lines"]]
    assert times == sorted(times) and len(times) > 200


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"level": "error"}, ["no database", "2026-11-21 03:00:00.000 UTC [7] FATAL:  connection refused"]),
        ({"level": "info", "streams": ["stdout"]}, ["started"]),
        ({"match": "^plain .*about"}, ["plain text about ******** and postgres://shop:********@db/shop"]),
        ({"match": PASSWORD}, []),
        ({"fields": {"status": "502", "of.code": "08006"}}, ["no database"]),
        ({"fields": {"status": 502, "request_id": "aa11"}}, []),
        ({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00"}, []),
        ({"since": "1h", "text": "started"}, ["started"]),
    ],
)
def test_lines_are_chosen(project, options, expected):
    result = read(project, "talker", **options)
    assert sorted(messages(result)) == sorted(expected)
    assert result["changed"] is False


def test_a_terminal_has_one_stream(project):
    result = read(project, "terminal")
    assert [(line["message"], line["stream"]) for line in result["lines"]] == [("one", "stdout"), ("two", "stdout")]


def test_every_bound_is_kept_and_told(project):
    newest = read(project, "many", tail=3)
    assert (messages(newest), newest["truncated"], newest["scanned"]) == (["2998", "2999", "3000"], True, 3)
    chosen = read(project, "many", tail=2, match="^[12]?00$")
    assert (messages(chosen), chosen["matched"], chosen["scanned"], chosen["truncated"]) == (["100", "200"], 2, 3000, False)
    searched = read(project, "many", scan=500, match="^100$")
    assert (messages(searched), searched["truncated"]) == ([], True)
    small = read(project, "many", tail=3000, max_bytes=2000)
    assert messages(small)[-1] == "3000" and small["truncated"] and len(json.dumps(small["lines"])) < 2200


def test_check_do_check_again_do_again_with_a_destination(project, tmp_path):
    path = tmp_path / "new" / "logs.ndjson"
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        result = read(project, check=check, tail=5000, destination=str(path))
        assert (result["failed"], result["changed"], result["lines"]) == (False, changed, []), result
        assert path.exists() == (not (check and changed))
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(written) == result["count"] > 3000
    assert {line["service"] for line in written} == {"talker", "answerer", "terminal", "many"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert PASSWORD not in path.read_text()


def test_logs_that_no_one_can_read_are_a_failure_for_those_who_asked_for_them(project):
    project.compose("--profile", "mute", "up", "--detach", "mute")
    every = read(project, text="started")
    assert (messages(every), len(every["warnings"])) == (["started"], 1)
    assert [container["service"] for container in every["containers"] if not container["readable"]] == ["mute"]
    result = read(project, "mute")
    assert (result["failed"], result["reason"], result["details"]["driver"]) == (True, "logs_unreadable", "none")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"services": ["nosuch"]}, "unknown_service"),
        ({"match": "("}, "bad_input"),
        ({"since": "yesterday"}, "bad_input"),
        ({"since": "1m", "until": "2m"}, "bad_input"),
        ({"tail": 0}, "bad_input"),
        ({"max_bytes": 0}, "bad_input"),
        ({"destination": "logs.ndjson"}, "bad_input"),
        ({"destination": "/proc/nowhere/logs.ndjson"}, "state_unwritable"),
        ({"docker_host": "unix:///nonexistent.sock"}, "engine_unreachable"),
    ],
)
def test_bad_input_is_refused(project, options, reason):
    result = read(project, **{"text": "started", **options})
    assert (result["failed"], result["reason"]) == (True, reason), result


def test_a_service_without_containers_has_no_lines(project):
    result = read(project, "absent")
    assert (result["failed"], result["lines"], result["containers"]) == (False, [], [])
