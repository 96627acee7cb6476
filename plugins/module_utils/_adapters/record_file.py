# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that holds the record of a run, on the controller."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping

from .files import make_private_directory, write_json


class RecordFile:
    """A record that is written again and again while the run goes on, each time whole or not at all."""

    def __init__(self, directory: str, name: str) -> None:
        make_private_directory(directory)
        self.path = os.path.join(directory, name)

    def write(self, record: Mapping[str, Any]) -> None:
        """For good: it survives a power cut."""
        write_json(self.path, record)

    def refresh(self, record: Mapping[str, Any]) -> None:
        """In between: it survives the death of this process, and costs no wait for the disk."""
        temporary = os.path.join(os.path.dirname(self.path), f".{os.path.basename(self.path)}.part")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump(record, handle, indent=2, sort_keys=True)
            handle.write("\n")
        os.replace(temporary, self.path)
