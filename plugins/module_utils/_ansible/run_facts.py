# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a callback reads from Ansible's own objects: tasks, blocks, plays. Nothing here imports Ansible."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Tuple

from .._core.run_record import Step

_INCLUDES = ("include_tasks", "include_role", "import_tasks", "import_role")


def is_include(task: Any) -> bool:
    """Whether a task only brings in other tasks."""
    return str(task.action).rsplit(".", 1)[-1] in _INCLUDES


def step_of(task: Any, host: str) -> Step:
    """The step that a task is on one host."""
    role = getattr(task, "_role", None)
    delegated_to = getattr(task, "delegate_to", None)
    return Step(
        name=step_name(task),
        action=str(getattr(task, "resolved_action", None) or task.action),
        host=host,
        role=str(role.get_name()) if role else "",
        delegated_to=str(delegated_to) if delegated_to and delegated_to != host else "",
        rescued_by=next((block._uuid for block, section in _around(task) if section == "block" and block.rescue), ""),
        in_rescue_of=tuple(block._uuid for block, section in _around(task) if section == "rescue"),
    )


def step_name(task: Any) -> str:
    """The name a person gave the task, or the module's."""
    return str(task.name or task.action)


def play_hosts(play: Any) -> List[str]:
    """The hosts of a play, or of its current batch. Variables of other hosts are none of its business."""
    inventory = play.get_variable_manager()._inventory
    return [host.get_name() for host in inventory.get_hosts(play.hosts)] if inventory else []


def first_of(name: str, variables: List[Mapping[str, Any]]) -> str:
    """The first literal text that the hosts have under this name."""
    values = (str(found.get(name) or "") for found in variables)
    return next((value for value in values if value and "{{" not in value), "")


def _around(task: Any) -> Iterator[Tuple[Any, str]]:
    """The blocks around a task with the section in which it stands, from inside out; roles and includes are crossed."""
    child, parent = task, getattr(task, "_parent", None)
    while parent is not None:
        for section in ("block", "rescue", "always"):
            # Blocks are copied while they are filtered and included; ids stay.
            if any(entry._uuid == child._uuid for entry in getattr(parent, section, None) or ()):
                yield parent, section
        child, parent = parent, getattr(parent, "_parent", None)
