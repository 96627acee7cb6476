# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether nginx lets WebSockets of a path through, and how long it lets them be silent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from .nginx_text import Directive, seconds_of

_DEFAULTS = {"proxy_read_timeout": "60s", "proxy_send_timeout": "60s", "proxy_http_version": "1.0"}
_TIMEOUTS = ("proxy_read_timeout", "proxy_send_timeout")
Level = Tuple[Directive, ...]


@dataclass(frozen=True)
class Place:
    """One location of one server that passes the path on, with the levels around it from outside in."""

    server: str
    location: str
    levels: Tuple[Level, ...]

    def value(self, name: str) -> str:
        """A simple directive: the innermost level that has it, else nginx' own default."""
        for level in reversed(self.levels):
            found = [directive for directive in level if directive.name == name and directive.words]
            if found:
                return " ".join(found[-1].words)
        return _DEFAULTS.get(name, "")

    def headers(self) -> Dict[str, str]:
        """Headers that are set for the upstream: those of the innermost level that sets any, as nginx does it."""
        for level in reversed(self.levels):
            found = [directive.words for directive in level if directive.name == "proxy_set_header" and len(directive.words) == 2]
            if found:
                return {name.lower(): value for name, value in found}
        return {}


def judge_path(path: str, main: Sequence[Directive], least_seconds: float) -> Dict[str, Any]:
    """Where the path goes, what is set there, and what is wrong about it."""
    places = list(_places(path, main))
    told = [_judged(place, main, least_seconds) for place in places]
    problems = [problem for one in told for problem in one["problems"]]
    if not places:
        problems = [f"no location passes {path} on"]
    return {"page": path, "places": told, "problems": problems}


def _judged(place: Place, main: Sequence[Directive], least_seconds: float) -> Dict[str, Any]:
    where = f"server {place.server}, location {place.location}"
    problems = []
    for name in _TIMEOUTS:
        seconds = seconds_of(place.value(name))
        if seconds is not None and seconds < least_seconds:
            problems.append(f"{where}: {name} is {place.value(name)}, so a WebSocket that is silent for as long is cut; at least {least_seconds:g}s is needed")
    version = place.value("proxy_http_version")
    if version != "1.1":
        problems.append(f"{where}: proxy_http_version is {version}; only 1.1 can be upgraded")
    headers = place.headers()
    if "$http_upgrade" not in headers.get("upgrade", "") and headers.get("upgrade", "").lower() != "websocket":
        problems.append(f"{where}: the header Upgrade is not passed on (proxy_set_header Upgrade $http_upgrade)")
    if not _upgrades(headers.get("connection", ""), [*main, *(directive for level in place.levels for directive in level)]):
        problems.append(f'{where}: the header Connection is not passed on (proxy_set_header Connection "upgrade", or a map of $http_upgrade)')
    return {
        "server": place.server,
        "location": place.location,
        "read_timeout": place.value("proxy_read_timeout"),
        "send_timeout": place.value("proxy_send_timeout"),
        "problems": problems,
    }


def _upgrades(value: str, directives: Sequence[Directive]) -> bool:
    """The word itself, the client's own header, or a variable that a map or a set gives the word."""
    if value.lower() == "upgrade" or value == "$http_connection":
        return True
    for directive in directives:
        if directive.name == "map" and directive.words[1:] == (value,):
            return any("upgrade" in (word.lower() for word in entry.words) for entry in directive.block or ())
        if directive.name == "set" and directive.words[:1] == (value,):
            return directive.words[-1].lower() == "upgrade"
    return False


def _places(path: str, main: Sequence[Directive]) -> Iterator[Place]:
    for http in (directive for directive in main if directive.name == "http"):
        for server in http.inside("server"):
            name = next((" ".join(directive.words) for directive in server.inside("server_name")), "")
            listens = next((" ".join(directive.words) for directive in server.inside("listen")), "80")
            place = _location(path, server, (http.block or (), server.block or ()), name or listens)
            if place is not None:
                yield place


def _location(path: str, parent: Directive, levels: Tuple[Level, ...], server: str) -> Optional[Place]:
    """The location that nginx would choose, when it passes requests on."""
    chosen = _chosen(path, list(parent.inside("location")))
    if chosen is None:
        return None
    inner = (*levels, chosen.block or ())
    deeper = _location(path, chosen, inner, server)
    if deeper is not None:
        return deeper
    passes = any(directive.name == "proxy_pass" for directive in _with_conditions(chosen))
    return Place(server, " ".join(chosen.words), inner) if passes else None


def _with_conditions(location: Directive) -> Iterator[Directive]:
    for directive in location.block or ():
        yield directive
        if directive.name in ("if", "limit_except"):
            yield from directive.block or ()


def _chosen(path: str, locations: List[Directive]) -> Optional[Directive]:
    """Exact, else the longest prefix when it forbids patterns, else the first pattern that matches, else the longest prefix."""
    prefixes: List[Tuple[int, str, Directive]] = []
    for location in locations:
        kind, word = ("", location.words[0]) if len(location.words) == 1 else (location.words[0], location.words[-1])
        if kind == "=" and word == path:
            return location
        if kind in ("", "^~") and path.startswith(word):
            prefixes.append((len(word), kind, location))
    longest = max(prefixes, key=lambda found: found[0], default=None)
    if longest is not None and longest[1] == "^~":
        return longest[2]
    for location in locations:
        if len(location.words) == 2 and location.words[0] in ("~", "~*") and _matches(location.words[1], path, location.words[0] == "~*"):
            return location
    return longest[2] if longest else None


def _matches(pattern: str, path: str, any_case: bool) -> bool:
    try:
        return re.search(pattern, path, re.IGNORECASE if any_case else 0) is not None
    except re.error:
        return False  # a pattern that only nginx understands: said to be no match rather than guessed
