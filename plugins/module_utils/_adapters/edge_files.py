# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our files of the edge: what nginx includes, and our record of what they mean."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Iterator, Mapping, Optional

from .._core.edge_errors import EdgeBusy, EdgeNotPrepared, EdgeStateDamaged
from .._core.edge_site import EdgeSite, Operators
from .._core.edge_traffic import End, Traffic, parse_traffic
from .._core.errors import StateUnwritable
from .._core.stack import Stack
from .files import alone, make_private_directory, read_text, write_atomically, write_json

_MODE = 0o600
_PATIENCE = 120.0  # seconds; a change takes less, whatever nginx and the engine do
_POLL_SECONDS = 0.05


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


class _Held(Exception):
    """By whom."""


class EdgeRecordFile:
    """``<state_dir>/<stack>/edge/traffic.json``, readable by its owner only, and the lock for who changes the edge."""

    def __init__(self, stack: Stack) -> None:
        self.path = stack.in_state("edge", "traffic.json")
        self._lock = stack.in_state("edge", "traffic.lock")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until nobody else changes the edge, but not for ever. Whoever is killed lets go of it."""
        until = time.monotonic() + _PATIENCE
        with contextlib.ExitStack() as held:
            with _naming(self.path):
                make_private_directory(os.path.dirname(self._lock))
                while not self._taken(held, until):
                    time.sleep(_POLL_SECONDS)
            yield

    def _taken(self, held: contextlib.ExitStack, until: float) -> bool:
        try:
            held.enter_context(alone(self._lock, _Held))
        except _Held as error:
            if time.monotonic() > until:
                raise EdgeBusy(
                    f"For {_PATIENCE:g} s the edge has been changed by {error}.", hint="Look what it waits for, or end it.", lock=self._lock
                ) from error
            return False
        return True

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
        """Each is written whole or not at all, and only where it differs; one that was not there (None) is removed."""
        if not os.path.isdir(self._directory):
            raise EdgeNotPrepared(
                f"The directory {self._directory} is not there.",
                hint="Run playbooks/deploy/nginx.yml, or correct stack_edge.directory.",
                directory=self._directory,
            )
        with _naming(self._directory):
            for name, text in texts.items():
                path = os.path.join(self._directory, name)
                if text is None:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(path)
                elif read_text(path) != text or os.stat(path).st_mode & 0o777 != _MODE:
                    write_atomically(path, text.encode(), _MODE)


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
