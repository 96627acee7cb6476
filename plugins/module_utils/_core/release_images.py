# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image a service of a release stands for, and under which name of ours it is kept."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .compose_model import ComposeModel
from .errors import BadInput, OperationError
from .ledger import Ledger, Release, ReleaseImage

KEPT_REGISTRY = "runbook.local"
LABEL_REVISION = "org.opencontainers.image.revision"
# A component of a repository name: lower-case letters and digits, separated by '.', '_', '__' or dashes.
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


class ImageMissing(BadInput):
    """An image is not on the host and nothing was allowed that could bring it."""

    reason = "image_missing"


class ImagePullFailed(OperationError):
    """The registry did not give the image."""

    reason = "image_pull_failed"


class ImageBuildFailed(OperationError):
    """Docker Compose could not build the image."""

    reason = "image_build_failed"


class ImageGone(OperationError):
    """An image of the release is not on the host any more, and cannot be pulled."""

    reason = "image_gone"


class ImagePinned(OperationError):
    """The configuration pins another image by its digest; such a name is never given to another image."""

    reason = "image_pinned"


@dataclass(frozen=True)
class Retag:
    """A name that is to mean an image (again). ``was`` is what it means now, empty when nothing."""

    reference: str
    image_id: str
    was: str = ""


def kept_repository(stack: str, service: str) -> str:
    """``runbook.local/<stack>/<service>``; a name that no repository can have is spelled otherwise, and stays unique."""
    return f"{KEPT_REGISTRY}/{_component(stack)}/{_component(service)}"


def kept_reference(stack: str, service: str, tag: str) -> str:
    return f"{kept_repository(stack, service)}:{tag}"


def building_tag(revision: str) -> str:
    """The tag of an image that was built and is not registered yet."""
    return f"building-{revision[:12]}"


def _component(name: str) -> str:
    if _COMPONENT.fullmatch(name):
        return name
    plain = "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "x"
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def is_pinned(reference: str) -> bool:
    return "@" in reference


def digest_of(reference: str, image: Mapping[str, Any]) -> str:
    """The registry digest under which this very name was pulled; empty for a local image."""
    repository = reference.split("@")[0]
    if ":" in repository.rsplit("/", 1)[-1]:
        repository = repository.rpartition(":")[0]
    found = [digest for digest in image.get("RepoDigests") or [] if digest.split("@")[0] == _familiar(repository)]
    return found[0] if found else ""


def _familiar(repository: str) -> str:
    """The engine's short form of names on the default registry."""
    for prefix in ("docker.io/library/", "docker.io/"):
        if repository.startswith(prefix):
            return repository[len(prefix) :]
    return repository


def resolved(reference: str, image: Optional[Mapping[str, Any]]) -> ReleaseImage:
    """A reference with what it means now; the id is empty when it means nothing."""
    if image is None:
        return ReleaseImage(reference, "")
    return ReleaseImage(reference, image["Id"], digest_of(reference, image))


def with_kept_tags(stack: str, release: Release) -> Release:
    """The release with our tags for its images, which name its id."""
    images = {
        service: replace(image, kept_as=kept_reference(stack, service, release.id)) if image.id else image
        for service, image in release.images.items()
    }
    return replace(release, images=images)


def built_before(ledger: Ledger, revision: str, service: str) -> Optional[ReleaseImage]:
    """The kept image of a service that was built from this revision, newest first."""
    for release in reversed(ledger.releases):
        if release.git_revision == revision and service in release.images and release.images[service].id:
            return release.images[service]
    return None


def refuse_missing(stack: str, images: Mapping[str, ReleaseImage]) -> None:
    missing = {service: image.reference for service, image in sorted(images.items()) if not image.id}
    if missing:
        raise ImageMissing(
            f"Images of stack {stack} are not on this host: {', '.join(f'{service} needs {name}' for service, name in missing.items())}.",
            hint="Check the version, or let them be fetched (acquire=pull) or built (acquire=build).",
            images=missing,
        )


def plan_retags(release: Release, model: ComposeModel, meanings: Mapping[str, str]) -> Tuple[Retag, ...]:
    """The names that must be given back to the release's images, so that plain ``docker compose up`` means it too.

    ``model`` is the project as it will be staged, ``meanings`` maps a reference to the id of the image it means now.
    """
    wanted: Dict[str, str] = {}
    for service, image in sorted(release.images.items()):
        reference = model.service(service).image if service in model.names else image.reference
        if image.id and meanings.get(reference, "") != image.id and not comes_by_pull(image, reference, meanings):
            _refuse_pinned(release, service, reference)
            _refuse_two_meanings(release, reference, wanted.get(reference, image.id), image.id)
            wanted[reference] = image.id
    return tuple(Retag(reference, image_id, meanings.get(reference, "")) for reference, image_id in sorted(wanted.items()))


def comes_by_pull(image: ReleaseImage, reference: str, meanings: Mapping[str, str]) -> bool:
    """Whether a name is pinned to the very digest of the image and unknown to the engine: only a pull gives such a name."""
    return is_pinned(reference) and not meanings.get(reference) and reference.partition("@")[2] == image.digest.partition("@")[2]


def _refuse_pinned(release: Release, service: str, reference: str) -> None:
    if is_pinned(reference):
        raise ImagePinned(
            f"Service {service} is pinned to {reference}, which is not the image of release {release.title}.",
            hint="Pull that image when it is the right one, or restore the release's configuration (configuration=restore).",
            release=release.id,
            service=service,
            reference=reference,
        )


def _refuse_two_meanings(release: Release, reference: str, first: str, second: str) -> None:
    if first != second:
        raise ImagePinned(
            f"Release {release.title} needs two different images under the one name {reference}.",
            hint="Give each service of the compose files an image name of its own.",
            release=release.id,
            reference=reference,
        )


def common_tag(references: List[str]) -> str:
    """The tag that all these references share, as a version to show; empty when they do not."""
    tags = {reference.rsplit("/", 1)[-1].partition(":")[2] for reference in references if not is_pinned(reference)}
    return tags.pop() if len(tags) == 1 else ""
