# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that are never started and hold a kept image: a tag alone does not keep it from ``docker image prune --all``."""

from __future__ import annotations

from typing import Any, Dict

from .._core.container import LABEL_PROJECT, LABEL_SERVICE
from .._core.release_images import KEPT_REGISTRY
from .._core.stack import Stack
from .engine import Engine

LABEL_HOLDS = "runbook.holds"  # the stack
LABEL_KEPT_AS = "runbook.kept_as"  # our tag of the image


class ImageHolders:
    """One holder for each kept tag of a stack."""

    def __init__(self, stack: Stack, engine: Engine) -> None:
        self._stack = stack
        self._engine = engine

    def held(self) -> Dict[str, str]:
        """Kept tags of this stack that have a holder, with the id of the image that it holds."""
        with self._engine.calling("list the holders of kept images"):
            found = self._engine.client.containers(all=True, filters={"label": f"{LABEL_HOLDS}={self._stack.name}"})
        return {container["Labels"].get(LABEL_KEPT_AS, ""): container["ImageID"] for container in found}

    def hold(self, reference: str, image_id: str) -> None:
        """Makes the holder anew; one that holds another image goes."""
        self.let_go(reference)
        volumes = ((self._engine.image(image_id) or {}).get("Config") or {}).get("Volumes") or {}
        with self._engine.calling(f"hold {reference}"):
            self._engine.client.create_container_from_config(self._settings(reference, image_id, volumes), name=holder_name(reference))

    def let_go(self, reference: str) -> None:
        name = holder_name(reference)
        if self._engine.inspect(name) is not None:
            with self._engine.calling(f"remove {name}"):
                self._engine.client.remove_container(name, v=True)

    def _settings(self, reference: str, image_id: str, volumes: Dict[str, Any]) -> Dict[str, Any]:
        return {
            "Image": image_id,
            "Entrypoint": ["held"],
            "Cmd": [],
            # Labels that compose put on the image would make the holder a part of the stack.
            "Labels": {
                LABEL_PROJECT: "",
                LABEL_SERVICE: "",
                "runbook.made": "holder",
                LABEL_HOLDS: self._stack.name,
                LABEL_KEPT_AS: reference,
            },
            "HostConfig": {"NetworkMode": "none", "Tmpfs": {path: "" for path in volumes}},  # no anonymous volumes
        }


def holder_name(reference: str) -> str:
    """``runbook.local/shop/api:0007`` is held by ``runbook-hold-shop.api.0007``."""
    return "runbook-hold-" + reference[len(KEPT_REGISTRY) + 1 :].replace("/", ".").replace(":", ".")
