# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a service of a swarm has become what was asked for, is on its way, or will not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .errors import OperationError
from .swarm import REPLICATED, SwarmService, SwarmTask
from .text_table import aligned

_HEADER = ("SERVICE", "MODE", "RUNNING", "IMAGE", "UPDATE", "NODES", "PROBLEM")
# States from which a task does not come back; the swarm makes another one. A service goes on, so an end is one too early, whatever its exit code:
# a container that is stopped because its health check failed may well end with 0.
_ENDED = ("complete", "failed", "rejected")
_SHOWN_TASKS = 8


class SwarmUpdateFailed(OperationError):
    """The swarm gave up an update of a service, or took it back."""

    reason = "swarm_update_failed"


class SwarmNotConverged(OperationError):
    """The tasks of a service did not become what was asked for in time."""

    reason = "swarm_not_converged"


class SwarmRollbackFailed(OperationError):
    """After a failed update the service did not become again what it was."""

    reason = "swarm_rollback_failed"


@dataclass(frozen=True)
class Progress:
    """``verdict`` is converged, waiting or failed; ``running`` are the ids of the tasks that are as they should be."""

    verdict: str
    running: Tuple[str, ...] = ()
    message: str = ""


def judge(service: SwarmService, tasks: Sequence[SwarmTask], goal: str = "update") -> Progress:
    """Judges one look. ``goal`` is update, return or look: a way back that the swarm took by itself is a failure of an update only, and for a look
    nothing counts that the swarm gave up long ago."""
    right = right_tasks(service, tasks)
    running = tuple(sorted(task.id for task in right))
    if (service.update_state in ("paused", "rollback_paused") and goal != "look") or (service.update_state == "rollback_completed" and goal == "update"):
        return Progress("failed", running, f"the swarm says {service.update_state}: {service.update_message or 'no reason given'}")
    if service.update_state in ("updating", "rollback_started"):
        return Progress("waiting", running, f"the swarm is {service.update_state.replace('_', ' ')}, {_count(service, tasks)}")
    others = [task for task in tasks if task.service == service.id and task.desired == "running" and task.id not in running]
    if len(right) == expected(service, tasks) and not others:
        return Progress("converged", running, _count(service, tasks))
    return Progress("waiting", running, _count(service, tasks))


def way_back(now: SwarmService, previous: Optional[SwarmService], before: SwarmService, wanted: SwarmService) -> str:
    """After an update failed: ``is_back`` where the service is what it was, ``previous`` where the swarm's own way back leads there, else ``foreign``:
    somebody changed it after us, and the specification before that one is not the one that we found."""
    if _same(now, before):
        return "is_back"
    return "previous" if _same(now, wanted) and previous is not None and _same(previous, before) else "foreign"


def _same(one: SwarmService, other: SwarmService) -> bool:
    return (one.image, one.replicas, one.force_update) == (other.image, other.replicas, other.force_update)


def is_settled(service: SwarmService, tasks: Sequence[SwarmTask]) -> bool:
    """Whether nothing is wrong now, whatever became of an update long ago."""
    return len(right_tasks(service, tasks)) == expected(service, tasks) and service.update_state not in ("updating", "rollback_started")


def right_tasks(service: SwarmService, tasks: Sequence[SwarmTask]) -> List[SwarmTask]:
    """Tasks that run, shall run, and were made from the specification that is in force."""
    return [
        task
        for task in tasks
        if task.service == service.id
        and (task.state, task.desired) == ("running", "running")
        and (task.image, task.force_update) == (service.image, service.force_update)
    ]


def expected(service: SwarmService, tasks: Sequence[SwarmTask]) -> int:
    if service.mode == REPLICATED:
        return service.replicas
    wanted = {task.node for task in tasks if task.service == service.id and task.desired in ("running", "ready") and task.node}
    return max(1, len(wanted))


def troubles(service: SwarmService, tasks: Sequence[SwarmTask]) -> List[Dict[str, Any]]:
    """What the engines said of tasks that are not as they should be, newest first; those of other specifications do not count."""
    right = {task.id for task in right_tasks(service, tasks)}
    made = [task for task in tasks if task.service == service.id and (task.image, task.force_update) == (service.image, service.force_update)]
    odd = [task for task in made if task.id not in right and (task.error or task.state in _ENDED)]
    newest = sorted(odd, key=lambda task: task.at, reverse=True)[:_SHOWN_TASKS]
    return [
        {
            "task": f"{service.name}.{task.slot or task.node}",
            "node": task.node,
            "state": task.state,
            "error": task.error or _early_end(task),
            "exit_code": task.exit_code,
            "image": task.image,
        }
        for task in newest
    ]


def _early_end(task: SwarmTask) -> str:
    return f"it ended with exit code {task.exit_code}, by itself or because its health check failed"


def last_word(service: SwarmService, tasks: Sequence[SwarmTask]) -> str:
    found = troubles(service, tasks)
    if not found:
        return "No task says why."
    where = f" on {found[0]['node']}" if found[0]["node"] else ""
    return f"Last word of {found[0]['task']}{where}: {found[0]['error']}."


def summary(service: SwarmService, tasks: Sequence[SwarmTask]) -> Dict[str, Any]:
    """A service as diff and results show it: nothing of its environment."""
    return {
        "image": service.image,
        "replicas": expected(service, tasks),
        "running": len(right_tasks(service, tasks)),
        "force_update": service.force_update,
        "update": service.update_state,
    }


def table(services: Sequence[SwarmService], tasks: Sequence[SwarmTask]) -> str:
    return "\n".join(aligned([_HEADER, *(_row(service, tasks) for service in services)]))


def _row(service: SwarmService, tasks: Sequence[SwarmTask]) -> Sequence[str]:
    nodes = sorted({task.node for task in right_tasks(service, tasks)})
    wrong = "" if is_settled(service, tasks) else last_word(service, tasks)
    name = service.image.partition("@")[0]
    return (service.name, service.mode, _count(service, tasks), name, service.update_state or "-", ",".join(nodes) or "-", wrong or "-")


def _count(service: SwarmService, tasks: Sequence[SwarmTask]) -> str:
    return f"{len(right_tasks(service, tasks))}/{expected(service, tasks)}"
