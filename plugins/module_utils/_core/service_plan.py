# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to happen to the services of a stack so that they are in the wanted state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .compose_model import ComposeModel, ServiceDefinition
from .container import Container
from .errors import BadInput
from .plan import Plan, Step

# What `compose up` does: everything that begins or replaces a container.
UP_ACTIONS = ("create", "recreate", "scale", "start")


class ImageMissing(BadInput):
    """A container would have to be made from an image that is not on the host."""

    reason = "image_missing"


class CannotScale(BadInput):
    """Two containers of this service cannot run beside each other."""

    reason = "cannot_scale"


class ConfigurationPending(BadInput):
    """A restart would not apply an edit that is waiting."""

    reason = "configuration_pending"


@dataclass(frozen=True)
class Wanted:
    """The request. ``services`` are chosen names, ``replicas`` are counts for the state ``scaled``."""

    state: str
    services: Tuple[str, ...]
    replicas: Mapping[str, int] = field(default_factory=dict)
    restart_when: str = "always"
    on_drift: str = "recreate"


@dataclass(frozen=True)
class Observed:
    """What the files say and what is there. ``image_ids`` holds the id (or None) of each reference on this host."""

    model: ComposeModel
    containers: Tuple[Container, ...]
    image_ids: Mapping[str, Optional[str]]

    def of(self, service: str) -> List[Container]:
        return [container for container in self.containers if container.service == service]


@dataclass(frozen=True)
class Work:
    """One action on one service. ``leftovers`` are ids of containers that an interrupted run left beside the right one."""

    action: str
    service: str
    reason: str = ""
    replicas: int = 1
    leftovers: Tuple[str, ...] = ()


def plan_services(observed: Observed, wanted: Wanted) -> Tuple[Plan, Tuple[Work, ...]]:
    """The plan, and the same as work for the one who applies it."""
    in_order = [name for layer in observed.model.layers(wanted.services) for name in layer]
    work = tuple(item for name in in_order for item in _decide(observed, wanted, name))
    _refuse_missing_images(observed, work)
    steps = tuple(Step(item.action, item.service, item.reason) for item in work)
    doing = {item.service: item for item in work}
    before = {name: service_summary(observed, name) for name in wanted.services}
    after = {name: _summary_after(observed, doing.get(name), before[name]) for name in wanted.services}
    return Plan(before, after, steps), work


def _decide(observed: Observed, wanted: Wanted, name: str) -> List[Work]:
    containers = observed.of(name)
    if wanted.state == "stopped":
        return [Work("stop", name)] if any(_is_up(container) for container in containers) else []
    if wanted.state == "absent":
        return [Work("remove", name)] if containers else []
    if wanted.state == "restarted":
        return _decide_restart(observed, wanted, name)
    if wanted.state == "scaled":
        return _decide_scale(observed, wanted, name)
    started = _decide_start(observed, name)
    if wanted.state == "recreated" and not started:
        return [Work("recreate", name, "asked for", len(containers))]
    return started


def _decide_start(observed: Observed, name: str) -> List[Work]:
    service, all_of_it = observed.model.service(name), observed.of(name)
    if service.replicas == 0:
        return []
    containers, leftovers = without_leftovers(observed, service, all_of_it)
    # More than the files ask for were scaled so by somebody: they stay.
    replicas = max(service.replicas, len(containers))
    extra = tuple(container.id for container in leftovers)
    if not containers:
        return [Work("create", name, "missing", replicas, extra)]
    drift = drift_of(observed, service, containers)
    if drift:
        return [Work("recreate", name, drift, replicas, extra)]
    if len(containers) < service.replicas:
        return [Work("scale", name, f"{len(containers)} of {service.replicas}", replicas, extra)]
    if not all(_is_done_or_up(observed.model, container) for container in containers):
        return [Work("start", name, "not running", replicas, extra)]
    return [Work("start", name, "left over from an interrupted run", replicas, extra)] if extra else []


def _decide_restart(observed: Observed, wanted: Wanted, name: str) -> List[Work]:
    service, containers = observed.model.service(name), observed.of(name)
    if wanted.restart_when == "unhealthy" and all(_is_well(observed.model, container) for container in containers) and containers:
        return []
    if observed.model.is_one_shot(name) and containers:
        return []  # it ran to its end; running it again is a decision of its own
    drift = drift_of(observed, service, containers)
    if drift and wanted.on_drift == "fail":
        raise ConfigurationPending(
            f"Service {name} has edits that a restart would not apply ({drift}). Nothing was restarted.",
            hint="Use state=started to apply them, or on_drift=ignore to restart as it is.",
            service=name,
        )
    if not containers or (drift and wanted.on_drift == "recreate"):
        return _decide_start(observed, name)
    return [Work("restart", name, "asked for" if wanted.restart_when == "always" else "not healthy", len(containers))]


def _decide_scale(observed: Observed, wanted: Wanted, name: str) -> List[Work]:
    count = wanted.replicas.get(name)
    if count is None:
        return []
    service = observed.model.service(name)
    if count > 1 and (service.fixed_name or service.fixed_port):
        why = "container_name" if service.fixed_name else "a fixed port of the host"
        raise CannotScale(
            f"Service {name} has {why}, so {count} of it cannot run beside each other. Nothing was done.",
            hint="Remove it from the compose file; the edge finds containers by themselves.",
            service=name,
            replicas=count,
        )
    running = [container for container in observed.of(name) if _is_up(container)]
    if len(running) == count == len(observed.of(name)):
        return []
    return [Work("scale", name, f"{len(running)} to {count}", count)]


def drift_of(observed: Observed, service: ServiceDefinition, containers: Sequence[Container]) -> str:
    """Why the containers are not what the files and images mean now; empty when they are."""
    reasons = []
    if any(container.config_hash != service.config_hash for container in containers):
        reasons.append("configuration")
    wanted_image = observed.image_ids.get(service.image)
    if wanted_image and any(container.image_id != wanted_image for container in containers):
        reasons.append("image")
    return " and ".join(reasons) + " changed" if reasons else ""


def without_leftovers(
    observed: Observed, service: ServiceDefinition, containers: Sequence[Container]
) -> Tuple[List[Container], List[Container]]:
    """Compose replaces by making a second container of the same number; killed in between, it leaves both."""
    image = observed.image_ids.get(service.image)
    kept: Dict[int, Container] = {}
    leftovers = []
    for container in sorted(containers, key=lambda one: (one.running, one.config_hash == service.config_hash, one.image_id == image)):
        if container.number in kept:
            leftovers.append(kept[container.number])
        kept[container.number] = container
    return [kept[number] for number in sorted(kept)], leftovers


def _refuse_missing_images(observed: Observed, work: Sequence[Work]) -> None:
    names = [item.service for item in work if item.action in ("create", "recreate", "scale")]
    missing = sorted({observed.model.service(name).image for name in names if observed.image_ids.get(observed.model.service(name).image) is None})
    if missing:
        raise ImageMissing(
            f"Not on this host: {', '.join(missing)}. Nothing was done.",
            hint="Pull or build it first; playbooks/deploy/release.yml does that before it changes anything.",
            images=missing,
        )


def service_summary(observed: Observed, name: str) -> Dict[str, Any]:
    """A service as diff and results show it: ids and hashes shortened, no environment."""
    containers = observed.of(name)
    return {
        "state": _state_of(containers),
        "containers": len(containers),
        "image": containers[0].image_id[7:19] if containers else "",
        "configuration": containers[0].config_hash[:12] if containers else "",
    }


def _summary_after(observed: Observed, work: Optional[Work], before: Dict[str, Any]) -> Dict[str, Any]:
    if work is None:
        return before
    if work.action == "remove":
        return {"state": "absent", "containers": 0, "image": "", "configuration": ""}
    if work.action == "stop":
        return {**before, "state": "stopped"}
    service = observed.model.service(work.service)
    after = {**before, "state": "running", "containers": work.replicas}
    if work.action in ("create", "recreate"):
        after.update(image=(observed.image_ids.get(service.image) or "")[7:19], configuration=service.config_hash[:12])
    return after


def _state_of(containers: Sequence[Container]) -> str:
    if not containers:
        return "absent"
    states = sorted({container.state for container in containers})
    return states[0] if len(states) == 1 else "mixed"


def _is_up(container: Container) -> bool:
    return container.state in ("running", "restarting", "paused")


def _is_done_or_up(model: ComposeModel, container: Container) -> bool:
    done = container.state == "exited" and container.exit_code == 0 and model.is_one_shot(container.service)
    return container.running or done


def is_ready(observed: Observed, name: str) -> bool:
    """Whether all containers of a service are known to be ready without waiting for anything."""
    containers = observed.of(name)
    return all(_is_done_or_up(observed.model, one) and one.health in ("none", "healthy") for one in containers)


def _is_well(model: ComposeModel, container: Container) -> bool:
    return _is_done_or_up(model, container) and container.health != "unhealthy"
