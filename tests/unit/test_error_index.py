"""docs/errors.md names exactly the reasons that modules can fail with, and those that roles give."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Iterator

import yaml
from ansible_collections.runbook.compose.plugins.module_utils._core.probe_verdict import OK, SEVERITY, SKIPPED

ROOT = Path(__file__).resolve().parents[2]
# What a template gives when no module said why, and what it compares with what one said.
GIVEN = re.compile(r"default\(\s*'([a-z_]+)'")
COMPARED = re.compile(r"\breason\b(?:\s*\|\s*default\('[a-z_]*'\))?\s*(?:==|!=|(?:not\s+)?in)\s*(\[[^\]]*\]|'[a-z_]*')")
ROW = re.compile(r"^\| `([a-z_]+)` \| \S.* \| \S.* \|$", re.MULTILINE)


def declared(source: str) -> set[str]:
    """Values of ``reason = "..."`` in the bodies of classes."""
    return {
        line.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        for line in node.body
        if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "reason" and isinstance(line.value, ast.Constant)
    }


def reasons_of_the_code() -> set[str]:
    found = {f"probe_{verdict}" for verdict in SEVERITY if verdict not in (OK, SKIPPED)}
    for path in (ROOT / "plugins").rglob("*.py"):
        found |= declared(path.read_text())
    return found


def given(node: Any) -> Iterator[str]:
    """Reasons that a document of a role or playbook gives: what stands under ``reason``, also in a mapping within a template."""
    if isinstance(node, list):
        for item in node:
            yield from given(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "reason" and isinstance(value, str):
                yield from GIVEN.findall(value) if "{{" in value else [value]
            else:
                yield from given(value)
    elif isinstance(node, str):
        for value in re.findall(r"'reason':([^}]*)", node):
            yield from GIVEN.findall(value) + re.findall(r"^\s*'([a-z_]+)'", value)


def compared(text: str) -> set[str]:
    return {name for names in COMPARED.findall(text) for name in re.findall(r"[a-z_]+", names)}


def reasons_of_the_roles() -> set[str]:
    files = [path for place in ("roles", "playbooks") for path in (ROOT / place).rglob("*.yml") if "meta" not in path.parts]
    return {reason for path in files for reason in given(yaml.safe_load(path.read_text()))}


def test_every_reason_is_explained_and_no_other():
    explained = ROW.findall((ROOT / "docs" / "errors.md").read_text())
    known = reasons_of_the_code() | reasons_of_the_roles()
    assert {"missing in docs/errors.md": sorted(known - set(explained)), "given by nothing": sorted(set(explained) - known)} == {
        "missing in docs/errors.md": [],
        "given by nothing": [],
    }
    assert sorted(explained) == sorted(set(explained)), "a reason is explained twice"


def test_what_only_roles_say_has_its_own_section():
    section = (ROOT / "docs" / "errors.md").read_text().partition("\n## What only playbooks say\n")[2].partition("\n## ")[0]
    assert sorted(ROW.findall(section)) == sorted(reasons_of_the_roles() - reasons_of_the_code())


def test_roles_branch_only_on_reasons_that_exist():
    known = reasons_of_the_code() | reasons_of_the_roles()
    found = {
        path.relative_to(ROOT).as_posix(): compared(path.read_text()) - known for place in ("roles", "playbooks") for path in (ROOT / place).rglob("*.yml")
    }
    assert {path: reasons for path, reasons in found.items() if reasons} == {}


def test_only_reasons_of_classes_are_found():
    assert declared('class A(Exception):\n    reason = "a"\n    other = "b"\nreason = "c"\n') == {"a"}
    assert ROW.findall("| `a_b` | what | do |\n| `c` | | do |\n| reason | what | do |") == ["a_b"]


def test_reasons_of_roles_are_found_wherever_they_stand():
    document = """
    - set_fact: {x_failure: {reason: plain}}
    - set_fact:
        x_failure:
          reason: "{{ result.reason | default('last' if other else 'never') }}"
          msg: "{{ result.msg | default('no message') }}"
    - set_fact:
        x_failure: "{{ y_failure | default({'reason': result.reason | default('inline'), 'msg': ''}) }}"
    - vars: {x: "{{ {'reason': 'literal'} }}"}
    - module: {pin_reason: none, reason: "{{ x_reason }}"}
    """
    assert list(given(yaml.safe_load(document))) == ["plain", "last", "inline", "literal"]
    assert compared("reason not in ['a', 'b_c']\nx.reason | default('') == 'd'\nother == 'e'\nreason is defined") == {"a", "b_c", "d"}
