# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stack in a swarm is well: its tasks, its images, and the ports that it publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .ledger import Ledger
from .problem import CRITICAL, WARNING, Problem
from .swarm import SwarmService, SwarmTask
from .swarm_convergence import expected, is_settled, last_word, right_tasks
from .swarm_release import image_of

# Published by the routing mesh on every node, or by a node for its own task alone.
INGRESS, HOST = "ingress", "host"
_NOWHERE = ("", "0.0.0.0", "::")


@dataclass(frozen=True)
class Node:
    id: str
    name: str
    address: str
    ready: bool


@dataclass(frozen=True)
class Port:
    """A TCP port that a service publishes."""

    number: int
    mode: str = INGRESS


@dataclass(frozen=True)
class Door:
    """Where a port of a service has to answer."""

    service: str
    node: str
    address: str
    port: int


def parse_node(answer: Mapping[str, Any]) -> Node:
    """Reads one node of ``GET /nodes``. A manager may not know its own address but from its peers."""
    status, manager = answer.get("Status") or {}, answer.get("ManagerStatus") or {}
    address = status.get("Addr", "")
    if address in _NOWHERE:
        address = manager.get("Addr", "").rpartition(":")[0].strip("[]")
    name = (answer.get("Description") or {}).get("Hostname") or answer["ID"]
    return Node(answer["ID"], name, address, status.get("State") == "ready")


def parse_ports(inspected: Mapping[str, Any]) -> Tuple[Port, ...]:
    """Of one answer of ``GET /services/{id}``. A port that the swarm has not chosen yet, and what is no TCP, cannot be asked."""
    told = (inspected.get("Endpoint") or {}).get("Ports") or []
    found = [Port(int(port.get("PublishedPort") or 0), port.get("PublishMode") or INGRESS) for port in told if port.get("Protocol", "tcp") == "tcp"]
    return tuple(sorted({port for port in found if port.number}, key=lambda port: (port.number, port.mode)))


def doors(service: SwarmService, ports: Sequence[Port], nodes: Sequence[Node], tasks: Sequence[SwarmTask]) -> List[Door]:
    """A port of the mesh answers on every node that is ready, whatever runs there; one of the host where a task of the service runs."""
    at_home = {task.node for task in right_tasks(service, tasks)}
    wanted = service.mode != "replicated" or service.replicas > 0
    return [
        Door(service.name, node.name, node.address, port.number)
        for port in ports
        for node in sorted(nodes, key=lambda node: node.name)
        if node.address and ((port.mode == INGRESS and node.ready and wanted) or (port.mode == HOST and node.name in at_home))
    ]


def task_problems(services: Sequence[SwarmService], tasks: Sequence[SwarmTask]) -> List[Problem]:
    found = []
    for service in services:
        running = f"{len(right_tasks(service, tasks))} of {expected(service, tasks)} tasks of {service.name} run as they should"
        if not is_settled(service, tasks):
            busy = f", and the swarm is busy with it ({service.update_state})" if service.update_state in ("updating", "rollback_started") else ""
            message = f"{running}{busy}. {last_word(service, tasks)}"
            found.append(_problem("tasks_missing", CRITICAL, service.name, message, f"docker service ps --no-trunc {service.name}"))
        elif service.update_state in ("paused", "rollback_paused", "rollback_completed"):
            message = f"{running}, and its last update was given up ({service.update_state}): {service.update_message or 'no reason given'}."
            found.append(_problem("update_given_up", WARNING, service.name, message, "Release again, or go back: the next update ends this."))
    return found


def image_problems(services: Sequence[SwarmService], ledger: Ledger) -> List[Problem]:
    """What is declared is what the release says that is current. Before there is one, nothing is declared."""
    current = ledger.current_release
    found = []
    if ledger.staged:
        message = f"Release {ledger.staged} was begun and is not proven."
        found.append(_problem("release_unfinished", WARNING, ledger.staged, message, "Run playbooks/deploy/release.yml again, or incident/rollback.yml."))
    if current is None or not current.of_swarm:
        return found
    for service in services:
        declared = current.images.get(service.short)
        if declared is not None and service.image != image_of(declared):
            message = f"{service.name} has the image {service.image}, and release {current.title} says {image_of(declared)}."
            hint = "Somebody updated it by hand, or docker stack deploy did: release that version, or go back to release current."
            found.append(_problem("image_differs", WARNING if ledger.staged else CRITICAL, service.name, message, hint))
    return found


def door_problems(closed: Mapping[Door, str]) -> List[Problem]:
    """``closed`` has what was said at each door that did not answer."""
    return [
        _problem(
            "port_silent",
            CRITICAL,
            door.service,
            f"Port {door.port} of {door.service} does not answer on {door.node} ({door.address}): {said}.",
            "Look at the task there, at the routing mesh (ports 7946 and 4789 between the nodes), and at firewalls.",
        )
        for door, said in closed.items()
    ]


def door_rows(asked: Sequence[Door], closed: Mapping[Door, str]) -> List[Dict[str, Any]]:
    return [{"service": door.service, "node": door.node, "address": door.address, "port": door.port, "answers": door not in closed} for door in asked]


def _problem(problem: str, severity: str, subject: str, message: str, hint: str) -> Problem:
    return Problem("swarm", problem, severity, subject, message, hint)
