# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service and stores of its own as a compose project that can reach nothing else: no live network, no live data, no way out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

from .compose_model import ComposeModel
from .errors import BadInput

LABEL_TESTS = "runbook.tests"
# What makes a service what it is. Everything that reaches outside (ports, networks, labels for a proxy, links, hosts, devices) is left out.
_KEPT = (
    "cap_drop", "command", "cpus", "entrypoint", "environment", "healthcheck", "image", "init", "mem_limit", "read_only", "shm_size", "stop_grace_period",
    "stop_signal", "tmpfs", "ulimits", "user", "working_dir",
)  # fmt: skip


class LiveReached(BadInput):
    """What was to be apart from everything is not, or its name is taken."""

    reason = "not_isolated"


@dataclass(frozen=True)
class Isolation:
    """The service whose tests run, the stores that it gets, and the image of each."""

    service: str
    stores: Tuple[str, ...]
    images: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


def tests_project(stack: str) -> str:
    return f"{stack}-tests"


def isolated_project(config: Mapping[str, Any], isolation: Isolation, is_file: Callable[[str], bool]) -> Dict[str, Any]:
    """The compose file, from compose's own JSON of the live one (in which a dollar sign stands twice)."""
    live = config.get("services") or {}
    services = {name: _service(name, live[name] or {}, isolation, is_file) for name in (*isolation.stores, isolation.service)}
    own = {name: value.replace("$", "$$") for name, value in isolation.environment.items()}
    services[isolation.service]["environment"] = {**(services[isolation.service].get("environment") or {}), **own}
    return {"services": services, "networks": {"default": {"internal": True, "labels": {LABEL_TESTS: "1"}}}}


def choose_stores(model: ComposeModel, service: str, stores: Sequence[str]) -> Tuple[str, ...]:
    """The named stores, each a service of the files and none of them the service itself."""
    model.select([service, *stores])
    if service in stores:
        raise BadInput(f"{service} cannot be a store of its own tests.", option="stores")
    return tuple(dict.fromkeys(stores))


def refuse_foreign(project: str, labels: Sequence[Mapping[str, str]]) -> None:
    """Containers of this project that no test run made belong to somebody."""
    if any(LABEL_TESTS not in one for one in labels):
        raise LiveReached(
            f"There is a compose project {project} that is not ours: its containers would be removed. No test was run.",
            hint="Give that project another name.",
            project=project,
        )


def refuse_networks(project: str, networks: Sequence[str], internal: bool) -> None:
    """The proof: the container that ran the tests was in the one network of its own, and that leads nowhere."""
    if list(networks) != [f"{project}_default"] or not internal:
        raise LiveReached(
            f"The tests ran in {', '.join(networks) or 'no network'}, and not in {project}_default alone.",
            hint="This is a defect: nothing of a test may reach the live stack. Look what the tests wrote.",
            networks=list(networks),
        )


def _service(name: str, body: Mapping[str, Any], isolation: Isolation, is_file: Callable[[str], bool]) -> Dict[str, Any]:
    kept: Dict[str, Any] = {key: body[key] for key in _KEPT if body.get(key) is not None}
    kept["image"] = isolation.images[name].replace("$", "$$")
    kept["pull_policy"] = "never"
    kept["labels"] = {LABEL_TESTS: "1"}
    volumes = [_volume(mount, is_file) for mount in body.get("volumes") or []]
    return {**kept, "volumes": volumes} if volumes else kept


def _volume(mount: Mapping[str, Any], is_file: Callable[[str], bool]) -> Dict[str, Any]:
    """Files of the configuration are there to read. Data, and whatever else was mounted, is an empty volume."""
    if mount.get("type") == "bind" and is_file(str(mount.get("source") or "")):
        return {"type": "bind", "source": str(mount["source"]), "target": mount["target"], "read_only": True}
    return {"type": "volume", "target": mount["target"]}
