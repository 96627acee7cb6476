"""Ratios against the runbooks' own commands and plain compose, on a real stack: python tests/benchmarks/run.py [RUNS]

Prints a table and writes .local/benchmarks.json. Only ratios mean anything: they are medians of interleaved runs of one machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "collections"), str(Path(__file__).parent)]

from _measure import Ratio, interleaved

from tests.support.operated import PLAYBOOK, OperatedStack
from tests.support.stacks import ComposeProject, compose_program, unique_name

SLOW_CHECK = """
services:
  app:
    image: runbook-base:local
    command: [sleep, "3600"]
    init: true
    stop_grace_period: 1s
    environment: {COLOUR: "${COLOUR:-red}"}
    healthcheck: {test: ["CMD", "true"], interval: 10s}
"""
ONE_TASK = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - %s
"""


def playbook(directory: Path, name: str, task: dict) -> Path:
    file = directory / f"{name}.yml"
    file.write_text(ONE_TASK % json.dumps(task))
    return file


def quiet(*words: str) -> None:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


def one_service(runs: int, directory: Path) -> list[Ratio]:
    """A release behind a health check of 10 s, and a run that has nothing to do."""
    project = ComposeProject(directory, unique_name("bench"), SLOW_CHECK)
    service = {"runbook.compose.compose_service": project.options}
    ours = playbook(directory, "ours", service)
    ping = playbook(directory, "ping", {"ansible.builtin.ping": {}})
    compose = [*compose_program(), "-p", project.name, "--project-directory", str(project.directory)]
    colours = iter(f"colour{number}" for number in range(10_000))
    try:
        project.compose("up", "--detach")
        release = interleaved(
            runs,
            {"ours": lambda: quiet(PLAYBOOK, str(ours)), "compose": lambda: quiet(*compose, "up", "--detach", "--wait")},
            before=lambda: project.set_env(COLOUR=next(colours)),
        )
        project.compose("up", "--detach", "--wait")
        nothing = interleaved(runs, {"ours": lambda: quiet(PLAYBOOK, str(ours)), "ping": lambda: quiet(PLAYBOOK, str(ping))})
    finally:
        project.down()
    return [
        Ratio("release, 10 s health interval", release["ours"], release["compose"], "docker compose up --wait", 0.3),
        Ratio("no change, one task", nothing["ours"], nothing["ping"], "the same playbook with ping", 1.1),
    ]


def rollback(runs: int, directory: Path) -> tuple[list[Ratio], dict[str, int]]:
    """A rollback until the command ends, and the number of module tasks of deploy and rollback."""
    stack = OperatedStack(directory, unique_name("bench-rollback"))
    empty = playbook(directory, "empty", {"ansible.builtin.debug": {"msg": "nothing"}})
    compose = [*compose_program(), "-p", stack.name, "--project-directory", str(stack.project.directory)]
    try:
        stack.must("deploy/install", version="v1")
        counts = {"deploy": module_tasks(stack.must("deploy/release", version="v2").record)}
        counts["rollback"] = module_tasks(stack.must("incident/rollback", to="v1").record)

        def runbook() -> None:
            # As the runbooks do it: edit .env, up, wait a fixed time, one request.
            stack.project.set_env(APP_VERSION="v1")
            quiet(*compose, "up", "--detach", "api")
            time.sleep(10)
            assert stack.version() == "v1"

        def limit() -> None:
            quiet(PLAYBOOK, str(empty))
            stack.project.set_env(APP_VERSION="v1")
            quiet(*compose, "up", "--detach", "--no-deps", "api")
            while stack.version() != "v1":
                time.sleep(0.02)

        ways = {"ours": lambda: stack.must("incident/rollback", to="v1"), "runbook": runbook, "limit": limit}
        seconds = interleaved(runs, ways, before=lambda: stack.must("deploy/release", version="v2"))
    finally:
        stack.remove()
    return [
        Ratio("rollback, whole command", seconds["ours"], seconds["runbook"], "the runbooks: up -d, sleep 10, curl", 0.25),
        Ratio("rollback, whole command", seconds["ours"], seconds["limit"], "an empty playbook + up until it answers", 1.5),
    ], counts


def module_tasks(record: dict) -> int:
    steps = [step for play in record["plays"] for step in play["steps"] if step["status"] != "skipped"]
    return sum(step["module"].startswith("runbook.compose.") for step in steps)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as place:
        ratios = one_service(runs, Path(place) / "service")
        more, counts = rollback(runs, Path(place) / "rollback")
    ratios += more
    print(f"{'JOB':<34} {'OURS':>8}  {'AGAINST':<42} {'':>8}  RATIO  TARGET")
    for ratio in ratios:
        print(ratio.row())
    for name, target in (("deploy", 12), ("rollback", 8)):
        print(f"module tasks in a {name}: {counts[name]} (target <= {target}: {'met' if counts[name] <= target else 'MISSED'})")
    out = ROOT / ".local" / "benchmarks.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps({"runs": runs, "ratios": [dict(asdict(one), ratio=one.ratio) for one in ratios], "module_tasks": counts}, indent=2))


if __name__ == "__main__":
    main()
