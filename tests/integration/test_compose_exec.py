"""compose_exec against the real engine, in running containers and in containers of its own."""

from __future__ import annotations

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.modules import call, start
from tests.support.stacks import ComposeProject, docker, unique_name

PASSWORD = "password-of-the-exec-test"
COMPOSE = """
services:
  tool:
    image: runbook-base:${BASE_TAG:-local}
    command: [sleep, "600"]
    init: true
    stop_grace_period: 0s
    deploy: {replicas: 2}
    environment: {APP_PASSWORD: "${APP_PASSWORD}", COLOUR: "${COLOUR:-blue}"}
  idle:
    image: runbook-base:local
    command: [sleep, "600"]
    deploy: {replicas: 0}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = ComposeProject(tmp_path_factory.mktemp("exec"), unique_name("d-exec"), COMPOSE, {"APP_PASSWORD": PASSWORD})
    made.compose("up", "--detach")
    yield made
    made.down()


def run(project: ComposeProject, *argv: str, check: bool = False, **options) -> dict:
    arguments = {**project.options, "service": "tool", "argv": list(argv), "_ansible_inject_invocation": True, **options}
    return call("compose_exec", arguments, check=check)


def one_offs(project: ComposeProject) -> list[str]:
    filters = [f"label=com.docker.compose.project={project.name}", "label=com.docker.compose.oneoff=True"]
    return docker("ps", "--all", "--quiet", *[word for text in filters for word in ("--filter", text)]).split()


def wait_for_one_off(project: ComposeProject) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for name in one_offs(project):
            if json.loads(docker("inspect", name))[0]["State"]["Running"]:
                return name
        time.sleep(0.1)
    raise AssertionError("no one-off container came up")


def wait_for_compose(name: str) -> None:
    """Until compose was told to make the container."""
    until = time.monotonic() + 60
    while not any(name in command_line(process) for process in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < until, f"nobody makes {name}"


def command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def events(project: ComposeProject) -> list[str]:
    path = project.state_dir / project.name / "journal.ndjson"
    return [json.loads(line)["event"] for line in path.read_text().splitlines()] if path.exists() else []


def processes(project: ComposeProject, mark: str) -> list[str]:
    listed = "".join(docker("top", container["Id"], "-eo", "pid,args") for container in project.containers("tool"))
    return [line for line in listed.splitlines() if mark in line]


@pytest.mark.parametrize("mode", ["running", "one_off"])
def test_check_do_check_again_do_again(project, mode):
    words = ("sh", "-c", f"echo x >> /tmp/{mode}; cat /tmp/{mode}; echo careful >&2")
    before = len(events(project))
    for check in (True, False, True, False):
        result = run(project, *words, check=check, mode=mode)
        assert (result["failed"], result["changed"], result["ran"]) == (False, True, not check)
        assert result["actions"] == [{"action": "run", "target": "tool", "detail": mode}]
        assert result["diff"]["after"]["command"] == list(words)
    # A running container keeps what the command wrote; a container of its own goes with it.
    assert result["stdout"] == ("x\nx\n" if mode == "running" else "x\n")
    assert (result["exit_code"], result["stderr"], result["stdout_truncated"]) == (0, "careful\n", False)
    assert events(project)[before:] == ["command_started", "command_ended"] * 2
    assert one_offs(project) == []


@pytest.mark.parametrize("mode", ["running", "one_off"])
def test_a_command_that_only_reads_runs_in_check_mode_and_changes_nothing(project, mode):
    before = events(project)
    for check in (True, False):
        result = run(project, "sh", "-c", 'echo "{\\"colour\\": \\"$COLOUR\\", \\"n\\": 2}"', check=check, mode=mode, read_only=True, parse="json")
        assert (result["failed"], result["changed"], result["actions"], result["ran"]) == (False, False, [], True)
        assert result["json"] == {"colour": "blue", "n": 2}
    assert events(project) == before


@pytest.mark.parametrize("mode", ["running", "one_off"])
@pytest.mark.parametrize(
    ("argv", "options", "reason", "exit_code"),
    [
        (["sh", "-c", "echo first; echo why >&2; exit 3"], {}, "command_failed", 3),
        (["nosuch"], {}, "executable_missing", None),
        (["/etc/passwd"], {}, "executable_missing", None),
        (["echo", "text"], {"parse": "json"}, "output_not_json", 0),
    ],
)
def test_every_bad_end_has_its_reason(project, mode, argv, options, reason, exit_code):
    result = run(project, *argv, mode=mode, **options)
    assert (result["failed"], result["reason"]) == (True, reason), result
    if exit_code is not None:
        assert result["details"]["exit_code"] == exit_code
    if exit_code == 3:
        assert (result["details"]["stdout"], result["details"]["stderr"]) == (["first"], ["why"])
        assert "why" in result["msg"]
    assert events(project)[-1] == "command_failed"
    assert one_offs(project) == []


def test_an_exit_code_may_mean_success(project):
    result = run(project, "sh", "-c", "exit 3", success_codes=[0, 3])
    assert (result["failed"], result["exit_code"]) == (False, 3)


@pytest.mark.parametrize("mode", ["running", "one_off"])
def test_at_its_deadline_a_command_and_its_children_really_end(project, mode):
    # Of a container of its own the time counts from before it is made.
    seconds, timeout = ("4711", 3) if mode == "running" else ("4712", 6)
    began = time.monotonic()
    result = run(project, "sh", "-c", f"trap '' TERM; echo begun; sleep {seconds} & wait; wait", mode=mode, timeout=timeout)
    assert (result["reason"], result["details"]["stopped"], result["details"]["stdout"]) == ("command_timed_out", True, ["begun"]), result
    assert time.monotonic() - began < 120
    assert processes(project, f"sleep {seconds}") == []
    assert one_offs(project) == []
    assert all(container["State"]["Running"] for container in project.containers("tool"))


def test_a_child_whose_parent_leaves_it_and_that_does_not_obey_ends_as_well(project):
    result = run(project, "sh", "-c", "(trap '' TERM; echo begun; sleep 4713; true) & sleep 4713", timeout=3)
    assert (result["reason"], result["details"]["stdout"]) == ("command_timed_out", ["begun"]), result
    assert processes(project, "sleep 4713") == []


def test_a_closed_output_is_not_the_end_and_a_background_process_is_not_waited_for(project):
    silent = run(project, "sh", "-c", "exec >&- 2>&-; sleep 1; exit 5")
    assert silent["details"]["exit_code"] == 5
    left_behind = run(project, "sh", "-c", "sleep 600 & echo started", timeout=60)  # who waited for it would say that the time is over
    assert (left_behind["failed"], left_behind["stdout"]) == (False, "started\n")


@pytest.mark.parametrize("mode", ["running", "one_off"])
def test_output_is_bounded_and_input_is_given_while_output_is_taken(project, mode):
    text = "0123456789abcde\n" * 40_000
    result = run(project, "cat", mode=mode, stdin=text, max_bytes=1000)
    assert (result["failed"], result["stdout"], result["stdout_truncated"]) == (False, text[:1000], True)
    whole = run(project, "wc", "-c", mode=mode, stdin=text)
    assert whole["stdout"].strip() == str(len(text))
    cut = run(project, "cat", mode=mode, stdin=f'["{text.strip()[:2000]}"]'.replace("\n", ""), max_bytes=1000, parse="json")
    assert cut["reason"] == "output_not_json"


@pytest.mark.parametrize("mode", ["running", "one_off"])
def test_no_secret_is_shown(project, mode):
    given = {"environment": {"API_TOKEN": "token-of-the-test", "PLAIN": "a $HOME b"}, "stdin": "stdin-secret\n"}
    result = run(project, "sh", "-c", 'echo "$APP_PASSWORD/$API_TOKEN/$PLAIN"; cat', mode=mode, **given)
    assert result["stdout"] == "********/********/a $HOME b\n********\n"
    failed = run(project, "sh", "-c", 'echo "$APP_PASSWORD $API_TOKEN" >&2; exit 1', mode=mode, **given)
    assert failed["details"]["stderr"] == ["******** ********"]
    told = json.dumps([result, failed]) + (project.state_dir / project.name / "journal.ndjson").read_text()
    for secret in (PASSWORD, "token-of-the-test", "stdin-secret"):
        assert secret not in told


def test_user_directory_index_and_variables(project):
    result = run(project, "sh", "-c", "id -u; pwd; hostname", user="1234", workdir="/tmp", index=2)
    second = next(container for container in project.containers("tool") if container["Name"].endswith("-2"))
    assert result["stdout"].split() == ["1234", "/tmp", second["Id"][:12]]
    assert result["container"] == second["Name"].lstrip("/")
    other = run(project, "sh", "-c", "id -u; pwd; echo $COLOUR", user="1234", workdir="/tmp", mode="one_off", variables={"COLOUR": "green"})
    assert other["stdout"].split() == ["1234", "/tmp", "green"]
    assert "COLOUR" not in project.env_path.read_text()


def test_another_image_may_be_named(project):
    # As for a release whose image has no name of the compose files yet.
    own = f"{project.name}-kept:0001"
    docker("tag", "runbook-base:local", own)
    try:
        options = {"mode": "one_off", "variables": {"BASE_TAG": "nosuch"}, "image": own, "read_only": True}
        result = run(project, "sh", "-c", "echo $COLOUR", **options)
        assert (result["failed"], result["stdout"]) == (False, "blue\n"), result
    finally:
        docker("image", "rm", own)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"argv": "ls -l"}, "bad_input"),
        ({"argv": []}, "bad_input"),
        ({"argv": ["echo", True]}, "bad_input"),
        ({"timeout": 0}, "bad_input"),
        ({"variables": {"A": "b"}}, "bad_input"),
        ({"mode": "one_off", "variables": {"APP_PASSWORD": "never-shown-anywhere"}}, "bad_input"),
        ({"mode": "one_off", "index": 1}, "bad_input"),
        ({"image": "runbook-base:local"}, "bad_input"),
        ({"environment": {"A=B": "c"}}, "bad_input"),
        ({"service": "nosuch"}, "unknown_service"),
        ({"service": "nosuch", "mode": "one_off"}, "unknown_service"),
        ({"service": "idle"}, "service_not_running"),
        ({"index": 7}, "service_not_running"),
        ({"mode": "one_off", "variables": {"BASE_TAG": "nosuch"}}, "image_missing"),
        ({"mode": "one_off", "image": "runbook-base:nosuch"}, "image_missing"),
        ({"mode": "one_off", "project_dir": "/nonexistent"}, "project_missing"),
        ({"docker_host": "unix:///nonexistent.sock"}, "engine_unreachable"),
    ],
)
def test_bad_input_is_refused_before_anything_is_run(project, options, reason):
    before = events(project)
    result = run(project, "touch", "/tmp/refused", **options)
    assert (result["failed"], result["reason"]) == (True, reason), result
    assert "never-shown-anywhere" not in json.dumps(result)
    assert events(project) == before
    assert run(project, "ls", "/tmp", read_only=True)["stdout"].count("refused") == 0


@pytest.mark.parametrize("options", [{"service": "idle"}, {"mode": "one_off", "variables": {"BASE_TAG": "nosuch"}}])
def test_check_mode_only_warns_of_what_an_earlier_task_may_bring(project, options):
    result = run(project, "true", check=True, read_only=True, **options)
    assert (result["failed"], result["ran"], len(result["warnings"])) == (False, False, 1)


def test_what_a_killed_run_left_behind_is_removed_by_the_next(project):
    arguments = {**project.options, "service": "tool", "argv": ["sleep", "300"], "mode": "one_off", "timeout": 4}
    process = start("compose_exec", arguments)
    wait_for_compose(f"{project.name}-tool-exec-")
    process.send_signal(signal.SIGSTOP)  # or it would end its command in time, when it takes long until the container is there
    left_behind = wait_for_one_off(project)
    process.kill()
    process.wait()
    until = float(json.loads(docker("inspect", left_behind))[0]["Config"]["Labels"]["runbook.compose.exec.until"])
    while time.time() <= until:
        time.sleep(0.1)
    assert len(one_offs(project)) == 1
    assert run(project, "true", mode="one_off")["failed"] is False
    assert one_offs(project) == []


def test_a_container_that_is_killed_under_the_command_is_a_failure(project):
    with ThreadPoolExecutor() as threads:
        running = threads.submit(run, project, "sleep", "600", mode="one_off", timeout=120)
        docker("kill", wait_for_one_off(project))
        result = running.result()
    assert (result["reason"], result["details"]["exit_code"]) == ("command_failed", 137)
