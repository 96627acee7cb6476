# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not get lost of a site's nginx configuration, and what the edge adds to it."""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Sequence, Set, Tuple

from .edge_errors import EdgeSettingsLost
from .edge_rendering import SITE_FILE, TRAFFIC_FILE
from .edge_site import EdgeSite
from .errors import BadInput
from .nginx_text import Directive, every, files_of, parse, parse_dump

RESOLVER = "resolver 127.0.0.11 valid=1s ipv6=off;"
# What clients depend on: encryption, and WebSockets that stay open.
_KEPT = ("ssl_certificate", "ssl_certificate_key", "ssl_protocols", "ssl_ciphers", "proxy_http_version", "proxy_read_timeout", "proxy_send_timeout")
_KEPT_HEADERS = ("upgrade", "connection")
_ENCRYPTED = ("ssl", "quic", "http2")

Edit = Tuple[int, int, str]  # from, to, and what is put there


def settings(text: str) -> Dict[str, Set[Tuple[str, ...]]]:
    """What clients depend on, by the name under which it may be given up."""
    found: Dict[str, Set[Tuple[str, ...]]] = {}
    for one in every(parse(text)):
        if one.name in _KEPT:
            found.setdefault(one.name, set()).add(one.words)
        elif one.name == "proxy_set_header" and one.words and one.words[0].lower() in _KEPT_HEADERS:
            found.setdefault(f"proxy_set_header {one.words[0].capitalize()}", set()).add(one.words[1:])
        elif one.name == "listen" and set(one.words) & set(_ENCRYPTED):
            found.setdefault("listen ssl", set()).add(one.words[:1])
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
    directives = list(every(parse(text)))
    return edited(text, [*_passing(text, directives, site), *_included(directives, site)])


def lacking(dump: str, site: EdgeSite, services: Sequence[str]) -> List[str]:
    """What a site that ``nginx -T`` shows would need for the edge to have any effect."""
    files, used = files_of(dump), list(every(parse_dump(dump)))
    found = [f"include {site.in_nginx(name)}" for name in (TRAFFIC_FILE, SITE_FILE) if site.in_nginx(name) not in files]
    passing = [word for one in used if one.name.endswith("_pass") for word in one.words]
    for service in services:
        name = site.pool_variable(service)
        if not any(re.search(rf"\$({name}(?!\w)|{{{name}}})", word) for word in passing):
            found.append(f"proxy_pass http://${name}")
    if site.kind == "compose" and not any(one.name == "resolver" for one in used):
        found.append("resolver 127.0.0.11")
    return found


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
        if one.name == "proxy_pass" and len(one.words) == 1 and one.words[0] in variables:
            written = text[one.start : one.end].replace(one.words[0], variables[one.words[0]])
            yield one.start, one.end, written


def _included(directives: Sequence[Directive], site: EdgeSite) -> Iterator[Edit]:
    directives = [one for one in directives if not {"stream", "mail"} & set(one.within)]  # servers of another kind
    included = {one.words[0] for one in directives if one.name == "include" and len(one.words) == 1}
    servers = [one for one in directives if one.name == "server" and one.inner and "upstream" not in one.within]
    first = min(servers, key=lambda one: one.start, default=None)
    if first is None:
        raise BadInput("The nginx configuration has no server block.", hint="Give the file that has the site's server.")
    missing = [] if site.kind == "host" or any(one.name == "resolver" for one in directives) else [RESOLVER]
    if site.in_nginx(TRAFFIC_FILE) not in included:
        missing.append(f"include {site.in_nginx(TRAFFIC_FILE)};")
    if missing:
        yield first.start, first.start, "\n".join([*missing, ""]) + "\n"
    for server in servers:
        inside = [one for one in directives if server.inner <= one.start < server.end]
        there = any(one.name == "include" and one.words == (site.in_nginx(SITE_FILE),) for one in inside)
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
