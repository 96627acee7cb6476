# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a project that its files do not have."""

from __future__ import annotations

from typing import List, Sequence

from .compose_model import ComposeModel
from .container import Container
from .errors import BadInput


class NotAnOrphan(BadInput):
    """What was named as an orphan belongs to the stack, or is not there."""

    reason = "not_an_orphan"


def choose_orphans(model: ComposeModel, containers: Sequence[Container], named: Sequence[str]) -> List[Container]:
    """The orphans of these names, or every one when the only name is ``all``; a service of the files is refused."""
    orphans = [container for container in containers if container.service not in model.names]
    if list(named) == ["all"]:
        return orphans
    foreign = [name for name in named if name in model.names or any(name == one.name for one in containers if one not in orphans)]
    if foreign:
        raise NotAnOrphan(
            f"{', '.join(foreign)} belongs to stack {model.project}, so it is not an orphan. Nothing was removed.",
            hint="Name containers that the compose files do not have, or use services.",
            orphans=sorted(container.name for container in orphans),
        )
    return [container for container in orphans if container.name in named or container.service in named]
