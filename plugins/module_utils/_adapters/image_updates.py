# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded of image updates: ``<state_dir>/<stack>/images.json``, the last update of each service."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Dict, Iterable, Mapping

from .._core.errors import StateUnwritable
from .._core.service_images import Update
from .._core.stack import Stack
from .files import make_private_directory, read_text, write_json


class ImageUpdates:
    def __init__(self, stack: Stack) -> None:
        self._path = stack.in_state("images.json")

    def load(self) -> Dict[str, Update]:
        try:
            text = read_text(self._path)
            return {name: Update(**item) for name, item in json.loads(text)["updates"].items()} if text else {}
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise StateUnwritable(
                f"{self._path} cannot be read ({type(error).__name__}). It was left as it is.",
                hint="Move it away; updates that it recorded can then not be undone.",
                path=self._path,
            ) from error

    def add(self, known: Mapping[str, Update], updates: Iterable[Update]) -> None:
        whole = {**known, **{update.service: update for update in updates}}
        try:
            make_private_directory(os.path.dirname(self._path))
            write_json(self._path, {"format": 1, "updates": {name: asdict(update) for name, update in whole.items()}})
        except OSError as error:
            raise StateUnwritable(f"{self._path} cannot be written: {error.strerror}.", hint="Check state_dir.", path=self._path) from error
