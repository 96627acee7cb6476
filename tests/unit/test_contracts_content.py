"""What roles, playbooks and inventories promise, held the same way as in test_contracts.py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("local", "staging", "production")
SHELLS = ("shell", "raw", "script", "expect")
COMMANDS = ("command", "local_action", "action")
BLOCKS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")
METHODS = "|".join(name for name in dir(dict) if not name.startswith("_"))
# Plays that are not about the stack's hosts, each with its reason.
LOCAL_PLAYS = {"playbooks/guard.yml": "looks at the whole inventory before any host is touched"}


class Loader(yaml.SafeLoader):
    """Reads Ansible's own tags (!vault, !unsafe) as what they hold."""


Loader.add_multi_constructor("!", lambda loader, tag, node: getattr(node, "value", ""))


def files(*patterns: str) -> list[str]:
    return sorted({path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)})


def load(text: str) -> Any:
    return yaml.load(text, Loader)


def tasks(entries: Any) -> Iterator[dict]:
    """Every task of a tasks file or a playbook, blocks opened."""
    for entry in entries or ():
        if isinstance(entry, dict):
            yield entry
            for section in BLOCKS:
                yield from tasks(entry.get(section))


def short(keyword: str) -> str:
    return keyword.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")


def task_violations(text: str, path: str) -> list[str]:
    """No failure is made to look like success, and no command is a string."""
    bad = []
    for task in tasks(load(text)):
        name = task.get("name", "a task without a name")
        bad += [f"{name}: ignores errors" for keyword in ("ignore_errors", "ignore_unreachable") if task.get(keyword)]
        bad += [f"{name}: never fails"] if task.get("failed_when") in (False, [False], "false") else []
        for keyword, given in task.items():
            bad += [f"{name}: runs a {short(keyword)}"] if short(keyword) in SHELLS else []
            as_list = isinstance(given, dict) and "argv" in given and "cmd" not in given
            bad += [f"{name}: runs a string"] if short(keyword) in COMMANDS and not as_list else []
    return bad


def length_violations(text: str, path: str) -> list[str]:
    """120 lines a file of tasks."""
    return [f"has {text.count(chr(10))} lines"] if text.count("\n") > 120 else []


def excuse_violations(text: str, path: str) -> list[str]:
    """No lint rule is switched off in passing."""
    return [f"line {number}" for number, line in enumerate(text.splitlines(), 1) if "no" + "qa" in line or "yamllint " + "disable" in line]


def yaml_violations(text: str, path: str) -> list[str]:
    """Every YAML file can be read; Ansible reads some of them only when a run comes to them."""
    try:
        load(text)
    except yaml.YAMLError as error:
        return [str(error)]
    return []


def method_violations(text: str, path: str) -> list[str]:
    """A name that every dict has as a method is asked for with get(): Jinja takes the method where the dict has no such key."""
    found = []
    for template in re.findall(r"\{\{.*?\}\}|\{%.*?%\}", text, re.DOTALL):
        found += re.findall(rf"\['(?:{METHODS})'\]|[\w)\]]\.(?:{METHODS})\b(?!\()", re.sub(r"(?<!\[)'[^']*'(?!\])", "''", template))
    return found


def play_violations(text: str, path: str) -> list[str]:
    """A playbook can be called by its full name, and its plays go to chosen hosts without gathering facts."""
    parts = path.removeprefix("playbooks/").removesuffix(".yml").split("/")
    bad = [f"{part} is no part of a full name" for part in parts if not re.fullmatch(r"[a-z][a-z0-9_]*", part)]
    for play in load(text):
        if "import_playbook" in play or "ansible.builtin.import_playbook" in play:
            continue
        name = play.get("name", "a play without a name")
        hosts = str(play.get("hosts", ""))
        chosen = "target_hosts" in hosts or path in LOCAL_PLAYS
        bad += [] if chosen else [f"{name}: hosts are {hosts}, not target_hosts"]
        bad += [] if play.get("gather_facts") is False else [f"{name}: gathers facts"]
    return bad


def reference_violations(text: str, path: str) -> list[str]:
    """Every role, entry point, tasks file and playbook that is named in full is there, and entry points have a spec."""
    bad, here = [], (ROOT / path).parent
    for task in tasks(load(text)):
        words = {short(keyword): given for keyword, given in task.items()}
        for keyword in ("include_role", "import_role"):
            given = words.get(keyword, {})
            bad += entry_violations(str(given.get("name", "")), str(given.get("tasks_from", "main"))) if given else []
        variables = task.get("vars") or {}
        if "operation_role" in variables:
            bad += entry_violations(f"runbook.compose.{variables['operation_role']}", str(variables.get("operation_verb", "main")))
        for keyword in ("include_tasks", "import_tasks", "import_playbook"):
            given = words.get(keyword, "")
            target = str(given.get("file", "") if isinstance(given, dict) else given)
            literal = target and "{{" not in target and not target.startswith("runbook.compose.")
            bad += [f"{target} is not there"] if literal and not (here / target).is_file() else []
    return bad


def entry_violations(role: str, entry: str) -> list[str]:
    if "{{" in role + entry:
        return []
    directory = ROOT / "roles" / role.removeprefix("runbook.compose.")
    entry = entry.removesuffix(".yml")
    bad = [] if role.startswith("runbook.compose.") else [f"{role} is not named in full"]
    bad += [] if (directory / "tasks" / f"{entry}.yml").is_file() else [f"{role} has no tasks {entry}"]
    return bad + ([] if entry in specs(directory) else [f"{role} has no argument spec for {entry}"])


def specs(role: Path) -> dict:
    path = role / "meta" / "argument_specs.yml"
    return load(path.read_text())["argument_specs"] if path.is_file() else {}


def described(environment: Path) -> set[str]:
    """The ``stack_`` variables that an inventory sets, in whichever of its files."""
    names: set[str] = set()
    for path in environment.rglob("*"):
        if path.suffix in (".yml", ".yaml"):
            names |= {name for name in keys(load(path.read_text())) if name.startswith("stack_")}
    return names


def keys(value: Any) -> Iterator[str]:
    """Names of variables: at the top of a file, and below hosts and groups of an inventory."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from () if str(name).startswith("stack_") else keys(item)


TASKS = ("roles/*/tasks/**/*.yml", "roles/*/handlers/*.yml")
PLAYBOOKS = ("playbooks/*.yml", "playbooks/[!v]*/**/*.yml")
RULES = [
    (yaml_violations, ("*.yml", "meta/*.yml", "roles/**/*.yml", "playbooks/**/*.yml", "inventories/**/*.yml", "molecule/**/*.yml")),
    (task_violations, (*TASKS, *PLAYBOOKS, "molecule/**/*.yml")),
    (length_violations, TASKS),
    (excuse_violations, (*TASKS, *PLAYBOOKS, "roles/**/*.yml", "inventories/**/*.yml")),
    (method_violations, (*PLAYBOOKS, "roles/**/*.yml", "inventories/**/*.yml", "molecule/**/*.yml")),
    (play_violations, PLAYBOOKS),
    (reference_violations, (*TASKS, *PLAYBOOKS)),
]
PATH = "playbooks/incident/x.yml"
BAD = [
    *[(task_violations, f"[{{name: x, {task}}}]", PATH) for task in (
        "ignore_errors: true", "failed_when: false", "failed_when: [false]", "ansible.builtin.shell: ls", "shell: {cmd: ls}",
        "ansible.builtin.command: ls -l", "command: {cmd: ls}", "ansible.builtin.raw: ls", "local_action: command ls",
        "block: [{always: [{ignore_errors: true}]}]", "hosts: x, tasks: [{rescue: [{failed_when: false}]}]",
    )],
    (yaml_violations, "a: b: c", PATH),
    (length_violations, "- x\n" * 121, PATH),
    (excuse_violations, "- name: x  # no" + "qa name", PATH),
    (method_violations, "x: \"{{ (a | default({}))['keys'] | default({}) }}\"", PATH),
    (method_violations, "x: '{% if a.items %}{% endif %}'", PATH),
    (play_violations, "[{hosts: all, gather_facts: false}]", PATH),
    (play_violations, "[{hosts: '{{ target_hosts }}'}]", PATH),
    (play_violations, "[{hosts: '{{ target_hosts }}', gather_facts: false}]", "playbooks/Roll-Back.yml"),
    *[(reference_violations, f"[{{tasks: [{task}]}}]", PATH) for task in (
        "{ansible.builtin.include_role: {name: runbook.compose.absent}}", "{include_role: {name: runbook.compose.operation, tasks_from: absent}}",
        "{include_role: {name: operation}}", "{include_tasks: absent.yml}", "{vars: {operation_role: absent, operation_verb: x}}",
    )],
    (reference_violations, "[{ansible.builtin.import_playbook: ../absent.yml}]", PATH),
]  # fmt: skip
GOOD = [
    (yaml_violations, "a: !vault |\n  x", PATH),
    (task_violations, "[{block: [{command: {argv: [ls]}, failed_when: x.rc > 1, ignore_errors: false}]}]", PATH),
    (length_violations, "- x\n" * 120, PATH),
    (method_violations, "x: \"{{ a.get('keys', {}) }} {{ a.keys() }} {{ 'redis.keys' }}\"\ny: a.keys", PATH),
    (play_violations, "[{import_playbook: x.yml}, {hosts: \"{{ target_hosts | default('stack') }}\", gather_facts: false}]", PATH),
    (reference_violations, "[{import_playbook: ../guard.yml}, {tasks: [{include_role: {name: runbook.compose.operation}}]}]", PATH),
    (reference_violations, "[{vars: {operation_role: '{{ x }}'}, include_role: {name: 'runbook.compose.{{ x }}', tasks_from: '{{ y }}'}}]", PATH),
]  # fmt: skip
CASES = [(rule, path) for rule, patterns in RULES for path in files(*patterns)]
ROLES = files("roles/*")


@pytest.mark.parametrize(("rule", "path"), CASES, ids=[f"{rule.__name__}:{path}" for rule, path in CASES])
def test_every_file_keeps_the_rule(rule, path):
    assert rule((ROOT / path).read_text(), path) == [], rule.__doc__


@pytest.mark.parametrize(("rule", "text", "path"), BAD)
def test_every_rule_finds_what_breaks_it(rule, text, path):
    assert rule(text, path) != []


@pytest.mark.parametrize(("rule", "text", "path"), GOOD)
def test_no_rule_finds_fault_with_what_keeps_it(rule, text, path):
    assert rule(text, path) == []


def test_every_rule_has_files_to_hold_for_and_a_sample():
    assert {rule for rule, *unused in CASES} == {rule for rule, *unused in RULES} == {rule for rule, *unused in BAD}


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_of_a_role_has_a_spec_and_every_spec_an_entry_point(role):
    entries = specs(ROOT / role)
    assert entries, f"{role} has no meta/argument_specs.yml"
    assert [entry for entry in entries if not (ROOT / role / "tasks" / f"{entry}.yml").is_file()] == []
    assert [entry for entry, spec in entries.items() if not spec.get("short_description")] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_environments_describe_the_stack_with_the_same_variables(environment):
    told = {name: described(ROOT / "inventories" / name) for name in ENVIRONMENTS}
    assert "stack_name" in told[environment]
    assert {name: sorted(names ^ told[environment]) for name, names in told.items()} == {name: [] for name in ENVIRONMENTS}


def test_what_an_inventory_describes_is_found_in_any_of_its_files(tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("stack_name: shop\nother: 1\nstack_edge: {stack_inner: 1}\nsecret: !vault x\n")
    (tmp_path / "hosts.yml").write_text("all: {vars: {stack_project_dir: x}, hosts: {a: {stack_host: 1}}}\n")
    assert described(tmp_path) == {"stack_name", "stack_edge", "stack_project_dir", "stack_host"}
