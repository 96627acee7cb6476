# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to happen to the services of a stack so that they are in the wanted state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from .compose_model import ComposeModel, ServiceDefinition
from .container import Container
from .errors import BadInput
from .plan import Plan, Step
from .service_drift import Observed, drift_of, final_name, without_leftovers

# What `compose up` does: everything that begins or replaces a container.
UP_ACTIONS = ("create", "recreate", "scale", "start")
DOWN_STATES = ("stopped", "absent")


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
class Work:
    """One action on one service.

    ``replaces`` says which containers make way for new ones: changed, all or none. ``leftovers`` are ids of containers that an
    interrupted run left beside the right one.
    """

    action: str
    service: str
    reason: str = ""
    replicas: int = 1
    replaces: str = "changed"
    leftovers: Tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """A service and its containers; leftovers apart."""

    service: ServiceDefinition
    containers: Tuple[Container, ...]
    leftovers: Tuple[str, ...]
    drift: str

    @property
    def interrupted(self) -> bool:
        return bool(self.leftovers) or any(final_name(container) for container in self.containers)


def plan_services(observed: Observed, wanted: Wanted) -> Tuple[Plan, Tuple[Work, ...]]:
    """The plan, and the same as work for the one who applies it."""
    layers = observed.model.layers(wanted.services)
    in_order = [name for layer in (reversed(layers) if wanted.state in DOWN_STATES else layers) for name in layer]
    decided = [_decide(observed, wanted, name) for name in in_order]
    work = tuple(item for item in decided if item)
    _refuse_missing_images(observed, work)
    steps = tuple(Step(item.action, item.service, item.reason) for item in work)
    doing = {item.service: item for item in work}
    before = {name: service_summary(observed, name) for name in wanted.services}
    after = {name: _summary_after(observed, doing.get(name), before[name]) for name in wanted.services}
    return Plan(before, after, steps), work


def _decide(observed: Observed, wanted: Wanted, name: str) -> Optional[Work]:
    service, containers = observed.model.service(name), observed.of(name)
    if wanted.state == "stopped":
        return Work("stop", name) if any(_is_up(container) for container in containers) else None
    if wanted.state == "absent":
        return Work("remove", name) if containers else None
    kept, leftovers = without_leftovers(observed, service, containers)
    found = _Found(service, tuple(kept), tuple(container.id for container in leftovers), drift_of(observed, service, kept))
    if wanted.state == "restarted":
        work = _decide_restart(observed.model, wanted, found)
    elif wanted.state == "scaled":
        work = _decide_scale(observed.model, wanted, found)
    elif wanted.state == "recreated":
        work = _decide_recreate(found)
    else:
        work = _decide_start(observed.model, found)
    return replace(work, leftovers=found.leftovers) if work else None


def _decide_start(model: ComposeModel, found: _Found) -> Optional[Work]:
    service, containers = found.service, found.containers
    if service.replicas == 0:
        return None
    # More than the files ask for were scaled so by somebody: they stay.
    replicas = max(service.replicas, len(containers))
    if not containers:
        return Work("create", service.name, "missing", replicas)
    if found.drift:
        return Work("recreate", service.name, found.drift, replicas)
    if len(containers) < service.replicas:
        return Work("scale", service.name, f"{len(containers)} to {service.replicas}", replicas)
    if found.interrupted:
        return Work("start", service.name, "left over from an interrupted run", replicas)
    if not all(_is_done_or_up(model, container) for container in containers):
        return Work("start", service.name, "not running", replicas)
    return None


def _decide_recreate(found: _Found) -> Optional[Work]:
    service, replicas = found.service, max(found.service.replicas, len(found.containers))
    if replicas == 0:
        return None
    if not found.containers:
        return Work("create", service.name, "missing", replicas)
    return Work("recreate", service.name, found.drift or "asked for", replicas, replaces="all")


def _decide_restart(model: ComposeModel, wanted: Wanted, found: _Found) -> Optional[Work]:
    name, containers = found.service.name, found.containers
    if model.is_one_shot(name) and containers:
        return None  # it ran to its end; running it again is a decision of its own
    if wanted.restart_when == "unhealthy" and containers and all(_is_well(model, container) for container in containers):
        return None
    drift = _drift_that_counts(wanted, found)
    if drift or not containers:
        return _decide_start(model, found)
    return Work("restart", name, "asked for" if wanted.restart_when == "always" else "not healthy", len(containers), replaces="none")


def _decide_scale(model: ComposeModel, wanted: Wanted, found: _Found) -> Optional[Work]:
    service, count = found.service, wanted.replicas[found.service.name]
    why = _why_single(model, service) if count > 1 else ""
    if why:
        raise CannotScale(
            f"Service {service.name} {why}, so {count} of it cannot run beside each other. Nothing was done.",
            hint="Change that in the compose file; within the stack a service is reached by its name.",
            service=service.name,
            replicas=count,
        )
    running = sum(1 for container in found.containers if _is_up(container) or _is_done(model, container))
    if running == count == len(found.containers) and not found.interrupted:
        return None
    replaces = "changed" if _drift_that_counts(wanted, found) else "none"
    return Work("scale", service.name, f"{running} to {count}", count, replaces)


def _why_single(model: ComposeModel, service: ServiceDefinition) -> str:
    if service.fixed_name:
        return "has container_name"
    if service.fixed_port:
        return "has a fixed port of the host"
    return "runs once to its end" if model.is_one_shot(service.name) else ""


def _drift_that_counts(wanted: Wanted, found: _Found) -> str:
    if found.drift and wanted.on_drift == "fail":
        raise ConfigurationPending(
            f"Service {found.service.name} has edits that are not in effect ({found.drift}). Nothing was done.",
            hint="Use state=started to apply them, or on_drift=ignore to leave the container as it is.",
            service=found.service.name,
        )
    return found.drift if wanted.on_drift == "recreate" else ""


def _refuse_missing_images(observed: Observed, work: Sequence[Work]) -> None:
    making = [observed.model.service(item.service).image for item in work if item.action in ("create", "recreate", "scale") and item.replicas]
    missing = sorted({image for image in making if observed.image_ids.get(image) is None})
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
        "image": _short(containers[0].image_id) if containers else "",
        "configuration": containers[0].config_hash[:12] if containers else "",
    }


def service_facts(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    ready: Optional[Mapping[str, int]] = None,
    killed: Collection[str] = (),
) -> List[Dict[str, Any]]:
    """The result's list of services."""
    return [
        {
            "name": name,
            "before": before[name],
            "after": after[name],
            "ready_after_ms": (ready or {}).get(name),
            "killed": name in killed,
        }
        for name in sorted(before)
    ]


def _summary_after(observed: Observed, work: Optional[Work], before: Dict[str, Any]) -> Dict[str, Any]:
    if work is None:
        return before
    if work.action == "remove" or work.replicas == 0:
        return {"state": "absent", "containers": 0, "image": "", "configuration": ""}
    if work.action == "stop":
        return {**before, "state": "stopped"}
    service = observed.model.service(work.service)
    after = {**before, "state": "stopped" if observed.model.is_one_shot(service.name) else "running", "containers": work.replicas}
    if work.replaces != "none":
        after.update(image=_short(observed.image_ids.get(service.image)) or before["image"], configuration=service.config_hash[:12])
    if observed.changed_keys.get(service.name) and work.replaces != "none":
        after["settings_changed"] = list(observed.changed_keys[service.name])
    return after


def _short(image_id: Optional[str]) -> str:
    return (image_id or "")[len("sha256:") :][:12]


def _state_of(containers: Sequence[Container]) -> str:
    if not containers:
        return "absent"
    states = {"stopped" if container.state in ("exited", "created", "dead") else container.state for container in containers}
    return states.pop() if len(states) == 1 else "mixed"


def is_ready(observed: Observed, name: str) -> bool:
    """Whether all containers of a service are known to be ready without waiting for anything."""
    if observed.model.is_one_shot(name):
        return all(_is_done(observed.model, one) for one in observed.of(name))
    return all(one.running and one.health in ("none", "healthy") for one in observed.of(name))


def is_healthy(observed: Observed, names: Sequence[str]) -> bool:
    """Whether every service of these names that should have containers has them, and they are ready."""
    return all(is_ready(observed, name) and (observed.of(name) or observed.model.service(name).replicas == 0) for name in names)


def _is_up(container: Container) -> bool:
    return container.state in ("running", "restarting", "paused")


def _is_done(model: ComposeModel, container: Container) -> bool:
    return container.state == "exited" and container.exit_code == 0 and model.is_one_shot(container.service)


def _is_done_or_up(model: ComposeModel, container: Container) -> bool:
    return container.running or _is_done(model, container)


def _is_well(model: ComposeModel, container: Container) -> bool:
    return _is_done_or_up(model, container) and container.health != "unhealthy"
