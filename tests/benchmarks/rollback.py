"""A rollback until the command ends, and the number of module tasks of deploy and rollback."""

from __future__ import annotations

import time
from pathlib import Path

from _measure import PLAYBOOK, Ratio, interleaved, playbook, quiet
from _peers import peers_environment

from tests.support.operated import OperatedStack
from tests.support.stacks import compose_program, unique_name


def measure(runs: int, directory: Path) -> tuple[list[Ratio], dict[str, int]]:
    stack = OperatedStack(directory, unique_name("bench-rollback"))
    empty = playbook(directory, "empty", {"ansible.builtin.debug": {"msg": "nothing"}})
    community = playbook(directory, "community", *_community_tasks(stack))
    compose = [*compose_program(), "-p", stack.name, "--project-directory", str(stack.project.directory)]
    peers = peers_environment()
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
            quiet(PLAYBOOK, empty)
            stack.project.set_env(APP_VERSION="v1")
            quiet(*compose, "up", "--detach", "--no-deps", "api")
            while stack.version() != "v1":
                time.sleep(0.02)

        ways = {
            "ours": lambda: stack.must("incident/rollback", to="v1"),
            "runbook": runbook,
            "limit": limit,
            "community": lambda: quiet(PLAYBOOK, community, environment=peers),
        }
        seconds = interleaved(runs, ways, before=lambda: stack.must("deploy/release", version="v2"))
    finally:
        stack.remove()
    return [
        Ratio("rollback, whole command", seconds["ours"], seconds["runbook"], "the runbooks: up -d, sleep 10, curl", 0.25),
        Ratio("rollback, whole command", seconds["ours"], seconds["limit"], "an empty playbook + up until it answers", 1.5),
        Ratio("rollback, whole command", seconds["ours"], seconds["community"], "community.docker: env, up, health, request", 0.7),
    ], counts


def _community_tasks(stack: OperatedStack) -> list[dict]:
    """The four tasks of a careful playbook without us. They keep no ledger, hold no lease and prove no digest."""
    compose = {"project_src": str(stack.project.directory), "project_name": stack.name}
    return [
        {"ansible.builtin.lineinfile": {"path": str(stack.project.env_path), "regexp": "^APP_VERSION=", "line": "APP_VERSION=v1"}},
        {"community.docker.docker_compose_v2": {**compose, "services": ["api"], "wait": True}},
        {"community.docker.docker_container_info": {"name": f"{stack.name}-api-1"}},
        {
            "ansible.builtin.uri": {"url": f"http://127.0.0.1:{stack.port}/health", "return_content": True},
            "register": "answer",
            "until": "answer.json.version | default('') == 'v1'",
            "retries": 20,
            "delay": 1,
        },
    ]


def module_tasks(record: dict) -> int:
    steps = [step for play in record["plays"] for step in play["steps"] if step["status"] != "skipped"]
    return sum(step["module"].startswith("runbook.compose.") for step in steps)
