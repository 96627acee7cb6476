# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the site's configuration what a WebSocket needs to get through and to stay open."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Sequence

from .edge_configuration import Edit, edited
from .edge_site import EdgeSite
from .nginx_text import Directive, every, parse, seconds_of

# As edge_configuration names what may change.
WEBSOCKET_SETTINGS = ("proxy_http_version", "proxy_read_timeout", "proxy_send_timeout", "proxy_set_header Upgrade", "proxy_set_header Connection")


def with_websockets(text: str, site: EdgeSite, seconds: int = 310) -> str:
    """The same, with the upgrade passed on and ``seconds`` of silence allowed wherever requests are passed to a pool."""
    directives = list(every(parse(text)))
    variables = {f"http://${site.pool_variable(service)}" for service in site.ports}
    edits: Dict[Edit, None] = {}
    for one in directives:
        if one.name == "proxy_pass" and one.words and one.words[0] in variables:
            for edit in _Passing(directives, one, site, seconds).edits():
                edits[edit] = None  # two locations below one server want the same there
    return edited(text, list(edits))


class _Passing:
    """One place where requests are passed on, with the blocks around it, the innermost first."""

    def __init__(self, directives: Sequence[Directive], one: Directive, site: EdgeSite, seconds: int) -> None:
        self._directives = directives
        self._one = one
        self._seconds = seconds
        self._headers = {"upgrade": "$http_upgrade", "connection": f"${site.variable('connection')}"}
        around = [block for block in directives if block.inner and block.inner <= one.start < block.end]
        self._around = sorted(around, key=lambda block: -block.inner)

    def edits(self) -> Iterator[Edit]:
        version = self._nearest("proxy_http_version")
        if version is None or version.words != ("1.1",):
            yield self._set("proxy_http_version 1.1;", version)
        for name in ("proxy_read_timeout", "proxy_send_timeout"):
            found = self._nearest(name)
            if found is None or (seconds_of(" ".join(found.words)) or 0) < self._seconds:
                yield self._set(f"{name} {self._seconds}s;", found)
        yield from self._upgrade()

    def _upgrade(self) -> Iterator[Edit]:
        """Headers of an outer block count only where an inner one has none at all."""
        nearest = self._nearest("proxy_set_header")
        there = self._of(self._block_of(nearest), "proxy_set_header") if nearest else []
        known = {one.words[0].lower(): one for one in there if len(one.words) > 1}
        for header, value in self._headers.items():
            one = known.get(header)
            wanted = f"proxy_set_header {header.capitalize()} {value};"
            if one is None:
                place = there[0].start if there else self._one.start
                yield place, place, wanted + "\n"
            elif "$" not in one.words[1]:  # a variable of the site's own does as well
                yield one.start, one.end, wanted

    def _set(self, wanted: str, found: Optional[Directive]) -> Edit:
        """In the innermost block: what stands further out may be meant for others."""
        if found and self._block_of(found) == self._around[0]:
            return found.start, found.end, wanted
        return self._one.start, self._one.start, wanted + "\n"

    def _nearest(self, name: str) -> Optional[Directive]:
        return next((found[0] for found in (self._of(block, name) for block in self._around) if found), None)

    def _block_of(self, one: Optional[Directive]) -> Optional[Directive]:
        return next((block for block in self._around if one and block.inner <= one.start < block.end and self._depth(block) == len(one.within) - 1), None)

    def _of(self, block: Optional[Directive], name: str) -> List[Directive]:
        """Directives of this name right in a block."""
        if block is None:
            return []
        return [one for one in self._directives if one.name == name and block.inner <= one.start < block.end and len(one.within) - 1 == self._depth(block)]

    def _depth(self, block: Directive) -> int:
        return len(block.within)
