"""Blocks as Ansible builds them: a task knows its parent, a block its three sections, an include stands in between."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_facts import first_of, is_include, step_of


def task(uuid: str, parent: object = None, **fields) -> SimpleNamespace:
    defaults = {"name": f"Task {uuid}", "action": "ansible.builtin.command", "resolved_action": None, "delegate_to": None, "_role": None}
    return SimpleNamespace(_uuid=uuid, _parent=parent, **{**defaults, **fields})


def block(uuid: str, parent: object = None, **sections) -> SimpleNamespace:
    """A block that lists copies: only the ids of its entries are those of the tasks that run."""
    listed = {name: [SimpleNamespace(_uuid=entry) for entry in sections.get(name, "")] for name in ("block", "rescue", "always")}
    return SimpleNamespace(_uuid=uuid, _parent=parent, **listed)


def test_a_task_in_a_block_with_a_rescue_is_rescued_by_it():
    step = step_of(task("a", block("B", block="a", rescue="r")), "one")
    assert (step.rescued_by, step.in_rescue_of) == ("B", ())


@pytest.mark.parametrize("section", ["rescue", "always"])
def test_a_task_beside_the_block_section_is_not_rescued_by_the_same_block(section):
    step = step_of(task("a", block("B", **{"block": "x", "rescue": "r", section: "a"})), "one")
    assert step.rescued_by == ""
    assert step.in_rescue_of == (("B",) if section == "rescue" else ())


def test_a_block_without_rescue_hands_its_failure_on():
    outer = block("O", block="I", rescue="r")
    inner = block("I", outer, block="a")
    assert step_of(task("a", inner), "one").rescued_by == "O"


def test_a_rescue_that_fails_is_rescued_by_the_block_around_an_include():
    outer = block("O", block="i", rescue="r")
    include = task("i", outer)
    inner = block("I", include, block="x", rescue="a")
    step = step_of(task("a", inner), "one")
    assert (step.rescued_by, step.in_rescue_of) == ("O", ("I",))


def test_a_task_outside_of_any_block_is_not_rescued():
    assert step_of(task("a"), "one").rescued_by == ""


def test_a_step_is_named_by_people_or_by_its_module():
    role = SimpleNamespace(get_name=lambda: "deploy")
    named = step_of(task("a", name="Do it", resolved_action="runbook.compose.release", delegate_to="two", _role=role), "one")
    assert (named.name, named.action, named.role, named.delegated_to) == ("Do it", "runbook.compose.release", "deploy", "two")
    assert step_of(task("a", name=""), "one").name == "ansible.builtin.command"
    assert step_of(task("a", delegate_to="one"), "one").delegated_to == ""


@pytest.mark.parametrize(
    ("action", "include"),
    [("include_tasks", True), ("ansible.builtin.include_role", True), ("ansible.builtin.include_vars", False), ("command", False)],
)
def test_includes_are_structure(action, include):
    assert is_include(task("a", action=action)) is include


def test_the_first_literal_value_is_taken():
    assert first_of("env", [{}, {"env": "{{ x }}"}, {"env": "staging"}, {"env": "production"}]) == "staging"
    assert first_of("env", []) == ""
