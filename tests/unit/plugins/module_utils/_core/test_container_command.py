"""A command to run in a container: what is accepted, and what its end means."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.command_output import Capture
from ansible_collections.runbook.compose.plugins.module_utils._core.container import Container
from ansible_collections.runbook.compose.plugins.module_utils._core.container_command import (
    CommandRequest,
    CommandTimedOut,
    Ended,
    ServiceNotRunning,
    choose_container,
    parse_argv,
    parse_environment,
    report,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, OperationError
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor


def ended(exit_code, stdout: str = "", stderr: str = "", limit: int = 100, **facts) -> Ended:
    captures = []
    for text in (stdout, stderr):
        captures.append(Capture(limit))
        captures[-1].add(text.encode())
    return Ended(exit_code, captures[0], captures[1], 12, **facts)


def request(**options) -> CommandRequest:
    return CommandRequest(**{"service": "api", "argv": ("app", "x"), **options})


def test_words_may_be_numbers():
    assert parse_argv(["sleep", 1.5, 2, ""]) == ("sleep", "1.5", "2", "")


@pytest.mark.parametrize("given", ["ls -l", None, [], {}, [""], ["a", None], ["a", True], ["a", ["b"]], ["a\0b"]])
def test_what_is_no_list_of_words_is_refused(given):
    with pytest.raises(BadInput):
        parse_argv(given)


def test_an_environment_is_made_of_texts():
    assert parse_environment({"A": 1, "B": True, "C": None, "D": "x=y"}) == {"A": "1", "B": "true", "C": "", "D": "x=y"}


@pytest.mark.parametrize("given", [{"": "x"}, {"A=B": "x"}, {"A": ["secret"]}, {"A": "secret\0"}])
def test_a_refused_environment_shows_no_value(given):
    with pytest.raises(BadInput) as refused:
        parse_environment(given)
    assert "secret" not in str(refused.value.to_result())


CONTAINERS = [
    Container("1", "shop-api-2", "api", number=2),
    Container("2", "shop-api-1", "api", number=1, state="exited"),
    Container("3", "shop-api-3", "api", number=3),
    Container("4", "shop-api-run", "api", number=0, one_off=True),
    Container("5", "shop-db-1", "db"),
]


def test_the_first_running_container_is_chosen_or_the_one_that_was_asked_for():
    assert choose_container(request(), CONTAINERS).name == "shop-api-2"
    assert choose_container(request(index=3), CONTAINERS).name == "shop-api-3"


@pytest.mark.parametrize(("options", "said"), [({"index": 1}, "shop-api-1 is exited"), ({"service": "web"}, "no container")])
def test_a_service_that_does_not_run_is_told_with_its_states(options, said):
    with pytest.raises(ServiceNotRunning, match=said):
        choose_container(request(**options), CONTAINERS)


def test_a_good_end_is_reported_without_secrets():
    redactor = Redactor(["s3cret"])
    facts = report(request(as_json=True), ended(0, '{"a": ["s3cret"], "password": "x"}', "s3cret"), redactor)
    assert facts["json"] == {"a": ["********"], "password": "********"}
    assert (facts["stderr"], facts["exit_code"], facts["duration_ms"]) == ("********", 0, 12)
    assert "json" not in report(request(), ended(0, "{}"), redactor)


@pytest.mark.parametrize(
    ("options", "end", "reason", "said"),
    [
        ({}, ended(1, "out", "a\nb s3cret"), "command_failed", "a | b [*]{8}"),
        ({}, ended(1, "out only"), "command_failed", "out only"),
        ({}, ended(1), "command_failed", "printed nothing"),
        ({}, ended(137, oom_killed=True), "command_failed", "memory"),
        ({"success_codes": frozenset({3})}, ended(0), "command_failed", "code 0"),
        ({}, ended(127), "executable_missing", "no such program"),
        ({}, ended(126, "not allowed"), "executable_missing", "not allowed"),
        ({"as_json": True}, ended(0, "{} {}"), "output_not_json", "something else"),
        ({"as_json": True}, ended(0, ""), "output_not_json", "something else"),
        ({"as_json": True}, ended(0, "[%s1]" % ("1," * 60)), "output_not_json", "more than"),
        ({}, ended(None, "begun"), "command_timed_out", "was stopped"),
        ({}, ended(None, proven=False), "command_timed_out", "may still run"),
    ],
)
def test_every_other_end_has_its_reason(options, end, reason, said):
    with pytest.raises(OperationError, match=said) as failed:
        report(request(**options), end, Redactor(["s3cret"]))
    assert failed.value.reason == reason
    assert "s3cret" not in str(failed.value.to_result())


def test_an_unproven_end_is_not_called_stopped():
    with pytest.raises(CommandTimedOut) as failed:
        report(request(), ended(None, proven=False), Redactor())
    assert failed.value.details["stopped"] is False
