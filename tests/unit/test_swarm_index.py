"""Every playbook works under a swarm or is refused at one place, before anything else, with what there is instead; docs/swarm.md says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OPERATION = ROOT / "roles" / "operation"
PLAYBOOKS = sorted(path for path in (ROOT / "playbooks").glob("*/*.yml") if path.parent.name != "vars")
SWARM = yaml.safe_load((OPERATION / "vars" / "main.yml").read_text())
WORKS = {*SWARM["operation_swarm_verbs"], *SWARM["operation_any_engine_verbs"]}
INSTEAD = SWARM["operation_swarm_instead"]
# What deploy/release does in two plays goes through the operation role inside of a role.
INSIDE = {("deploy", "rollout"): "deploy.release", ("deploy", "rollout_end"): "rollback.release"}


def procedures(plays: list) -> list[str]:
    """Role and verb of each task of a playbook; a task that goes another way than through the operation role is no procedure."""
    found = []
    for task in (task for play in plays for task in play.get("tasks", [])):
        role = task.get("ansible.builtin.include_role", {})
        name, entry, said = role.get("name", "").rpartition(".")[2], str(role.get("tasks_from", "main")), task.get("vars", {})
        if name == "operation" and (entry in ("main", "look") or ("'main'" in entry and "'look'" in entry)):
            found.append(f"{said['operation_role']}.{said['operation_verb']}")
        else:
            found.append(INSIDE.get((name, entry), f"{task.get('name')} goes past the operation role"))
    return found


def instead(procedure: str) -> str:
    return INSTEAD.get(procedure) or INSTEAD.get(procedure.partition(".")[0], "")


def documented() -> dict[str, str]:
    text = (ROOT / "docs" / "swarm.md").read_text()
    return dict(re.findall(r"^\| `([a-z]+/\w+\.yml)` \| (.+) \|$", text, re.MULTILINE))


def load(path: Path) -> list:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=[f"{path.parent.name}/{path.name}" for path in PLAYBOOKS])
def test_a_playbook_works_under_a_swarm_or_says_what_does(playbook):
    plays = load(playbook)
    assert plays[0]["ansible.builtin.import_playbook"] == "../guard.yml"  # where kubernetes ends
    assert all(play["gather_facts"] is False and not {"pre_tasks", "roles", "handlers"} & play.keys() for play in plays[1:])
    found = procedures(plays)
    said = documented()[f"{playbook.parent.name}/{playbook.name}"]
    if set(found) <= WORKS:
        assert said.startswith("works")
    else:
        assert not set(found) & WORKS  # not half of it
        assert {f"refused: {instead(procedure)}" for procedure in found} == {said}


def test_the_list_has_no_playbook_that_is_not_there():
    assert documented().keys() == {f"{path.parent.name}/{path.name}" for path in PLAYBOOKS}


def test_what_works_has_its_entry_and_what_is_said_instead_is_used():
    for procedure in SWARM["operation_swarm_verbs"]:
        role, unused, verb = procedure.partition(".")
        assert (ROOT / "roles" / role / "tasks" / f"swarm_{verb}.yml").is_file(), procedure
    known = {procedure for playbook in PLAYBOOKS for procedure in procedures(load(playbook))}
    assert set(INSTEAD) <= known | {procedure.partition(".")[0] for procedure in known - WORKS}


@pytest.mark.parametrize("entry", ["main", "look"])
def test_both_ways_into_a_procedure_ask_for_the_engine_first(entry):
    first = load(OPERATION / "tasks" / f"{entry}.yml")[0]
    assert (first["ansible.builtin.include_tasks"], first["when"]) == ("engine.yml", "operation_engine != 'compose'")


def test_a_task_that_goes_past_is_found():
    past = [{"tasks": [{"name": "Look", "ansible.builtin.include_role": {"name": "runbook.compose.health", "tasks_from": "check"}}]}]
    assert procedures(past) == ["Look goes past the operation role"] and not instead("unknown.verb")
