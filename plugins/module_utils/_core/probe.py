# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe: one question to one service, and what a good answer to it is."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import BadInput
from .probe_secrets import masked_url

HTTP_SCHEMES = ("http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443, "redis": 6379, "postgres": 5432, "tcp": 0, "dns": 0}
LOGIN_SCHEMES = ("redis", "postgres")  # their login is in the container, so they are asked on the stack's network unless told otherwise
_HTTP_ONLY = ("headers", "body", "json", "header", "contains", "absent", "max_age")
READING_METHODS = ("GET", "HEAD", "OPTIONS")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS = re.compile(r"[1-5](\d\d|xx)")
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
class Expectation:
    """What makes an answer good. ``headers`` hold an exact value, or ``~`` and a regular expression."""

    status: Tuple[str, ...] = ("2xx",)
    json: Any = None
    headers: Tuple[Tuple[str, str], ...] = ()
    contains: Tuple[str, ...] = ()
    absent: Tuple[str, ...] = ()
    max_latency_ms: Optional[float] = None
    age_field: str = ""
    max_age_seconds: float = 0.0

    def accepts_status(self, status: int) -> bool:
        return any(wanted in (str(status), f"{status // 100}xx") for wanted in self.status)


@dataclass(frozen=True)
class Probe:
    """``url`` is for people: it holds no password. ``timeout`` is in seconds, for one attempt."""

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

    @property
    def reads_only(self) -> bool:
        return self.request.method in READING_METHODS

    @property
    def needs_engine(self) -> bool:
        return self.via == "network"


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
        request=_request(label, options, login if scheme in HTTP_SCHEMES else Login()),
        expect=_expectation(label, options),
        login=login,
        role=options.get("role") or "liveness",
        via=_via(label, scheme, options),
        from_service=options.get("from_service") or "",
        validate_certs=options.get("validate_certs") is not False,
        timeout=_positive(label, "timeout", options.get("timeout") or 5.0),
    )


def _refuse(label: str, problem: str, hint: str) -> BadInput:
    return BadInput(f"Probe {label}: {problem}", hint=hint, probe=label)


def _split(label: str, url: str) -> SplitResult:
    hint = "Write it like http://127.0.0.1:8080/health, tcp://host:port, redis://redis:6379, postgres://postgres:5432/db or dns://name."
    if _CONTROL_OR_SPACE.search(url):
        raise _refuse(label, "the URL holds a blank or a control character.", "Percent-encode it.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise _refuse(label, "the URL is malformed.", hint) from error  # the cause may quote a password
    if not host:
        raise _refuse(label, "the URL names no host.", hint)
    if port == 0:
        raise _refuse(label, "port 0 cannot be asked.", hint)
    return parts


def _check_scheme(label: str, scheme: str, options: Mapping[str, Any]) -> None:
    if scheme not in _DEFAULT_PORTS:
        known = ", ".join(f"{name}://" for name in _DEFAULT_PORTS)
        raise _refuse(label, f"{scheme}:// is not a scheme this module can ask.", f"Use one of {known}.")
    if scheme in HTTP_SCHEMES:
        return
    given = [name for name in _HTTP_ONLY if options.get(name)]
    if (options.get("method") or "GET") != "GET":
        given.insert(0, "method")
    if given:
        raise _refuse(label, f"{', '.join(given)} mean nothing to a {scheme}:// probe.", "Remove them, or ask over HTTP.")


def _endpoint(label: str, scheme: str, parts: SplitResult) -> Endpoint:
    port = parts.port or _DEFAULT_PORTS[scheme]
    if scheme == "tcp" and not port:
        raise _refuse(label, "a tcp:// URL needs a port.", "Write tcp://host:port.")
    if scheme in ("tcp", "dns", "redis") and (parts.path.strip("/") or parts.query):
        raise _refuse(label, f"a {scheme}:// URL has neither path nor query.", "Remove them.")
    if scheme in ("tcp", "dns") and parts.username is not None:
        raise _refuse(label, f"a {scheme}:// probe does not log in.", "Remove user and password from the URL.")
    target = ""
    if scheme in HTTP_SCHEMES:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not target.isascii():
            raise _refuse(label, "the URL holds a character that is not ASCII.", "Percent-encode it.")
    elif scheme == "postgres":
        target = unquote(parts.path.strip("/"))
    return Endpoint(scheme, parts.hostname or "", port, target)


def _via(label: str, scheme: str, options: Mapping[str, Any]) -> str:
    asked, service = options.get("via"), options.get("from_service")
    if service and scheme != "dns":
        raise _refuse(
            label,
            "from_service is only for dns:// probes.",
            "Use via=network: the question then comes from the host, on the stack's network.",
        )
    if scheme == "dns":
        if asked == "network" and not service:
            raise _refuse(label, "via=network needs from_service for a dns:// probe.", "Name the service that resolves.")
        return "network" if service else "host"
    return asked or ("network" if scheme in LOGIN_SCHEMES else "host")


def _request(label: str, options: Mapping[str, Any], login: Login) -> Request:
    method = options.get("method") or "GET"
    headers = {str(name): str(value) for name, value in (options.get("headers") or {}).items()}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\x00]", value):
            raise _refuse(label, f"{name!r} is not a header that can be sent.", "Names are tokens; values are one line.")
    known = {name.lower() for name in headers}
    body = _body(label, options.get("body"))
    if body is not None and method in READING_METHODS:
        raise _refuse(label, f"a {method} request carries no body.", "Choose another method, or remove the body.")
    if method == "HEAD" and any(options.get(name) for name in ("json", "contains", "absent", "max_age")):
        raise _refuse(label, "an answer to HEAD has no body to check.", "Use GET.")
    if isinstance(options.get("body"), (Mapping, list)) and "content-type" not in known:
        headers["Content-Type"] = "application/json"
    if login.username or login.password:
        if "authorization" in known:
            raise _refuse(label, "there is a login and an Authorization header.", "Give one of the two.")
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
    raise _refuse(label, "the body is neither text, a dictionary nor a list.", "Quote it to send it as text.")


def _expectation(label: str, options: Mapping[str, Any]) -> Expectation:
    status = tuple(str(item).lower() for item in options.get("status") or ("2xx",))
    wrong = [item for item in status if not _STATUS.fullmatch(item)]
    if wrong:
        raise _refuse(label, f"{', '.join(wrong)} is not an HTTP status.", "Write numbers such as 200, or classes such as 2xx.")
    headers = tuple((str(name).lower(), str(value)) for name, value in (options.get("header") or {}).items())
    for name, value in headers:
        _check_pattern(label, name, value)
    latency, age = options.get("max_latency_ms"), options.get("max_age") or {}
    return Expectation(
        status=status,
        json=options.get("json"),
        headers=headers,
        contains=_texts(options.get("contains")),
        absent=_texts(options.get("absent")),
        max_latency_ms=None if latency is None else _positive(label, "max_latency_ms", latency),
        age_field=age.get("field") or "",
        max_age_seconds=_positive(label, "max_age.seconds", age["seconds"]) if age else 0.0,
    )


def _check_pattern(label: str, name: str, value: str) -> None:
    if value.startswith("~"):
        try:
            re.compile(value[1:])
        except re.error as error:
            raise _refuse(label, f"header {name}: {value[1:]!r} is not a regular expression ({error}).", "Correct it.") from error


def _texts(value: Optional[List[str]]) -> Tuple[str, ...]:
    return tuple(value or ())


def _positive(label: str, option: str, value: float) -> float:
    if not value > 0:
        raise _refuse(label, f"{option} must be above 0, not {value:g}.", "Leave it out for the default.")
    return float(value)
