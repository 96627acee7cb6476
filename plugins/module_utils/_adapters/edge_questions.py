# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the edge through its own door: which configuration its workers serve, and what others get."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional
from urllib.parse import urlsplit

from .._core.edge_errors import EdgeUnproven
from .._core.edge_rendering import LOOK_HEADER, LOOK_PATH, facts_of
from .._core.edge_site import EdgeSite
from .._core.edge_traffic import Maintenance

_SECONDS = 5
_LONGEST = 64 * 1024
_CLOSED = 503


@dataclass(frozen=True)
class Answer:
    """0 when nobody answered."""

    status: int
    body: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it is the answer of a closed edge, and no 503 of the application."""
        return self.status == _CLOSED and '"error": "maintenance"' in self.body


def ask(url: str, path: str, headers: Mapping[str, str]) -> Answer:
    """One GET on a connection of its own. Redirects are not followed, and certificates not judged: it is our own edge, by whatever name."""
    parts = urlsplit(url)
    place = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(place, parts.port, timeout=_SECONDS, context=_context())
    else:
        connection = http.client.HTTPConnection(place, parts.port, timeout=_SECONDS)
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers={"Connection": "close", **headers})
        response = connection.getresponse()
        return Answer(response.status, response.read(_LONGEST).decode(errors="replace"))
    except (OSError, http.client.HTTPException):
        return Answer(0)
    finally:
        connection.close()


def ask_workers(site: EdgeSite, look: str, client: str = "") -> Dict[str, Any]:
    """What the running workers say; empty when they cannot be asked."""
    if not site.url or not look:
        return {}
    query = f"?client={client.partition('/')[0]}" if client else ""
    answer = ask(site.url, LOOK_PATH + query, {LOOK_HEADER: look})
    return facts_of(answer.body) if answer.status == 200 else {}


def prove_closed(site: EdgeSite, maintenance: Optional[Maintenance], look: str) -> Dict[str, Optional[int]]:
    """What strangers and operators get now. Raises EdgeUnproven when strangers get in, or meet a closed edge that should be open."""
    if not site.url:
        return {"outside": None, "bypass": None, "health": None}
    # Who is an operator by address cannot see what strangers get, nor who may belong to the share that is let in.
    operator = ask_workers(site, look).get("operator", False) or (maintenance is not None and maintenance.admits > 0)
    outside = None if operator else ask(site.url, "/", {"Accept": "application/json"})
    if outside and not outside.status:
        raise EdgeUnproven(
            f"Nobody answers at {site.url}, though nginx serves what it was given.",
            hint="Look at stack_edge.url, at the ports of the edge, and at what stands before it.",
            status=0,
        )
    if outside and bool(maintenance) != outside.is_ours:
        raise EdgeUnproven(
            f"{site.url}/ answers {outside.status or 'nothing'} though the edge is {'closed' if maintenance else 'open'}.",
            hint="Its workers serve what they were given: look whether stack_edge.url leads to a server block that includes site.conf.",
            status=outside.status,
        )
    path = site.health_paths[0] if site.health_paths else "/"
    operators = site.operators
    bypass = ask(site.url, path, {operators.header: operators.secret, "Accept": "application/json"}) if operators.secret else None
    health = ask(site.url, path, {"Accept": "application/json"}) if site.health_paths else None
    if bypass and bypass.is_ours:
        raise EdgeUnproven("Operators do not pass the closed edge by their header.", hint="Look whether something before nginx drops the header.", path=path)
    if health and maintenance and maintenance.exempt_health and health.is_ours and not operator:
        raise EdgeUnproven(f"{path} is exempt and gets the 503 of the closed edge.", hint="Look whether the site rewrites it before site.conf.", path=path)
    return {name: answer.status if answer else None for name, answer in (("outside", outside), ("bypass", bypass), ("health", health))}


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
