# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files inside a container, running or not, read through the engine."""

from __future__ import annotations

import io
import tarfile
from typing import Optional

from .engine import Engine

_LONGEST = 1024 * 1024


def read_container_file(engine: Engine, container: str, path: str, longest: int = _LONGEST) -> Optional[str]:
    """Its text, of at most ``longest`` bytes; None for what is no file."""
    with engine.calling(f"read {path} of container {container[:12]}"):
        chunks, _status = engine.client.get_archive(container, path)
        packed = b"".join(chunks)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.next()
        content = archive.extractfile(member) if member else None
        return content.read(longest).decode(errors="replace") if content else None
