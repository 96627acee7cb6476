# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files and images say against the containers that are there: drift, and what an interrupted run left."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .compose_model import ComposeModel, ServiceDefinition
from .container import Container
from .errors import OperationError

# The name of a container that compose made to replace another, until that one is gone.
_INTERIM_NAME = re.compile(r"[0-9a-f]{12}_(?P<name>.+)")


class NotInEffect(OperationError):
    """Containers were made, and do not run the image that the files name."""

    reason = "not_in_effect"


@dataclass(frozen=True)
class Observed:
    """What the files say and what is there.

    ``image_ids`` holds the id (or None) of each reference on this host, ``changed_keys`` the names of settings that a service's container
    has with another value than the files.
    """

    model: ComposeModel
    containers: Tuple[Container, ...]
    image_ids: Mapping[str, Optional[str]]
    changed_keys: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)

    def of(self, service: str) -> List[Container]:
        return [container for container in self.containers if container.service == service]


def drift_of(observed: Observed, service: ServiceDefinition, containers: Sequence[Container]) -> str:
    """Why the containers are not what the files and images mean now; empty when they are."""
    reasons = []
    if any(container.config_hash != service.config_hash for container in containers):
        reasons.append("configuration")
    if has_other_image(observed, service, containers):
        reasons.append("image")
    return " and ".join(reasons) + " changed" if reasons else ""


def has_other_image(observed: Observed, service: ServiceDefinition, containers: Sequence[Container]) -> bool:
    """Whether a container runs another image than its reference means now; one that is not on the host means nothing."""
    means = observed.image_ids.get(service.image)
    return bool(means) and any(container.image_id != means for container in containers)


def without_leftovers(
    observed: Observed, service: ServiceDefinition, containers: Sequence[Container]
) -> Tuple[List[Container], List[Container]]:
    """The containers to keep, and those to remove: compose replaces by making a second one of the same number; killed in between, it leaves both."""
    image = observed.image_ids.get(service.image)
    kept: Dict[int, Container] = {}
    leftovers = []
    for container in sorted(containers, key=lambda one: (one.running, one.config_hash == service.config_hash, one.image_id == image)):
        if container.number in kept:
            leftovers.append(kept[container.number])
        kept[container.number] = container
    return [kept[number] for number in sorted(kept)], leftovers


def final_name(container: Container) -> str:
    """The name that compose would have given a container if it had not been interrupted; empty when it has it."""
    interim = _INTERIM_NAME.fullmatch(container.name)
    return interim.group("name") if interim else ""


def changed_keys(files: Mapping[str, str], container: Mapping[str, str]) -> Tuple[str, ...]:
    """Names of settings that the files give another value than the container has. Values are nobody's business."""
    return tuple(sorted(name for name, value in files.items() if container.get(name) != value))
