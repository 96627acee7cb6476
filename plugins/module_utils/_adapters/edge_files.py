# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our files of the edge: what nginx includes, and our record of what they mean."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Iterator, Mapping, Optional

from .._core.edge_errors import EdgeNotPrepared, EdgeStateDamaged
from .._core.edge_site import EdgeSite, Operators
from .._core.edge_traffic import End, Traffic, parse_traffic
from .._core.errors import StateUnwritable
from .._core.stack import Stack
from .files import locked, make_private_directory, read_text, write_atomically, write_json


@dataclass(frozen=True)
class EdgeRecord:
    """``generation`` counts what nginx was given. ``proven``: its workers were seen to serve it.

    ``look`` is the word that lets us ask the workers. ``operators`` is kept because what ends a temporary part on the target has no inventory.
    """

    traffic: Traffic = field(default_factory=Traffic)
    generation: int = 0
    proven: bool = True
    look: str = field(default="", repr=False)
    written_at: str = ""
    ends: Mapping[str, End] = field(default_factory=dict)
    operators: Optional[Operators] = None

    def to_dict(self) -> Dict[str, Any]:
        return {
            "traffic": self.traffic.to_dict(),
            "generation": self.generation,
            "proven": self.proven,
            "look": self.look,
            "written_at": self.written_at,
            "ends": {part: asdict(end) for part, end in self.ends.items()},
            "operators": asdict(self.operators) if self.operators else None,
        }


class EdgeRecordFile:
    """``<state_dir>/<stack>/edge/traffic.json``, readable by its owner only, and the lock for who changes the edge."""

    def __init__(self, stack: Stack) -> None:
        self.path = stack.in_state("edge", "traffic.json")
        self._lock = stack.in_state("edge", "traffic.lock")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until nobody else changes the edge."""
        with _naming(self.path), locked(self._lock):
            yield

    def load(self) -> EdgeRecord:
        with _naming(self.path):
            text = read_text(self.path)
        if text is None:
            return EdgeRecord()
        try:
            value = json.loads(text)
            operators = value.pop("operators")
            traffic = parse_traffic(value.pop("traffic"))
            ends = {part: End(**end) for part, end in value.pop("ends").items()}
            kept = Operators(**{**operators, "addresses": tuple(operators["addresses"])}) if operators else None
            return EdgeRecord(traffic=traffic, ends=ends, operators=kept, **value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EdgeStateDamaged(
                f"{self.path} is damaged, so nobody knows what the edge does on purpose.",
                hint="Look at the traffic.conf that nginx includes, move the file away, and set what shall be.",
                path=self.path,
            ) from error

    def save(self, record: EdgeRecord) -> None:
        with _naming(self.path):
            make_private_directory(os.path.dirname(self.path))
            write_json(self.path, record.to_dict())


class IncludedFiles:
    """The files that nginx includes. They hold the operators' secret: only their owner reads them, as nginx' master does."""

    def __init__(self, site: EdgeSite) -> None:
        self._directory = site.directory

    def read(self, names: Mapping[str, Any]) -> Dict[str, Optional[str]]:
        with _naming(self._directory):
            return {name: read_text(os.path.join(self._directory, name)) for name in names}

    def write(self, texts: Mapping[str, Optional[str]]) -> None:
        """Each is written whole or not at all; one that was not there (None) is removed."""
        if not os.path.isdir(self._directory):
            raise EdgeNotPrepared(
                f"The directory {self._directory} is not there.",
                hint="Run playbooks/deploy/nginx.yml, or correct stack_edge.directory.",
                directory=self._directory,
            )
        with _naming(self._directory):
            for name, text in texts.items():
                path = os.path.join(self._directory, name)
                if text is not None:
                    write_atomically(path, text.encode(), 0o600)
                elif os.path.exists(path):
                    os.unlink(path)


def with_operators(site: EdgeSite, record: EdgeRecord, given: bool) -> EdgeSite:
    """Who has no inventory at hand goes on with the operators that are known."""
    return site if given or record.operators is None else replace(site, operators=record.operators)


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateUnwritable(
            f"The files of the edge cannot be read or written: {error.strerror} ({error.filename}).",
            hint="Check the free space and the owner, and that the task runs as the right user (become).",
            path=error.filename or path,
        ) from error
