# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger as people read it, and what runs compared with it."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .container import Container
from .ledger import Ledger, Release
from .text_table import aligned

_HEADER = ("", "id", "version", "verdict", "live since", "by", "images", "git")


def find_drift(release: Release, containers: Sequence[Container]) -> List[Dict[str, Any]]:
    """Where the running containers are not those of the release. ``problem`` is ``missing``, ``not_running`` or ``wrong_image``."""
    found: List[Dict[str, Any]] = []
    if release.of_swarm:  # its containers are on any node: the swarm is asked for them, and not this engine
        return found
    for service, image in sorted(release.images.items()):
        own = [container for container in containers if container.service == service]
        if not own:
            found.append(_drift(service, "missing", image.id, ""))
        for container in own:
            if container.image_id != image.id:
                found.append(_drift(service, "wrong_image", image.id, container.image_id))
            elif not container.running and container.exit_code != 0:
                found.append(_drift(service, "not_running", image.id, container.image_id))
    return found


def _drift(service: str, problem: str, expected: str, running: str) -> Dict[str, Any]:
    return {"service": service, "problem": problem, "expected_image_id": expected, "running_image_id": running}


def wrong_images(release: Release, containers: Sequence[Container]) -> List[Dict[str, Any]]:
    """Running containers that are made of another image than the release's."""
    running = [container for container in containers if container.running]
    return [item for item in find_drift(release, running) if item["problem"] == "wrong_image"]


def release_table(ledger: Ledger, releases: Sequence[Release]) -> str:
    """Aligned text, newest first; ``*`` marks the current release and ``>`` the staged one."""
    return "\n".join(aligned([_HEADER, *(_row(ledger, release) for release in releases)]))


def _row(ledger: Ledger, release: Release) -> Sequence[str]:
    last = release.activations[-1] if release.activations else None
    mark = "*" if release.id == ledger.current else ">" if release.id == ledger.staged else ""
    images = ", ".join(f"{service}={short_id(image.id)}" for service, image in sorted(release.images.items()))
    return (
        mark,
        release.id,
        release.version,
        release.verdict,
        last.at if last else "-",
        (last.by if last else release.created_by) or "-",
        images or "-",
        release.git_revision[:10] or "-",
    )


def short_id(image_id: str) -> str:
    return image_id.replace("sha256:", "")[:12] or "-"
