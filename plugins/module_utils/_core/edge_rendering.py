# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes nginx's part of a traffic: the one file of the http level, and the one of the server level."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from . import edge_page
from .edge_site import EdgeSite
from .edge_traffic import Maintenance, Pool, Traffic

TRAFFIC_FILE, SITE_FILE = "traffic.conf", "site.conf"
LOOK_PATH, LOOK_HEADER = "/-runbook/traffic", "X-Runbook-Look"
_LONGEST_WORD = 2000  # bytes; nginx takes less than 4096 for one word
_HEAD = "# Written by runbook.compose (edge_traffic), replaced as a whole: do not edit it."
# In a map of nginx a key that begins with "~" is a regular expression, and only such a one tells cases apart.
# What is accepted without a lesser weight (q=) goes before what is accepted with one, and JSON before HTML.
_JSON, _HTML = r"~*\|(?:.*,)?\s*application/(?:[a-z0-9.+-]+\+)?json(?![\w.+-])", r"~*\|(?:.*,)?\s*text/html(?![\w.+-])"
_WHOLLY = r"\s*(?:;(?!\s*q\s*=)[^,;]*)*(?:,|$)"
_FORMS = ((r"~*^websocket\|", "json"), (_JSON + _WHOLLY, "json"), (_HTML + _WHOLLY, "html"), (_JSON, "json"), (_HTML, "html"))


class EdgeFiles:
    """The two files of one site. ``generation`` and ``look`` let the workers be asked which traffic they serve."""

    def __init__(self, site: EdgeSite, generation: int = 0, look: str = "") -> None:
        self._site = site
        self._generation = generation
        self._look = look

    def render(self, traffic: Traffic, now: datetime) -> Dict[str, str]:
        """Name of the file to its text."""
        return {TRAFFIC_FILE: "\n".join(self._traffic(traffic, now)) + "\n", SITE_FILE: self._server(traffic)}

    def _traffic(self, traffic: Traffic, now: datetime) -> Iterator[str]:
        yield _HEAD
        yield "# Included once at the http level of the site."
        yield from self._constant("generation", str(self._generation))
        for service in sorted(self._site.servers):
            yield from self._pool(service, traffic.pool(service))
        yield from self._map("connection", "$http_upgrade", "upgrade", [("", "close")])
        yield from self._passes(traffic)
        yield from self._limits(traffic)
        yield from self._words(traffic.maintenance, now)

    def _pool(self, service: str, pool: Pool) -> Iterator[str]:
        name, server = self._site.pool_variable(service), self._site.servers[service]
        if pool.serving:
            yield f"upstream {name}_pinned {{"
            yield from (f"    server {_host(one.address)}:{one.port} weight={one.weight} fail_timeout=2s;" for one in pool.serving)
            yield from (f"    server {_host(one.address)}:{one.port} down;" for one in pool.backends if not one.weight)
            yield "}"
            server = f"{name}_pinned"
        elif self._site.kind == "host":
            yield f"upstream {name} {{"
            yield f"    server {server};"
            yield "}"
            server = name
        yield f'map $host ${name} {{ default "{server}"; }}'

    def _passes(self, traffic: Traffic) -> Iterator[str]:
        """Who is let in while it is closed."""
        site, operators, maintenance = self._site, self._site.operators, traffic.maintenance
        exempt = site.health_paths if maintenance and maintenance.exempt_health else ()
        yield from self._paths("health_path", site.health_paths)
        yield from self._addresses("operator", operators.addresses)
        secrets = [(f"~^{operators.secret}$", "1")] if operators.secret else []
        yield from self._map("passes", f"$http_{operators.header.lower().replace('-', '_')}", "0", secrets)
        yield from self._paths("open_path", (LOOK_PATH, *exempt))
        yield from self._share(maintenance)
        admitted = ("admitted",) if maintenance and maintenance.admits else ()
        yield from self._map("closed", self._joined("operator", "passes", "open_path", *admitted), "1" if maintenance else "0", [("~1", "0")])
        yield from self._map("look", "$http_" + LOOK_HEADER.lower().replace("-", "_"), "0", [(f"~^{self._look}$", "1")] if self._look else [])

    def _share(self, maintenance: Optional[Maintenance]) -> Iterator[str]:
        """By the client's address: one client gets one answer, and who was let in stays in as the share grows."""
        if maintenance and maintenance.admits:
            yield f'split_clients "$remote_addr {maintenance.since}" ${self._site.variable("admitted")} {{'
            yield f'    {maintenance.admits}% "1";'
            yield '    * "0";'
            yield "}"

    def _limits(self, traffic: Traffic) -> Iterator[str]:
        """An empty key is not counted: of who is allowed, of operators, and of health checks.

        The key and the size of the zone never change: nginx refuses that in a reload.
        """
        site, attack = self._site, traffic.attack
        allowed = [entry.address for entry in traffic.allowed]
        yield from self._addresses("allowed", allowed)
        yield from self._addresses("asked", allowed, "$arg_client ")
        yield from self._map("client", f"${site.variable('allowed')}", "$binary_remote_addr", [("1", "")])
        source = self._joined("operator", "passes", "health_path")
        yield from self._map("attack_key", source, f"${site.variable('client')}" if attack else "", [("~1", "")])
        rate = attack.rate if attack else site.attack_rate
        yield f"limit_req_zone ${site.variable('attack_key')} zone={site.variable('attack')}:2m rate={rate}r/s;"

    def _words(self, maintenance: Optional[Maintenance], now: datetime) -> Iterator[str]:
        """Which answer, and what is in it."""
        yield from self._map("form", '"$http_upgrade|$http_accept"', "json", _FORMS)
        table, other = edge_page.retry_after(maintenance, now) if maintenance else ([], edge_page.AFTER_END)
        yield from self._map("retry_after", "$msec", str(other), [(f"~^{start}", str(left)) for start, left in table])
        yield from self._text("html", edge_page.page(maintenance) if maintenance else "", "")
        after = f"${{{self._site.variable('retry_after')}}}}}\n"
        yield from self._text("json", edge_page.answer(maintenance) if maintenance else "", after if maintenance else "")

    def _server(self, traffic: Traffic) -> str:
        site = self._site
        names = {name: site.variable(name) for name in ("attack", "closed", "form", "look", "generation", "asked", "operator", "retry_after", "html", "json")}
        burst = traffic.attack.burst if traffic.attack else site.attack_burst
        return _SERVER.format(head=_HEAD, burst=burst, look_path=LOOK_PATH, **names)

    def _constant(self, name: str, value: str) -> Iterator[str]:
        yield f'map $host ${self._site.variable(name)} {{ default "{value}"; }}'

    def _addresses(self, name: str, addresses: Iterable[str], source: str = "") -> Iterator[str]:
        yield f"geo {source}${self._site.variable(name)} {{"
        yield "    default 0;"
        yield from (f"    {address} 1;" for address in addresses)
        yield "}"

    def _paths(self, name: str, paths: Iterable[str]) -> Iterator[str]:
        return self._map(name, "$uri", "0", [(f"~^{_escaped(path)}$", "1") for path in paths])

    def _joined(self, *names: str) -> str:
        return "".join(f"${self._site.variable(name)}" for name in names)

    def _map(self, name: str, source: str, default: str, entries: Iterable[Tuple[str, str]]) -> Iterator[str]:
        yield f"map {source} ${self._site.variable(name)} {{"
        yield f'    default "{default}";'
        yield from (f"    {_quoted(key)} {_quoted(value)};" for key, value in entries)
        yield "}"

    def _text(self, name: str, text: str, after: str) -> Iterator[str]:
        """A long text in words that are short enough for nginx; ``after`` is a template of nginx's."""
        pieces = _pieces(text)
        names = [f"{name}_{number}" for number in range(1, len(pieces) + 1)]
        for part, piece in zip(names, pieces):
            yield from self._constant(part, piece)
        joined = "".join(f"${{{self._site.variable(part)}}}" for part in names)
        yield from self._constant(name, joined + after)


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(path: str) -> str:
    """A checked path as a part of a regular expression."""
    return path.replace(".", "\\.").replace("+", "\\+")


def _pieces(text: str) -> List[str]:
    """Escaped for nginx. The text has no dollar: within quotes that is a variable, and cannot be escaped."""
    pieces, current, size = [], "", 0
    for letter in text:
        written = "\\" + letter if letter in '\\"' else letter
        if size + len(written.encode()) > _LONGEST_WORD:
            pieces.append(current)
            current, size = "", 0
        current, size = current + written, size + len(written.encode())
    return [*pieces, current] if current else pieces


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def facts_of(answer: str) -> Dict[str, Any]:
    """What the workers said when they were asked (``LOOK_PATH``): which configuration they serve, whether limits do not hold for the client in
    question, and whether who asks is an operator. Empty for anything else."""
    found = re.fullmatch(r"generation=(\d+) allowed=([01]) operator=([01])\n?", answer)
    return {"generation": int(found[1]), "allowed": found[2] == "1", "operator": found[3] == "1"} if found else {}


_SERVER = """{head}
# Included once at the server level of the site, before its other rewrites.
limit_req zone={attack} burst={burst} nodelay;
limit_req_status 429;

if (${closed}) {{
    rewrite ^ /-runbook/closed/${form}? last;
}}

location = /-runbook/closed/html {{
    internal;
    client_max_body_size 0;
    types {{ }}
    default_type "text/html; charset=utf-8";
    add_header Retry-After ${retry_after} always;
    add_header Cache-Control no-store always;
    add_header Vary Accept always;
    return 503 ${html};
}}

location = /-runbook/closed/json {{
    internal;
    client_max_body_size 0;
    types {{ }}
    default_type application/json;
    add_header Retry-After ${retry_after} always;
    add_header Cache-Control no-store always;
    add_header Vary Accept always;
    return 503 ${json};
}}

location = {look_path} {{
    types {{ }}
    default_type text/plain;
    add_header Cache-Control no-store always;
    if (${look}) {{
        return 200 "generation=${generation} allowed=${asked} operator=${operator}\\n";
    }}
    return 404;
}}
"""
