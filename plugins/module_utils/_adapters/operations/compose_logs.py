# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the logs of a stack's containers, in time order and without secrets, or writes them to a file."""

from __future__ import annotations

import contextlib
import json
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, Mapping, Protocol, Tuple

from ..._core.container import Container, parse_container
from ..._core.errors import BadInput, StateUnwritable
from ..._core.log_lines import LogQuery, LogsUnreadable, Selection, iso, newest_within
from ..._core.plan import Plan, Step
from ..._core.redaction import Redactor
from ..._core.service_login import environment_of
from ..._core.stack import Stack
from ..clock import utc_now
from ..compose_cli import ComposeCli
from ..engine import Engine
from ..engine_logs import read_logs
from ..files import make_private_directory, write_atomically

_MOST_THREADS = 4
_BYTES_IN_RESULT = 1024 * 1024
_BYTES_IN_FILE = 64 * 1024 * 1024
_MODE = 0o600

Inspected = Dict[str, Any]
Source = Tuple[Container, Inspected]


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class ComposeLogs:
    """Reading is all of the plan; only a destination is something to apply."""

    def __init__(self, stack: Stack, query: LogQuery, host: Host, destination: str, max_bytes: int) -> None:
        self._stack = stack
        self._query = query
        self._host = host
        self._destination = destination
        self._max_bytes = max_bytes
        self._content = b""

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "ComposeLogs":
        destination = params["destination"]
        max_bytes = params["max_bytes"] if params["max_bytes"] is not None else _BYTES_IN_FILE if destination else _BYTES_IN_RESULT
        if max_bytes < 1:
            raise BadInput("max_bytes must be at least 1.", max_bytes=max_bytes)
        if destination and not os.path.isabs(destination):
            raise BadInput(f"destination must be an absolute path, and is {destination}.", destination=destination)
        return cls(Stack.from_params(params), LogQuery.from_params(params, utc_now()), host, destination, max_bytes)

    def plan(self) -> Plan:
        engine = Engine.connect(self._stack)
        chosen, redactor = self._sources(engine)
        selections = self._read(engine, chosen, redactor)
        every = [line for (container, unused), selection in zip(chosen, selections) for line in selection.lines(container.service, container.name)]
        every.sort(key=lambda line: line["at"])
        lines = newest_within(every, self._max_bytes)
        facts = self._facts(chosen, selections, lines)
        facts["truncated"] = facts["truncated"] or len(lines) < len(every)
        return self._plan_file(lines, facts) if self._destination else Plan({}, {}, facts={**facts, "lines": lines})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if plan.changed:
            with self._writing():
                make_private_directory(os.path.dirname(self._destination))
                write_atomically(self._destination, self._content, _MODE)
        return {}

    def _sources(self, engine: Engine) -> Tuple[List[Source], Redactor]:
        """The containers to read, and a redactor that knows the secrets of all: a service may log what it was told by another."""
        every = [(parse_container(answer), answer) for answer in engine.inspect_project(self._stack.name)]
        redactor = Redactor()
        for _container, answer in every:
            redactor = redactor.merged_with(Redactor.of_environment(environment_of((answer.get("Config") or {}).get("Env") or ())))
        own = [(container, answer) for container, answer in every if not container.one_off]
        present = {container.service for container, unused in own}
        if any(service not in present for service in self._query.services):
            ComposeCli(self._stack).model().select(self._query.services)  # it may not even be in the files
        chosen = [source for source in own if not self._query.services or source[0].service in self._query.services]
        return sorted(chosen, key=lambda source: (source[0].service, source[0].number)), redactor

    def _read(self, engine: Engine, chosen: List[Source], redactor: Redactor) -> List[Selection]:
        selections = [Selection(self._query, redactor) for _source in chosen]
        with ThreadPoolExecutor(_MOST_THREADS) as threads:
            running = [threads.submit(read_logs, engine, answer, self._query, into) for (unused, answer), into in zip(chosen, selections)]
            for selection, reading in zip(selections, running):
                self._finish(reading, selection)
        return selections

    def _finish(self, reading: "Future[None]", selection: Selection) -> None:
        try:
            reading.result()
        except LogsUnreadable as error:
            if self._query.services:
                raise
            # Nobody asked for just this one; the logs of the others are still worth having.
            selection.readable = False
            self._host.warn(f"{error} It was left out.")

    def _facts(self, chosen: List[Source], selections: List[Selection], lines: List[Dict[str, Any]]) -> Dict[str, Any]:
        by_level: Dict[str, int] = {}
        for selection in selections:
            for level, count in selection.by_level.items():
                by_level[level] = by_level.get(level, 0) + count
        return {
            "lines": [],
            "count": len(lines),
            "matched": sum(selection.matched for selection in selections),
            "scanned": sum(selection.scanned for selection in selections),
            "by_level": by_level,
            "truncated": any(selection.truncated for selection in selections),
            "since": iso(self._query.since),
            "until": iso(self._query.until),
            "destination": self._destination,
            "containers": [
                {"service": container.service, "name": container.name, **selection.summary()}
                for (container, unused), selection in zip(chosen, selections)
            ],
        }

    def _plan_file(self, lines: List[Dict[str, Any]], facts: Dict[str, Any]) -> Plan:
        self._content = "".join(json.dumps(line) + "\n" for line in lines).encode()
        old = self._existing()
        before = {} if old is None else {"bytes": len(old), "lines": old.count(b"\n")}
        after = {"bytes": len(self._content), "lines": len(lines)}
        steps = () if old == self._content else (Step("write", self._destination, f"{len(lines)} lines"),)
        return Plan(before, after, steps, facts)

    def _existing(self) -> Any:
        with self._writing(), contextlib.suppress(FileNotFoundError):
            with open(self._destination, "rb") as handle:
                return handle.read()
        return None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateUnwritable(
                f"{self._destination} cannot be written: {error.strerror}.",
                hint="Check the path and the free space, and that the task runs as the right user (become).",
                path=self._destination,
            ) from error
