# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release to a swarm: one image, pinned by its digest, for each service; in the same ledger as releases by compose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Mapping, Sequence, Tuple

from .errors import BadInput, OperationError
from .ledger import ADOPTED, Release, ReleaseFile, ReleaseImage
from .release_plan import ADOPTED_VERSION
from .release_selection import ReleaseOfOtherEngine
from .swarm import SwarmService

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_REPOSITORY = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]{0,254}")
_NO_FILE = ReleaseFile("", "")


class ImageDigestUnknown(OperationError):
    """The registry does not say which image a name means."""

    reason = "image_digest_unknown"


@dataclass(frozen=True)
class Draft:
    """What a release shall have besides its images."""

    version: str
    at: str
    by: str


def references(services: Sequence[SwarmService], repositories: Mapping[str, str], version: str) -> Dict[str, str]:
    """Short name to the image that the version means: the repository of the service, or another one, with the version as its tag."""
    if not _TAG.fullmatch(version):
        raise BadInput(f"{version!r} cannot be the tag of an image.", hint="Use letters, digits and . _ - (at most 128).", version=version)
    known = {service.short for service in services}
    odd = sorted(name for name, repository in repositories.items() if name not in known or not _REPOSITORY.fullmatch(str(repository)))
    if odd:
        raise BadInput(
            f"repositories has {', '.join(odd)}, which is no chosen service, or whose repository is no name of one.",
            hint="Give a repository without tag for services of this release.",
            names=odd,
        )
    return {service.short: f"{repositories.get(service.short, service.repository)}:{version}" for service in services}


def pinned(reference: str, digest: str) -> ReleaseImage:
    """The image under its name and digest; without a digest the name alone counts."""
    return ReleaseImage(reference, digest or reference, f"{reference}@{digest}" if digest else "")


def image_of(image: ReleaseImage) -> str:
    """What the specification of a service names."""
    return image.digest or image.reference


def running_image(service: SwarmService) -> ReleaseImage:
    reference, unused, digest = service.image.partition("@")
    return pinned(reference, digest)


def draft(images: Mapping[str, ReleaseImage], about: Draft) -> Release:
    return Release(id="", version=about.version, env=_NO_FILE, images=dict(images), created_at=about.at, created_by=about.by)


def adopted_draft(services: Sequence[SwarmService], about: Draft) -> Release:
    """What runs before there is a release in the ledger."""
    tags = {service.tag for service in services}
    version = tags.pop() if len(tags) == 1 else ""
    images = {service.short: running_image(service) for service in services}
    return Release(id="", version=version or ADOPTED_VERSION, env=_NO_FILE, images=images, created_at=about.at, created_by=about.by, origin=ADOPTED)


def refuse_of_compose(release: Release) -> None:
    if not release.of_swarm:
        raise ReleaseOfOtherEngine(
            f"Release {release.title} was made for Docker Compose and cannot be brought to a swarm.",
            hint="Release its version anew (playbooks/deploy/release.yml).",
            release=release.id,
        )


def to_change(services: Sequence[SwarmService], images: Mapping[str, ReleaseImage]) -> Tuple[Tuple[SwarmService, str], ...]:
    """Services whose image is another one, with the one they shall have, in the order of the services."""
    wanted = {name: image_of(image) for name, image in images.items()}
    return tuple((service, wanted[service.short]) for service in services if service.short in wanted and service.image != wanted[service.short])
