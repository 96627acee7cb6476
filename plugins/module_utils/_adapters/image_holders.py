# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The holders of a stack's kept images, on the engine."""

from __future__ import annotations

from typing import Callable, Iterable, Tuple

from .._core.errors import OperationError
from .._core.image_holders import (
    LABEL_HOLDS,
    LABEL_KEPT_AS,
    LABEL_MADE,
    MADE_HOLDER,
    Holder,
    KeptImage,
    holder_settings,
    kept_images,
    without_holder,
)
from .._core.ledger import Release
from .._core.stack import Stack
from .engine import Engine


class ImageHolders:
    """Only what carries our labels is taken for a holder, whatever its name is."""

    def __init__(self, stack: Stack, engine: Engine) -> None:
        self._stack = stack
        self._engine = engine

    def present(self) -> Tuple[Holder, ...]:
        labels = [f"{LABEL_MADE}={MADE_HOLDER}", f"{LABEL_HOLDS}={self._stack.name}"]
        with self._engine.calling("list the holders of kept images"):
            found = self._engine.client.containers(all=True, filters={"label": labels})
        return tuple(Holder(item["Id"], item["Labels"].get(LABEL_KEPT_AS, ""), item["ImageID"]) for item in found)

    def missing(self, releases: Iterable[Release]) -> Tuple[KeptImage, ...]:
        """Images of these releases that are on the host and that nothing of ours holds."""
        unheld = without_holder(kept_images(releases), self.present())
        here = {image_id: self._engine.image_id(image_id) is not None for image_id in {image.image_id for image in unheld}}
        return tuple(image for image in unheld if here[image.image_id])

    def hold(self, kept: KeptImage) -> None:
        """Makes the holder; one of this name of ours that holds another image goes."""
        for holder in self.present():
            if holder.reference == kept.reference:
                self.let_go(holder)
        settings = holder_settings(self._stack.name, kept, self._engine.image(kept.image_id) or {})
        with self._engine.calling(f"hold {kept.reference} by a container {kept.holder_name}"):
            self._engine.client.create_container_from_config(settings, name=kept.holder_name)

    def hold_or_warn(self, kept: KeptImage, warn: Callable[[str], None]) -> None:
        """For images that the operation itself does not need: they must not make it fail."""
        try:
            self.hold(kept)
        except OperationError as error:
            warn(f"docker image prune --all may take the image of {kept.service} of release {kept.release} away. {error}")

    def let_go(self, holder: Holder) -> None:
        if self._engine.inspect(holder.container_id) is not None:
            with self._engine.calling(f"remove the holder of {holder.reference}"):
                self._engine.client.remove_container(holder.container_id, v=True)
