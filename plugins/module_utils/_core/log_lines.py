# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of container logs: taken from the engine's stream, understood, and chosen."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Deque, Dict, Iterator, List, Mapping, Optional, Pattern, Tuple

from .errors import BadInput, OperationError
from .json_subset import MISSING, find
from .redaction import Redactor
from .stream_frames import STDERR, FrameReader
from .timestamps import parse_timestamp

LEVELS = ("debug", "info", "warning", "error", "critical")
_WORDS = {
    "trace": "debug", "debug": "debug", "info": "info", "log": "info", "notice": "info", "information": "info", "warn": "warning",
    "warning": "warning", "err": "error", "error": "error", "crit": "critical", "critical": "critical", "fatal": "critical",
    "panic": "critical", "alert": "critical", "emerg": "critical", "emergency": "critical",
}  # fmt: skip
_LEVEL_FIELDS = ("level", "severity", "levelname", "log.level", "lvl")
_MESSAGE_FIELDS = ("message", "msg")
# LEVEL: text (Postgres), [level] text (nginx), level=word (logfmt), LEVEL text; only near the beginning of the line.
_LEVEL_IN_TEXT = re.compile(
    r"\[(?P<a>[a-zA-Z]+)\]|\b(?:level|severity)=\"?(?P<b>[a-zA-Z]+)|\b(?P<c>[A-Z]{3,11})\b(?=[:\s\]|])"
)
_SEARCHED_FOR_LEVEL = 120
_LONGEST_LINE = 64 * 1024
_RELATIVE = re.compile(r"(?P<number>\d{1,9}(?:\.\d+)?)\s*(?P<unit>[smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class LogsUnreadable(OperationError):
    """The logging driver of a container does not let its logs be read."""

    reason = "logs_unreadable"


@dataclass(frozen=True)
class LogQuery:
    """``tail`` is the number of chosen lines for each container, ``scan`` the number of lines that are looked at."""

    services: Tuple[str, ...] = ()
    since: Optional[datetime] = None
    until: Optional[datetime] = None
    tail: int = 200
    scan: int = 100_000
    streams: Tuple[str, ...] = ("stdout", "stderr")
    level: str = ""
    match: Optional[Pattern[str]] = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @classmethod
    def from_params(cls, params: Mapping[str, Any], now: datetime) -> "LogQuery":
        if params["tail"] < 1 or params["scan"] < 1 or not params["streams"]:
            raise BadInput("tail and scan must be at least 1, and streams must not be empty.", tail=params["tail"], scan=params["scan"])
        since, until = parse_moment("since", params["since"], now), parse_moment("until", params["until"], now)
        if since and until and since >= until:
            raise BadInput("since must be earlier than until.", since=iso(since), until=iso(until))
        try:
            match = re.compile(params["match"]) if params["match"] else None
        except re.error as error:
            raise BadInput(f"match is not a regular expression: {error}.", hint="For a fixed text use text.", match=params["match"]) from None
        return cls(
            services=tuple(params["services"]),
            since=since,
            until=until,
            tail=params["tail"],
            scan=max(params["scan"], params["tail"]),
            streams=tuple(params["streams"]),
            level=params["level"] or "",
            match=match,
            fields=params["fields"],
            text=params["text"],
        )

    @property
    def chooses(self) -> bool:
        """Whether lines are left out for what they say: then more must be looked at than is wanted."""
        return bool(self.level or self.match or self.fields or self.text or set(self.streams) != {"stdout", "stderr"})

    @property
    def engine_tail(self) -> int:
        return self.scan if self.chooses else self.tail

    def wants(self, line: "LogLine", redactor: Redactor) -> bool:
        if line.stream not in self.streams:
            return False
        if self.level and (line.level not in LEVELS or LEVELS.index(line.level) < LEVELS.index(self.level)):
            return False
        if any(not _same(find(line.data, name), value) for name, value in self.fields.items()):
            return False
        # Secrets are taken out first: a search must not be a way to guess them.
        shown = redactor.text(line.raw) if self.match or self.text else ""
        return self.text in shown and (self.match is None or self.match.search(shown) is not None)


@dataclass(frozen=True)
class LogLine:
    """``raw`` and ``data`` may hold secrets; ``data`` is empty for a line that is not a JSON object."""

    at: str
    stream: str
    raw: str
    level: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def shown(self, redactor: Redactor) -> Dict[str, Any]:
        """The line as the result has it."""
        data = redactor.data(self.data)
        message = next((name for name in _MESSAGE_FIELDS if name in data), "") if data else ""
        text = data[message] if message else redactor.text(self.raw)
        if data and not message:
            text = json.dumps(data, sort_keys=True)
        return {
            "at": self.at,
            "stream": self.stream,
            "level": self.level,
            "message": text if isinstance(text, str) else json.dumps(text),
            "fields": {name: value for name, value in data.items() if name != message},
        }


class LineReader:
    """Lines out of the engine's log stream (with timestamps), in pieces of any size. ``framed`` is False for a terminal's."""

    def __init__(self, framed: bool) -> None:
        self._frames = FrameReader() if framed else None
        self._piece = bytearray()
        self._open: Dict[str, Tuple[str, bytearray]] = {}

    def feed(self, data: bytes) -> Iterator[LogLine]:
        if self._frames is None:
            yield from self._feed_text(data)
            return
        for number, part, complete in self._frames.feed(data):
            self._piece += part
            if complete:
                yield from self._message("stderr" if number == STDERR else "stdout", bytes(self._piece))
                self._piece.clear()

    def rest(self) -> Iterator[LogLine]:
        """Lines that were never ended."""
        if self._piece:
            yield from self._message("stdout", bytes(self._piece))
            self._piece.clear()
        for stream in sorted(self._open):
            yield self._line(stream)

    def _feed_text(self, data: bytes) -> Iterator[LogLine]:
        *ended, rest = (bytes(self._piece) + data).split(b"\n")
        self._piece = bytearray(rest)
        for line in ended:
            yield from self._message("stdout", line + b"\n")

    def _message(self, stream: str, message: bytes) -> Iterator[LogLine]:
        """The engine cuts a long line into messages, each with a time; only the last one ends the line."""
        at, _space, text = message.partition(b" ")
        _at, line = self._open.setdefault(stream, (at.decode(errors="replace"), bytearray()))
        line += text[: max(0, _LONGEST_LINE - len(line))]
        if message.endswith(b"\n"):
            yield self._line(stream)

    def _line(self, stream: str) -> LogLine:
        at, line = self._open.pop(stream)
        return parse_line(at, stream, line.decode(errors="replace").rstrip("\r\n"))


class Selection:
    """The newest chosen lines of one container; memory does not grow with the log."""

    def __init__(self, query: LogQuery, redactor: Redactor) -> None:
        self._query = query
        self._redactor = redactor
        self._kept: Deque[Dict[str, Any]] = deque(maxlen=query.tail)
        self.scanned = 0
        self.matched = 0
        self.readable = True
        self.by_level = {level: 0 for level in (*LEVELS, "unknown")}

    def offer(self, line: LogLine) -> None:
        self.scanned += 1
        if self._query.wants(line, self._redactor):
            self.matched += 1
            self.by_level[line.level or "unknown"] += 1
            self._kept.append(line.shown(self._redactor))

    @property
    def truncated(self) -> bool:
        """Whether there is, or may be, more than was kept: the engine gives no more lines than it was asked for."""
        return self.matched > len(self._kept) or self.scanned >= self._query.engine_tail

    def summary(self) -> Dict[str, Any]:
        return {"readable": self.readable, "matched": self.matched, "scanned": self.scanned, "truncated": self.truncated}

    def lines(self, service: str, container: str) -> List[Dict[str, Any]]:
        return [{"service": service, "container": container, **line} for line in self._kept]


def parse_line(at: str, stream: str, raw: str) -> LogLine:
    data: Any = None
    if raw.startswith("{"):
        try:
            data = json.loads(raw)
        except ValueError:
            data = None
    if isinstance(data, dict):
        return LogLine(at, stream, raw, _level_of_data(data), data)
    return LogLine(at, stream, raw, _level_of_text(raw))


def newest_within(lines: List[Dict[str, Any]], max_bytes: int) -> List[Dict[str, Any]]:
    """The newest of these lines (in time order) whose JSON takes no more than ``max_bytes``."""
    room, kept = max_bytes, 0
    for line in reversed(lines):
        room -= len(json.dumps(line)) + 1
        if room < 0:
            break
        kept += 1
    return lines[len(lines) - kept :]


def parse_moment(option: str, given: str, now: datetime) -> Optional[datetime]:
    """A time in ISO 8601 (without a zone: UTC), or how long before now; None when nothing is given."""
    if not given:
        return None
    relative = _RELATIVE.fullmatch(given.strip())
    if relative:
        return now - timedelta(seconds=float(relative["number"]) * _UNITS[relative["unit"]])
    moment = parse_timestamp(given)
    if moment is None:
        raise BadInput(
            f"{option} is no time: {given!r}.",
            hint="Use ISO 8601, such as 2026-11-21T03:10:00Z, or a time before now, such as 45s, 10m, 2h or 1d.",
            option=option,
        )
    return moment


def iso(moment: Optional[datetime]) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else ""


def _same(value: Any, wanted: Any) -> bool:
    """Options of Ansible are often texts where the log has numbers: what reads the same is the same."""
    return value is not MISSING and (value == wanted or _text(value) == _text(wanted))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _level_of_data(data: Mapping[str, Any]) -> str:
    for name in _LEVEL_FIELDS:
        value = find(data, name)
        if isinstance(value, str):
            return _WORDS.get(value.lower(), "")
        if isinstance(value, int) and not isinstance(value, bool):
            # Of pino and bunyan: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
            return ("debug", "debug", "info", "warning", "error", "critical")[min(max(value // 10, 1), 6) - 1]
    return ""


def _level_of_text(raw: str) -> str:
    for found in _LEVEL_IN_TEXT.finditer(raw[:_SEARCHED_FOR_LEVEL]):
        level = _WORDS.get((found["a"] or found["b"] or found["c"]).lower())
        if level:
            return level
    return ""
