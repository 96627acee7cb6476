# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that are never started and hold a kept image: a tag alone does not keep it from ``docker image prune --all``."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Tuple

from .ledger import Release
from .release_images import KEPT_REGISTRY

LABEL_MADE = "runbook.made"
LABEL_HOLDS = "runbook.holds"  # the stack
LABEL_RELEASE = "runbook.release"
LABEL_SERVICE = "runbook.service"
LABEL_KEPT_AS = "runbook.kept_as"  # our tag of the image
MADE_HOLDER = "holder"
_COMPOSE_LABELS = "com.docker.compose."


@dataclass(frozen=True)
class KeptImage:
    """One service's image of a release, by our tag for it."""

    reference: str
    image_id: str
    release: str
    service: str

    @property
    def holder_name(self) -> str:
        """``runbook-hold-<stack>.<service>.<id>``. No stack has a dot in its name, so two stacks never share one."""
        return "runbook-hold-" + self.reference[len(KEPT_REGISTRY) + 1 :].replace("/", ".").replace(":", ".")


@dataclass(frozen=True)
class Holder:
    """A holder on the engine."""

    container_id: str
    reference: str
    image_id: str

    @property
    def release(self) -> str:
        return self.reference.rpartition(":")[2]


def kept_images(releases: Iterable[Release]) -> Tuple[KeptImage, ...]:
    return tuple(
        KeptImage(image.kept_as, image.id, release.id, service)
        for release in releases
        for service, image in sorted(release.images.items())
        if image.kept_as
    )


def holds(holders: Iterable[Holder], reference: str, image_id: str) -> bool:
    return any(holder.reference == reference and holder.image_id == image_id for holder in holders)


def without_holder(kept: Iterable[KeptImage], holders: Iterable[Holder]) -> Tuple[KeptImage, ...]:
    known = tuple(holders)
    return tuple(image for image in kept if not holds(known, image.reference, image.image_id))


def holder_settings(stack: str, kept: KeptImage, image: Mapping[str, Any]) -> Dict[str, Any]:
    """What the engine makes a holder from; ``image`` is its description of the image."""
    config = image.get("Config") or {}
    # A container inherits its image's labels. Those that compose puts on what it builds would make the holder a part of the stack.
    inherited = {label: "" for label in config.get("Labels") or {} if label.startswith(_COMPOSE_LABELS)}
    own = {
        LABEL_MADE: MADE_HOLDER,
        LABEL_HOLDS: stack,
        LABEL_RELEASE: kept.release,
        LABEL_SERVICE: kept.service,
        LABEL_KEPT_AS: kept.reference,
    }
    # Something else in the place of a volume, or the engine makes one and copies the image's files into it.
    # It compares with the shortest form of the path, however the image spells it.
    instead_of_volumes = {posixpath.normpath(path): "" for path in config.get("Volumes") or {}}
    return {
        "Image": kept.image_id,
        "Entrypoint": ["held"],
        "Cmd": [],
        "Labels": {**inherited, **own},
        "HostConfig": {"NetworkMode": "none", "Tmpfs": instead_of_volumes},
    }
