# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container logs through the engine, both streams."""

from __future__ import annotations

from typing import Any, Dict, List

from .._core.log_lines import LineReader, LogQuery, LogsUnreadable, Selection
from .._core.redaction import Redactor
from .engine import Engine

_PIECE = 65536
_GONE = 404


def log_tail(engine: Engine, container: str, lines: int, redactor: Redactor) -> List[str]:
    """The last lines of both streams in the order in which they came, redacted; empty when they cannot be read."""
    with engine.calling(f"read the logs of {container[:12]}"):
        text = engine.client.logs(container, stdout=True, stderr=True, tail=lines)
    return [redactor.text(line) for line in text.decode(errors="replace").splitlines()]


def read_logs(engine: Engine, inspected: Dict[str, Any], query: LogQuery, selection: Selection) -> None:
    """Offers every line of the query's window to the selection, oldest first, while they come in."""
    name = inspected["Name"].lstrip("/")
    reader = LineReader(framed=not (inspected.get("Config") or {}).get("Tty"))
    client = engine.client
    with engine.calling(f"read the logs of {name}"):
        # Not through the SDK's own call: that one tells the two streams apart only for running commands.
        address = f"{client.base_url}/v{client.api_version}/containers/{inspected['Id']}/logs"
        with client.get(address, params=_parameters(query), stream=True, timeout=client.timeout) as answer:
            if answer.status_code == _GONE:
                return  # it was removed a moment ago
            if answer.status_code >= 400:
                raise _unreadable(name, inspected, answer.status_code)
            for data in answer.iter_content(_PIECE):
                for line in reader.feed(data):
                    selection.offer(line)
    for line in reader.rest():
        selection.offer(line)


def _parameters(query: LogQuery) -> Dict[str, str]:
    parameters = {"stdout": "1", "stderr": "1", "timestamps": "1", "tail": str(query.engine_tail)}
    if query.since:
        parameters["since"] = f"{query.since.timestamp():.6f}"
    if query.until:
        parameters["until"] = f"{query.until.timestamp():.6f}"
    return parameters


def _unreadable(name: str, inspected: Dict[str, Any], status: int) -> LogsUnreadable:
    driver = ((inspected.get("HostConfig") or {}).get("LogConfig") or {}).get("Type", "")
    return LogsUnreadable(
        f"The logs of {name} cannot be read: its logging driver is {driver or 'unknown'} (the engine answered {status}).",
        hint="Read them where the driver sends them, or use the json-file, local or journald driver.",
        container=name,
        driver=driver,
        status=status,
    )
