# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe: one question to one service, and what a good answer to it is."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional, Sequence, Tuple
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import BadInput
from .probe_expectation import Expectation, parse_expectation
from .probe_measure import Measure, parse_measure
from .probe_refusal import positive, refuse
from .probe_secrets import masked_url

HTTP_SCHEMES = ("http", "https")
WEBSOCKET_SCHEMES = ("ws", "wss")
_WEB_SCHEMES = HTTP_SCHEMES + WEBSOCKET_SCHEMES
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "redis": 6379, "postgres": 5432, "tcp": 0, "dns": 0}
LOGIN_SCHEMES = ("redis", "postgres")  # their login is in the container, so they are asked on the stack's network unless told otherwise
_WEB_ONLY = ("headers", "header", "header_from")
_HTTP_ONLY = ("body", "json", "contains", "absent", "max_age")
READING_METHODS = ("GET", "HEAD", "OPTIONS")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Endpoint:
    """Where to ask. ``target`` is path and query for HTTP, the database for Postgres, else empty."""

    scheme: str
    host: str
    port: int
    target: str = ""

    @property
    def authority(self) -> str:
        """``host:port`` as people write it, without the port when it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Login:
    """Empty parts are taken from the service's own container where it is asked on the network."""

    username: str = ""
    password: str = ""


@dataclass(frozen=True)
class Request:
    """What is sent to an HTTP service."""

    method: str = "GET"
    headers: Tuple[Tuple[str, str], ...] = ()
    body: Optional[bytes] = None
    follow_redirects: bool = False


@dataclass(frozen=True)
class ContainerHeader:
    """A header whose value only a container knows: the variable of its environment, and what it is sent as."""

    variable: str
    header: str = "Authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True)
class Probe:
    """``url`` is for people: it holds no password. ``timeout`` and ``stay_open`` are in seconds, for one attempt."""

    name: str
    url: str
    endpoint: Endpoint
    request: Request = Request()
    expect: Expectation = Expectation()
    login: Login = Login()
    role: str = "liveness"
    via: str = "host"
    from_service: str = ""
    validate_certs: bool = True
    timeout: float = 5.0
    stay_open: float = 0.0
    header_from: Optional[ContainerHeader] = None
    measure: Optional[Measure] = None

    @property
    def reads_only(self) -> bool:
        return self.request.method in READING_METHODS

    @property
    def needs_engine(self) -> bool:
        return self.via == "network"

    @property
    def asks_from_inside(self) -> bool:
        """Whether the question leaves from the network of a container, and not from the host."""
        return bool(self.from_service) and self.endpoint.scheme != "dns"

    def with_header(self, name: str, value: str) -> "Probe":
        kept = tuple(header for header in self.request.headers if header[0].lower() != name.lower())
        return replace(self, request=replace(self.request, headers=(*kept, (name, value))))


def parse_probes(declared: Sequence[Mapping[str, Any]]) -> Tuple[Probe, ...]:
    """All probes of one call, or BadInput before anything is asked."""
    if not declared:
        raise BadInput("There are no probes, so nothing would be proven.", hint="Declare at least one in 'probes'.")
    probes = tuple(parse_probe(options) for options in declared)
    names = [probe.name for probe in probes]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadInput(f"Several probes are called {', '.join(repeated)}.", hint="Give each probe a name of its own.", names=repeated)
    return probes


def parse_probe(options: Mapping[str, Any]) -> Probe:
    """Reads one item of the option ``probes``."""
    url = options["url"]
    label = options.get("name") or masked_url(url)
    parts = _split(label, url)
    scheme = "postgres" if parts.scheme == "postgresql" else parts.scheme
    _check_scheme(label, scheme, options)
    endpoint = _endpoint(label, scheme, parts)
    login = Login(options.get("username") or unquote(parts.username or ""), options.get("password") or unquote(parts.password or ""))
    return Probe(
        name=label,
        url=masked_url(url),
        endpoint=endpoint,
        request=_request(label, options, login if scheme in _WEB_SCHEMES else Login()),
        expect=_expected(label, scheme, options),
        login=login,
        role=options.get("role") or "liveness",
        via=_via(label, scheme, options),
        from_service=options.get("from_service") or "",
        validate_certs=options.get("validate_certs") is not False,
        timeout=positive(label, "timeout", options.get("timeout") or 5.0),
        stay_open=_stay_open(label, scheme, options),
        header_from=_header_from(label, options),
        measure=_measure(label, scheme, options),
    )


def _split(label: str, url: str) -> SplitResult:
    hint = "Write it like http://127.0.0.1:8080/health, tcp://host:port, redis://redis:6379, postgres://postgres:5432/db, ws://host/path or dns://name."
    if _CONTROL_OR_SPACE.search(url):
        raise refuse(label, "the URL holds a blank or a control character.", "Percent-encode it.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise refuse(label, "the URL is malformed.", hint) from error  # the cause may quote a password
    if not host:
        raise refuse(label, "the URL names no host.", hint)
    if port == 0:
        raise refuse(label, "port 0 cannot be asked.", hint)
    return parts


def _check_scheme(label: str, scheme: str, options: Mapping[str, Any]) -> None:
    if scheme not in _DEFAULT_PORTS:
        known = ", ".join(f"{name}://" for name in _DEFAULT_PORTS)
        raise refuse(label, f"{scheme}:// is not a scheme this module can ask.", f"Use one of {known}.")
    if scheme in HTTP_SCHEMES:
        return
    without_meaning = _HTTP_ONLY if scheme in WEBSOCKET_SCHEMES else _WEB_ONLY + _HTTP_ONLY
    given = [name for name in without_meaning if options.get(name)]
    if (options.get("method") or "GET") != "GET":
        given.insert(0, "method")
    if given:
        raise refuse(label, f"{', '.join(given)} mean nothing to a {scheme}:// probe.", "Remove them, or ask over HTTP.")


def _endpoint(label: str, scheme: str, parts: SplitResult) -> Endpoint:
    port = parts.port or _DEFAULT_PORTS[scheme]
    if scheme == "tcp" and not port:
        raise refuse(label, "a tcp:// URL needs a port.", "Write tcp://host:port.")
    if scheme in ("tcp", "dns", "redis") and (parts.path.strip("/") or parts.query):
        raise refuse(label, f"a {scheme}:// URL has neither path nor query.", "Remove them.")
    if scheme in ("tcp", "dns") and parts.username is not None:
        raise refuse(label, f"a {scheme}:// probe does not log in.", "Remove user and password from the URL.")
    target = ""
    if scheme in _WEB_SCHEMES:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not target.isascii():
            raise refuse(label, "the URL holds a character that is not ASCII.", "Percent-encode it.")
    elif scheme == "postgres":
        target = unquote(parts.path.strip("/"))
    return Endpoint(scheme, parts.hostname or "", port, target)


def _via(label: str, scheme: str, options: Mapping[str, Any]) -> str:
    asked, service = options.get("via"), options.get("from_service")
    if service and scheme in LOGIN_SCHEMES:
        raise refuse(
            label,
            f"from_service is not for {scheme}:// probes.",
            "Use via=network: the question then comes from the host, on the stack's network.",
        )
    if service and asked == "host":
        raise refuse(label, "via=host and from_service contradict each other.", "Leave via out.")
    if service and scheme != "dns":
        return "network"
    if scheme == "dns":
        if asked == "network" and not service:
            raise refuse(label, "via=network needs from_service for a dns:// probe.", "Name the service that resolves.")
        return "network" if service else "host"
    return asked or ("network" if scheme in LOGIN_SCHEMES else "host")


def _request(label: str, options: Mapping[str, Any], login: Login) -> Request:
    method = options.get("method") or "GET"
    headers = {str(name): str(value) for name, value in (options.get("headers") or {}).items()}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\x00]", value):
            raise refuse(label, f"{name!r} is not a header that can be sent.", "Names are tokens; values are one line.")
    known = {name.lower() for name in headers}
    body = _body(label, options.get("body"))
    if body is not None and method in READING_METHODS:
        raise refuse(label, f"a {method} request carries no body.", "Choose another method, or remove the body.")
    if method == "HEAD" and any(options.get(name) for name in ("json", "contains", "absent", "max_age")):
        raise refuse(label, "an answer to HEAD has no body to check.", "Use GET.")
    if isinstance(options.get("body"), (Mapping, list)) and "content-type" not in known:
        headers["Content-Type"] = "application/json"
    if login.username or login.password:
        if "authorization" in known:
            raise refuse(label, "there is a login and an Authorization header.", "Give one of the two.")
        pair = f"{login.username}:{login.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return Request(method, tuple(headers.items()), body, options.get("redirects") == "follow")


def _body(label: str, body: Any) -> Optional[bytes]:
    if body is None:
        return None
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (Mapping, list)):
        return json.dumps(body).encode()
    raise refuse(label, "the body is neither text, a dictionary nor a list.", "Quote it to send it as text.")


def _expected(label: str, scheme: str, options: Mapping[str, Any]) -> Expectation:
    expected = parse_expectation(label, options)
    return replace(expected, status=("101",)) if scheme in WEBSOCKET_SCHEMES else expected


def _stay_open(label: str, scheme: str, options: Mapping[str, Any]) -> float:
    seconds = options.get("stay_open") or 0.0
    if seconds and scheme not in WEBSOCKET_SCHEMES:
        raise refuse(label, f"stay_open means nothing to a {scheme}:// probe.", "Remove it, or ask with ws:// or wss://.")
    return positive(label, "stay_open", seconds) if seconds else 0.0


def _header_from(label: str, options: Mapping[str, Any]) -> Optional[ContainerHeader]:
    given = options.get("header_from")
    if not given:
        return None
    told = ContainerHeader(given["variable"], given.get("header") or "Authorization", "Bearer " if given.get("prefix") is None else given["prefix"])
    if not (_VARIABLE.fullmatch(told.variable) and _HEADER_NAME.fullmatch(told.header)) or re.search(r"[\r\n\x00]", told.prefix):
        raise refuse(
            label, "header_from names no variable, or no header that can be sent.", "Write it like {variable: API_KEY, header: X-API-Key, prefix: ''}."
        )
    if not options.get("from_service"):
        raise refuse(label, "header_from reads from a container, and from_service names none.", "Name the service that has the variable.")
    return told


def _measure(label: str, scheme: str, options: Mapping[str, Any]) -> Optional[Measure]:
    measure = parse_measure(label, options.get("measure"))
    if measure and (options.get("method") or "GET") not in READING_METHODS:
        raise refuse(label, f"a {options['method']} request would be sent {measure.requests} times.", "Measure one that only reads.")
    if measure and scheme in WEBSOCKET_SCHEMES:
        raise refuse(label, f"a {scheme}:// probe is not measured.", "Measure the page behind it over HTTP.")
    return measure
