# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on the engine: what a name means, names of ours, and what holds an image."""

from __future__ import annotations

import os
import threading
from typing import Any, Collection, Dict, Iterable, List, Mapping, Optional, Tuple

from .._core.errors import EngineFailed, OperationError
from .._core.ledger import ReleaseImage
from .._core.release_images import KEPT_REGISTRY, ImagePullFailed, kept_repository, resolved
from .._core.release_prune import ImageUse, KeptTag
from .._core.stack import Stack
from .engine import Engine


class ImageStore:
    def __init__(self, stack: Stack, engine: Engine) -> None:
        self._stack = stack
        self._engine = engine

    def resolve(self, references: Mapping[str, str]) -> Dict[str, ReleaseImage]:
        """What each service's reference means now."""
        found = {reference: self._engine.image(reference) for reference in set(references.values())}
        return {service: resolved(reference, found[reference]) for service, reference in references.items()}

    def of_running(self, reference: str, image_id: str) -> ReleaseImage:
        """The image of a running container; its id is empty when the engine does not have the image any more."""
        return resolved(reference, self._engine.image(image_id))

    def meanings(self, references: Iterable[str]) -> Dict[str, str]:
        return {reference: self._engine.image_id(reference) or "" for reference in set(references)}

    def labelled(self, reference: str, label: str, value: str) -> Optional[str]:
        """The id of an image, if it is there and carries this label."""
        image = self._engine.image(reference)
        labels = ((image or {}).get("Config") or {}).get("Labels") or {}
        return image["Id"] if image and labels.get(label) == value else None

    def has(self, image_id: str) -> bool:
        return self._engine.image_id(image_id) is not None

    def tag(self, image_id: str, reference: str) -> None:
        repository, name = _split(reference)
        with self._engine.calling(f"tag {image_id[:19]} as {reference}"):
            self._engine.client.tag(image_id, repository, name, force=True)

    def untag(self, reference: str) -> None:
        """Removes one name, and with the last name the image, unless a container has it."""
        with self._engine.calling(f"remove {reference}"):
            self._engine.client.remove_image(reference)

    def pull(self, reference: str, timeout: float) -> None:
        """Fetches one image; raises ImagePullFailed with the registry's answer, or after ``timeout`` seconds."""
        failures: List[OperationError] = []
        # The SDK waits for a silent registry without end, hence a thread that can be left behind; the engine gives up with us.
        worker = threading.Thread(target=self._pull, args=(reference, failures), daemon=True)
        worker.start()
        worker.join(timeout)
        if worker.is_alive():
            raise _pull_failed(reference, f"it did not end within {timeout:g} s.")
        if failures:
            raise failures[0]

    def _pull(self, reference: str, failures: List[OperationError]) -> None:
        repository, name = _split(reference)
        try:
            with self._engine.calling(f"pull {reference}"):
                for event in self._engine.client.pull(repository, tag=name, stream=True, decode=True):
                    if "error" in event:
                        failures.append(_pull_failed(reference, event["error"]))
        except EngineFailed as error:
            failures.append(_pull_failed(reference, str(error)))
        except OperationError as error:
            failures.append(error)

    def kept_tags(self) -> Tuple[KeptTag, ...]:
        """All tags of ours for this stack, whether or not the ledger knows them."""
        prefix = kept_repository(self._stack.name, "x").rpartition("/")[0] + "/"
        with self._engine.calling("list the kept images"):
            images = self._engine.client.images(filters={"reference": f"{KEPT_REGISTRY}/*/*"})
        tags = [KeptTag(tag, image["Id"]) for image in images for tag in image.get("RepoTags") or [] if tag.startswith(prefix)]
        return tuple(sorted(tags, key=lambda tag: tag.reference))

    def uses(self, image_ids: Iterable[str], apart_from: Collection[str] = ()) -> Dict[str, ImageUse]:
        """All names of these images, and how many containers (of any project, in any state) are made of them, some apart."""
        with self._engine.calling("list all containers"):
            containers = [item for item in self._engine.client.containers(all=True) if item["Id"] not in apart_from]
        found: Dict[str, ImageUse] = {}
        for image_id in set(image_ids):
            image: Dict[str, Any] = self._engine.image(image_id) or {}
            count = sum(1 for container in containers if container.get("ImageID") == image_id)
            found[image_id] = ImageUse(tuple(image.get("RepoTags") or ()), count, int(image.get("Size") or 0))
        return found

    def free_mb(self) -> Tuple[Optional[float], str]:
        """Free MiB where the engine keeps images, and where that is; None when it is not on this host."""
        directory = self._engine.info().get("DockerRootDir") or ""
        try:
            volume = os.statvfs(directory)
        except OSError:
            return None, directory
        return volume.f_bavail * volume.f_frsize / 2**20, directory


def _split(reference: str) -> Tuple[str, Optional[str]]:
    """Repository and tag (or digest) as the engine's API wants them."""
    repository, at, digest = reference.partition("@")
    if at:
        return repository, digest
    head, slash, last = repository.rpartition("/")
    name, _colon, tag = last.partition(":")
    return f"{head}{slash}{name}", tag or "latest"


def _pull_failed(reference: str, cause: str) -> ImagePullFailed:
    return ImagePullFailed(
        f"{reference} could not be pulled: {cause}",
        hint="Check the name, the registry and this host's login to it. Nothing that runs was changed.",
        reference=reference,
    )
