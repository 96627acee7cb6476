"""What another engine than Docker Compose has no way to do is refused before the host is asked anything: this host does not even exist."""

from __future__ import annotations

import json
import os
import subprocess

import yaml

from tests.support.modules import ROOT
from tests.support.operated import COMPILED, PLAYBOOK
from tests.unit.test_swarm_index import PLAYBOOKS, WORKS, instead, load, procedures

NOBODY = {"ansible_host": "127.0.0.1", "ansible_port": 1, "runbook_environment": "staging", "stack_name": "shop", "stack_project_dir": "/absent"}
ALL = sorted({procedure for playbook in PLAYBOOKS for procedure in procedures(load(playbook))})
TRY = """
- name: Try it
  block:
    - ansible.builtin.include_role: {name: runbook.compose.operation, tasks_from: "{{ case[1] }}"}
      vars: {operation_role: "{{ case[0].split('.')[0] }}", operation_verb: "{{ case[0].split('.')[1] }}"}
  rescue:
    - ansible.builtin.set_fact: {said: "{{ said | default([]) + [[case[0], ansible_failed_result.msg]] }}"}
"""


def refusals(directory, engine: str, cases: list) -> list:
    """Procedure and message of each one that was refused; a host that was asked is unreachable, and then there are none."""
    (directory / "try.yml").write_text(TRY)
    (directory / "hosts.yml").write_text(yaml.safe_dump({"stack": {"hosts": {"nobody": {**NOBODY, "stack_engine": engine}}}}))
    tasks = [
        {"name": "Try each", "ansible.builtin.include_tasks": str(directory / "try.yml"), "loop": cases, "loop_control": {"loop_var": "case"}},
        {"name": "Keep", "ansible.builtin.copy": {"content": "{{ said | to_json }}", "dest": str(directory / "said.json")}, "delegate_to": "localhost"},
    ]
    (directory / "play.yml").write_text(yaml.safe_dump([{"hosts": "stack", "gather_facts": False, "tasks": tasks}]))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RUNBOOK_"))}
    words = [*PLAYBOOK, "-i", str(directory / "hosts.yml"), str(directory / "play.yml")]
    done = subprocess.run(words, cwd=ROOT, env={**kept, **COMPILED, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    return json.loads((directory / "said.json").read_text())


def test_what_a_swarm_has_no_way_to_do_is_refused(tmp_path):
    """T225: one of each role; that all go this way, and what is said of each, is looked at in tests/unit/test_swarm_index.py."""
    refused = sorted({procedure.partition(".")[0]: procedure for procedure in ALL if procedure not in WORKS}.values())
    said = refusals(tmp_path, "swarm", [[procedure, ("main", "look")[number % 2]] for number, procedure in enumerate(refused)])
    assert [procedure for procedure, message in said] == refused and len(refused) > 8
    for procedure, message in said:
        assert f"{procedure} is not there for stack_engine=swarm: nothing was done." in message
        assert f"Under a swarm there is instead: {instead(procedure)}." in message


def test_what_nobody_knows_is_refused_for_all(tmp_path):
    asked = [["deploy.release", "main"], ["health.check", "look"]]
    said = dict(refusals(tmp_path, "kubernetes", asked))
    refusal = "{} is not there for stack_engine=kubernetes: nothing was done. There are compose and swarm."
    assert said == {procedure: refusal.format(procedure) for procedure, unused in asked}


def test_a_playbook_ends_at_its_guard(tmp_path):
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"stack": {"hosts": {"nobody": {**NOBODY, "stack_engine": "kubernetes"}}}}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RUNBOOK_"))}
    words = [*PLAYBOOK, "-i", str(tmp_path / "hosts.yml"), "playbooks/health/check.yml"]
    done = subprocess.run(words, cwd=ROOT, env={**kept, **COMPILED, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode != 0 and "stack_engine=kubernetes, and there are compose and swarm: nothing was done" in done.stdout, done.stdout
