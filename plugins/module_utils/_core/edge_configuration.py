# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an nginx configuration, finds what must not get lost, and adds what the edge needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, List, Sequence, Set, Tuple

from .edge_errors import EdgeSettingsLost
from .edge_rendering import SITE_FILE, TRAFFIC_FILE
from .edge_site import EdgeSite
from .errors import BadInput

RESOLVER = "resolver 127.0.0.11 valid=1s ipv6=off;"
# What clients depend on: encryption, and WebSockets that stay open.
_KEPT = ("ssl_certificate", "ssl_certificate_key", "ssl_protocols", "ssl_ciphers", "proxy_http_version", "proxy_read_timeout", "proxy_send_timeout")
_KEPT_HEADERS = ("upgrade", "connection")
_ENCRYPTED = ("ssl", "quic", "http2")

Edit = Tuple[int, int, str]  # from, to, and what is put there


@dataclass(frozen=True)
class Directive:
    """``start`` and ``end`` are places in the text; ``inner`` is where a block begins, 0 without one; ``within`` names the blocks around it."""

    words: Tuple[str, ...]
    start: int
    end: int
    inner: int = 0
    within: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.words[0]


def parse(text: str) -> List[Directive]:
    """All directives in the order in which they end, those of a block before the block."""
    found: List[Directive] = []
    open_blocks: List[Tuple[Tuple[str, ...], int, int]] = []
    words: List[Tuple[str, int]] = []
    for word, start, end in _words(text):
        if word not in (";", "{", "}"):
            words.append((word[1:-1] if word[0] in "\"'" else word, start))
            continue
        if (word == "}" and (words or not open_blocks)) or (word != "}" and not words):
            raise BadInput(f"The nginx configuration is malformed at line {text.count(chr(10), 0, start) + 1}.", hint="Look at braces and semicolons there.")
        within = tuple(block[0][0] for block in open_blocks)
        if word == "}":
            block, began, inner = open_blocks.pop()
            found.append(Directive(block, began, end, inner, within[:-1]))
        elif word == "{":
            open_blocks.append((tuple(one for one, unused in words), words[0][1], end))
        else:
            found.append(Directive(tuple(one for one, unused in words), words[0][1], end, 0, within))
        words = []
    if open_blocks or words:
        raise BadInput("The nginx configuration ends in the middle of a block or directive.", hint="Look at braces and semicolons.")
    return found


def _words(text: str) -> Iterator[Tuple[str, int, int]]:
    place = 0
    while place < len(text):
        letter = text[place]
        if letter.isspace():
            place += 1
        elif letter == "#":
            place = (text.find("\n", place) + 1) or len(text)
        elif letter in ";{}":
            yield letter, place, place + 1
            place += 1
        else:
            end = _end_of_quoted(text, place) if letter in "\"'" else _end_of_plain(text, place)
            yield text[place:end], place, end
            place = end


def _end_of_quoted(text: str, start: int) -> int:
    place = start + 1
    while place < len(text) and text[place] != text[start]:
        place += 2 if text[place] == "\\" else 1
    if place >= len(text):
        raise BadInput("A quote in the nginx configuration is not closed.", hint="Look at its quotes.")
    return place + 1


def _end_of_plain(text: str, start: int) -> int:
    place = start
    while place < len(text) and not text[place].isspace() and text[place] not in ";{}":
        variable = text.startswith("${", place)
        place += (text.find("}", place) - place + 1 or len(text)) if variable else 2 if text[place] == "\\" else 1
    return place


def settings(text: str) -> Dict[str, Set[Tuple[str, ...]]]:
    """What clients depend on, by the name under which it may be given up."""
    found: Dict[str, Set[Tuple[str, ...]]] = {}
    for one in parse(text):
        if one.name in _KEPT:
            found.setdefault(one.name, set()).add(one.words[1:])
        elif one.name == "proxy_set_header" and len(one.words) > 1 and one.words[1].lower() in _KEPT_HEADERS:
            found.setdefault(f"proxy_set_header {one.words[1].capitalize()}", set()).add(one.words[2:])
        elif one.name == "listen" and set(one.words) & set(_ENCRYPTED):
            found.setdefault("listen ssl", set()).add(one.words[1:2])
    return found


def refuse_lost(before: str, after: str, may_change: Sequence[str]) -> None:
    """Raises EdgeSettingsLost when a setting that clients depend on is not in the new text as it was; ``all`` of them may change on a way back."""
    if "all" in may_change:
        return
    new = settings(after)
    lost = [name for name, values in settings(before).items() if values - new.get(name, set()) and name not in may_change]
    if lost:
        raise EdgeSettingsLost(
            f"The new configuration drops or changes {', '.join(sorted(lost))}.",
            hint="Nothing was done. Keep it, or name it in may_change if it is meant.",
            settings=sorted(lost),
        )


def prepared(text: str, site: EdgeSite) -> str:
    """The same with our two includes, a resolver, and our variables where requests are passed to a pool; unchanged when all is there."""
    directives = parse(text)
    return edited(text, [*_passing(text, directives, site), *_included(directives, site)])


def edited(text: str, edits: Sequence[Edit]) -> str:
    """From the end to the beginning, so that places stay right."""
    for place, end, new in sorted(edits, reverse=True):
        text = text[:place] + _indented(text, place, new) + text[end:]
    return text


def _passing(text: str, directives: Sequence[Directive], site: EdgeSite) -> Iterator[Edit]:
    """Only where the whole address is the pool's: with a path behind it, a variable would mean something else."""
    variables = {f"http://{server}": f"http://${site.pool_variable(service)}" for service, server in site.servers.items()}
    variables.update({f"http://{service}:{port}": f"http://${site.pool_variable(service)}" for service, port in site.ports.items()})
    for one in directives:
        if one.name == "proxy_pass" and len(one.words) == 2 and one.words[1] in variables:
            written = text[one.start : one.end].replace(one.words[1], variables[one.words[1]])
            yield one.start, one.end, written


def _included(directives: Sequence[Directive], site: EdgeSite) -> Iterator[Edit]:
    included = {(one.words[1], one.within) for one in directives if one.name == "include" and len(one.words) == 2}
    servers = [one for one in directives if one.name == "server" and one.inner and "upstream" not in one.within]
    first = min(servers, key=lambda one: one.start, default=None)
    if first is None:
        raise BadInput("The nginx configuration has no server block.", hint="Give the file that has the site's server.")
    missing = [] if site.kind == "host" or any(one.name == "resolver" for one in directives) else [RESOLVER]
    if not any(path == site.in_nginx(TRAFFIC_FILE) for path, unused in included):
        missing.append(f"include {site.in_nginx(TRAFFIC_FILE)};")
    if missing:
        yield first.start, first.start, "\n".join([*missing, ""]) + "\n"
    for server in servers:
        inside = [one for one in directives if server.inner <= one.start < server.end]
        there = any(one.words == ("include", site.in_nginx(SITE_FILE)) for one in inside)
        if not there and any(one.name.endswith("_pass") for one in inside):
            yield server.inner, server.inner, f"\ninclude {site.in_nginx(SITE_FILE)};"


def _indented(text: str, place: int, new: str) -> str:
    """New lines like those around them; what is behind ``place`` keeps its own indentation."""
    line = text[text.rfind("\n", 0, place) + 1 : place]
    indent = line[: len(line) - len(line.lstrip())]
    if new.startswith("\n"):
        return "\n" + indent + "    " + new[1:]
    if line.strip():
        return new.replace("\n", " ")
    return "\n".join(f"{indent}{part}" if number and part else part for number, part in enumerate(new.split("\n"))) + (indent if new.endswith("\n") else "")
