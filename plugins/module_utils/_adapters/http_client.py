# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP exchange over the standard library: bounded in time and size, no proxy, no silent redirect."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from dataclasses import replace
from typing import Optional, Tuple
from urllib.parse import SplitResult, urljoin, urlsplit

from .._core.probe import Endpoint, Probe, Request
from .._core.probe_verdict import HttpAnswer
from .tcp_client import BoundedConnection, Deadline, connect

_MOST_BYTES = 1024 * 1024
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_BECOMES_GET = (301, 302, 303)


def exchange(probe: Probe, address: str, deadline: Deadline) -> HttpAnswer:
    """Asks once, at ``address`` instead of the URL's host when given, and follows redirects within the same host."""
    endpoint, request = probe.endpoint, probe.request
    for _hop in range(_MOST_REDIRECTS + 1):
        answer = _ask(probe, endpoint, request, address, deadline)
        location = answer.header("location") if answer.status in _REDIRECTS else None
        if not (location and request.follow_redirects):
            return answer
        target = _redirected(endpoint, location)
        if target is None:
            return HttpAnswer(answer.status, answer.headers, answer.body, answer.complete, other_host=_place(endpoint, location))
        if answer.status in _BECOMES_GET and request.method not in ("GET", "HEAD"):
            request = Request("GET", _without_body_headers(request), None, True)
        endpoint = target
    return answer


def _ask(probe: Probe, endpoint: Endpoint, request: Request, address: str, deadline: Deadline) -> HttpAnswer:
    started = time.monotonic()
    connection = connect(address or endpoint.host, endpoint.port, deadline)
    connect_ms = (time.monotonic() - started) * 1000
    try:
        if endpoint.scheme == "https":
            connection = with_tls(connection, endpoint.host, probe.validate_certs, deadline)
        return replace(_converse(BoundedConnection(connection, deadline), endpoint, request), connect_ms=connect_ms)
    finally:  # also when TLS fails
        connection.close()


def _converse(connection: BoundedConnection, endpoint: Endpoint, request: Request) -> HttpAnswer:
    channel = http.client.HTTPConnection(endpoint.host, endpoint.port)
    channel.sock = connection
    given = {name.lower() for name, _value in request.headers}
    channel.putrequest(request.method, endpoint.target, skip_host=True, skip_accept_encoding=True)
    for name, value in own_headers(endpoint, request) + request.headers:
        if (name, value) in request.headers or name.lower() not in given:
            channel.putheader(name, value.encode())
    channel.endheaders(request.body)
    return read_answer(channel.getresponse())


def read_answer(response: http.client.HTTPResponse) -> HttpAnswer:
    """The whole answer, of at most 1 MiB."""
    body = response.read(_MOST_BYTES + 1)
    if response.length and len(body) <= _MOST_BYTES:
        raise http.client.IncompleteRead(body, response.length)
    headers = tuple((name.lower(), value) for name, value in response.getheaders())
    return HttpAnswer(response.status, headers, body[:_MOST_BYTES], len(body) <= _MOST_BYTES)


def own_headers(endpoint: Endpoint, request: Request) -> Tuple[Tuple[str, str], ...]:
    """What goes with every request, where the request itself does not say otherwise."""
    length = (("Content-Length", str(len(request.body))),) if request.body is not None else ()
    return (
        ("Host", endpoint.authority),
        ("User-Agent", "runbook.compose http_probe"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        *length,
    )


def with_tls(connection: socket.socket, host: str, validate_certs: bool, deadline: Deadline) -> socket.socket:
    """The connection, encrypted. When that fails, the one that was given is still to be closed."""
    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    connection.settimeout(deadline.left())
    return context.wrap_socket(connection, server_hostname=host)


def _redirected(endpoint: Endpoint, location: str) -> Optional[Endpoint]:
    """Where a redirect leads, or None when that is another host or port, or a step from https down to http."""
    try:
        parts = urlsplit(_absolute(endpoint, location))
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    upgraded = endpoint.scheme == "http" and parts.scheme == "https"
    same_place = parts.scheme == endpoint.scheme and port == endpoint.port
    if parts.hostname != endpoint.host or not (upgraded or same_place):
        return None
    return Endpoint(parts.scheme, parts.hostname, port, _target(parts))


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _absolute(endpoint: Endpoint, location: str) -> str:
    return urljoin(f"{endpoint.scheme}://{endpoint.authority}{endpoint.target}", location)


def _place(endpoint: Endpoint, location: str) -> str:
    """Scheme, host and port of a redirect; its path and query may hold a token."""
    parts = urlsplit(_absolute(endpoint, location))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _without_body_headers(request: Request) -> Tuple[Tuple[str, str], ...]:
    return tuple((name, value) for name, value in request.headers if not name.lower().startswith("content-"))
