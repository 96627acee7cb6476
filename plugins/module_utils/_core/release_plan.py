# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What registering a release means: nothing new, an entry that is there already, or a new one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .compose_model import ComposeModel
from .container import Container
from .errors import BadInput, OperationError
from .ledger import PENDING, Ledger, Release
from .release_images import common_tag
from .release_selection import SELECTOR_WORDS

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+:@/-]{0,127}")
ADOPTED_VERSION = "adopted"


class DiskBudget(OperationError):
    """Too little room where the engine keeps its images."""

    reason = "disk_budget"


@dataclass(frozen=True)
class Registration:
    """``entry`` is the entry that stands for the request; ``is_new`` tells whether it has to be written."""

    entry: Release
    is_new: bool
    already_current: bool = False


@dataclass(frozen=True)
class Health:
    """Whether what runs may be taken for a good release; ``reason`` says why not."""

    good: bool
    reason: str = ""


def parse_version(version: str) -> str:
    if version in SELECTOR_WORDS or not _VERSION.fullmatch(version):
        raise BadInput(
            f"{version!r} cannot name a release.",
            hint="Use letters, digits and . _ + : @ / - (at most 128), and neither 'current' nor 'previous'.",
            version=version,
        )
    return version


def plan_registration(ledger: Ledger, draft: Release) -> Registration:
    """Decides whether a draft (its id is empty) needs an entry. Its images must all be known."""
    current = ledger.current_release
    if current is not None and current.runs_what(draft):
        return Registration(current, is_new=False, already_current=True)
    for entry in reversed(ledger.releases):
        if entry.verdict == PENDING and entry.version == draft.version and entry.runs_what(draft):
            return Registration(replace(entry, backup_id=draft.backup_id or entry.backup_id), is_new=False)
    return Registration(replace(draft, id=ledger.next_id, previous=ledger.current), is_new=True)


def judge_running(model: ComposeModel, containers: Sequence[Container], images: Mapping[str, str]) -> Health:
    """Whether all that should run does, is healthy, and is what the live files name.

    ``images`` maps each service to the reference of the live files: when a container was made from another one, the files
    were edited since, and a snapshot of them would not bring back what runs.
    """
    problems: List[str] = []
    for name in sorted(images):
        own = [container for container in containers if container.service == name]
        if model.is_one_shot(name):
            continue
        if not own and model.service(name).replicas > 0:
            problems.append(f"{name} has no container")
        for container in own:
            problems += _problems(container, images[name])
    return Health(not problems, "; ".join(problems))


def _problems(container: Container, reference: str) -> List[str]:
    if not container.running:
        return [f"{container.name} is {container.state}"]
    if container.health not in ("none", "healthy"):
        return [f"{container.name} is {container.health}"]
    if container.image_reference != reference:
        return [f"{container.name} was made from {container.image_reference} and the files now say {reference}"]
    return []


def adopted_version(running: Mapping[str, str], wanted: Mapping[str, str], asked: str) -> str:
    """A version for what runs: the one asked for when that is what runs, else the tag that the release replaces."""
    replaced = [reference for service, reference in sorted(running.items()) if wanted.get(service) != reference]
    if not replaced:
        return asked
    return common_tag(replaced) or ADOPTED_VERSION


def changed_services(model: ComposeModel, containers: Sequence[Container], image_ids: Mapping[str, str]) -> Tuple[str, ...]:
    """The services whose containers differ from a release: another image, another configuration, or none where there should be some."""
    by_service: Dict[str, List[Container]] = {}
    for container in containers:
        by_service.setdefault(container.service, []).append(container)
    changed = [
        service
        for service, image_id in sorted(image_ids.items())
        if service in model.names and _differs(model, service, by_service.get(service, []), image_id)
    ]
    return tuple(changed)


def _differs(model: ComposeModel, service: str, containers: Sequence[Container], image_id: str) -> bool:
    definition = model.service(service)
    if not containers:
        return definition.replicas > 0 and not model.is_one_shot(service)
    return any(container.image_id != image_id or container.config_hash != definition.config_hash for container in containers)


def refuse_full_disk(free_mb: Optional[float], minimum_mb: int, directory: str) -> None:
    if free_mb is not None and free_mb < minimum_mb:
        raise DiskBudget(
            f"{directory} has {free_mb:.0f} MiB free; a release needs {minimum_mb} MiB.",
            hint="Remove old releases and unused images (playbooks/service/cleanup.yml), or lower disk_free_min_mb.",
            directory=directory,
            free_mb=int(free_mb),
            disk_free_min_mb=minimum_mb,
        )
