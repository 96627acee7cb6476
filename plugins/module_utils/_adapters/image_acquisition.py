# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the images of a release onto the host, in the way that was allowed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Tuple

from .._core.errors import BadInput
from .._core.ledger import Ledger, ReleaseImage
from .._core.redaction import Redactor
from .._core.release_images import LABEL_REVISION, ImageBuildFailed, building_tag, built_before, kept_reference, refuse_missing
from .._core.stack import Stack
from .git import Repository
from .image_builder import Build, ImageBuilder
from .image_store import ImageStore

PRESENT, KEPT, PULLED, BUILT = "present", "kept", "pulled", "built"


class NothingToBuild(BadInput):
    """No service is built from the repository."""

    reason = "nothing_to_build"


@dataclass(frozen=True)
class Acquisition:
    """The images of a release and how each is come by. An image that has yet to be fetched or built has no id."""

    images: Mapping[str, ReleaseImage]
    how: Mapping[str, str]
    commit: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)

    def services(self, how: str) -> Tuple[str, ...]:
        return tuple(sorted(service for service, word in self.how.items() if word == how and not self.images[service].id))


class ImageAcquirer:
    """``look`` changes nothing; ``carry_out`` fetches and builds what ``look`` found missing."""

    def __init__(self, stack: Stack, images: ImageStore, timeout: float) -> None:
        self._stack = stack
        self._images = images
        self._timeout = timeout
        self._builder: Optional[ImageBuilder] = None

    def look_for_present(self, references: Mapping[str, str]) -> Acquisition:
        images = self._images.resolve(references)
        refuse_missing(self._stack.name, images)
        return Acquisition(images, dict.fromkeys(images, PRESENT))

    def look_for_pull(self, references: Mapping[str, str]) -> Acquisition:
        images = self._images.resolve(references)
        return Acquisition(images, {service: PRESENT if image.id else PULLED for service, image in images.items()})

    def look_for_build(self, references: Mapping[str, str], source: Mapping[str, str], config: Mapping[str, Any], ledger: Ledger) -> Acquisition:
        """Services of the repository come from the commit, all others must be on the host."""
        repository = Repository(source["repository"], self._stack.in_state("releases", ".worktrees"))
        repository.refuse_dirty()
        commit = repository.resolve(source["revision"])
        self._builder = ImageBuilder(self._stack, repository)
        built = [service for service in self._builder.services(config) if service in references]
        if not built:
            raise NothingToBuild(
                f"No service of stack {self._stack.name} is built from {repository.root}.",
                hint="Give the services a build section whose context lies in that repository.",
                repository=repository.root,
            )
        others = self.look_for_present({service: name for service, name in references.items() if service not in built})
        images, how = dict(others.images), dict(others.how)
        for service in built:
            image_id = self._built_image(ledger, service, commit)
            images[service] = ReleaseImage(references[service], image_id)
            how[service] = KEPT if image_id else BUILT
        return Acquisition(images, how, commit, config)

    def carry_out(self, acquisition: Acquisition, redactor: Redactor) -> Acquisition:
        images: Dict[str, ReleaseImage] = dict(acquisition.images)
        for service in acquisition.services(PULLED):
            self._images.pull(images[service].reference, self._timeout)
        missing = {service: images[service].reference for service in acquisition.services(PULLED)}
        images.update(self._images.resolve(missing))
        refuse_missing(self._stack.name, {service: images[service] for service in missing})
        tags = {service: self._building_reference(service, acquisition.commit) for service in acquisition.services(BUILT)}
        if tags and self._builder is not None:
            self._builder.build(Build(acquisition.commit, acquisition.config, tags, self._timeout), redactor)
            for service, image in self._images.resolve(tags).items():
                if not image.id:
                    raise ImageBuildFailed(f"The build of {service} ended well and left no image.", service=service)
                images[service] = replace(images[service], id=image.id)
        return replace(acquisition, images=images)

    def drop_building_tags(self, acquisition: Acquisition) -> None:
        """Once the images have the names of their release, the names they were built under go."""
        for service in sorted(acquisition.images):
            reference = self._building_reference(service, acquisition.commit)
            if acquisition.commit and self._images.has(reference):
                self._images.untag(reference)

    def _building_reference(self, service: str, commit: str) -> str:
        return kept_reference(self._stack.name, service, building_tag(commit))

    def _built_image(self, ledger: Ledger, service: str, commit: str) -> str:
        """The image of an earlier release of this commit, or of a run that was interrupted after its build."""
        kept = built_before(ledger, commit, service)
        if kept is not None and self._images.has(kept.id):
            return kept.id
        left = self._images.labelled(self._building_reference(service, commit), LABEL_REVISION, commit)
        return left or ""
