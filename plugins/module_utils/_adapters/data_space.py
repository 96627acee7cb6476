# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room there is where the container of a server keeps its data."""

from __future__ import annotations

import os

from .._core.errors import OperationError
from .engine import Engine
from .server_container import ServerContainer


class FreeSpaceUnknown(OperationError):
    """The disk of the data cannot be looked at from this host."""

    reason = "free_space_unknown"


def free_bytes(service: ServerContainer, engine: Engine, directory: str) -> int:
    """Bytes free for ``directory`` of the container: on its volume, else where the engine keeps its containers."""
    mount = service.mount(directory)
    place = mount["Source"] if mount else engine.info().get("DockerRootDir", "")
    try:
        found = os.statvfs(place)
    except OSError as error:
        raise FreeSpaceUnknown(
            f"The free space for {directory} of container {service.container.name} cannot be told: {error.strerror} ({place}).",
            hint="Run this on the host of the engine, as a user who may look there (become).",
            path=place,
        ) from error
    return found.f_bavail * found.f_frsize
