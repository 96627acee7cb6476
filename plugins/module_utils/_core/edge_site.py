# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's edge as the inventory describes it (``stack_edge``)."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Sequence, Tuple

from .edge_errors import ALTERNATIVES, EdgeMissing
from .errors import BadInput
from .stack import Stack

_SERVICE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,39}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")
_PATH = re.compile(r"/[A-Za-z0-9._~/@:+-]{0,200}")
_SERVER = re.compile(r"[A-Za-z0-9_.-]{1,253}:[0-9]{1,5}")
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,23}")
_MOUNT = re.compile(r"/[A-Za-z0-9._/-]{1,200}")

# What the variables of ours are called; a service cannot be called so.
RESERVED = frozenset(
    (
        "admitted",
        "allowed",
        "asked",
        "attack",
        "attack_key",
        "client",
        "closed",
        "connection",
        "form",
        "generation",
        "health_path",
        "html",
        "json",
        "look",
        "open_path",
        "operator",
        "passes",
        "retry_after",
    )
)


@dataclass(frozen=True)
class Operators:
    """Who passes a closed edge: by address, or by a header with a secret."""

    addresses: Tuple[str, ...] = ()
    header: str = "X-Maintenance-Bypass"
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class EdgeSite:
    """``pools`` has for each service where its requests go at rest, ``ports`` the port of its containers."""

    kind: str
    service: str
    directory: str
    mounted_as: str
    ports: Mapping[str, int]
    servers: Mapping[str, str]
    health_paths: Tuple[str, ...] = ()
    operators: Operators = Operators()
    url: str = ""
    attack_rate: int = 5
    attack_burst: int = 10
    prefix: str = "runbook"
    command: Tuple[str, ...] = ("nginx",)
    pid_file: str = "/run/nginx.pid"

    @classmethod
    def of(cls, stack: Stack, given: Any) -> "EdgeSite":
        """Checks the module option ``edge``; raises EdgeMissing without one."""
        if not given:
            raise EdgeMissing(f"Stack {stack.name} has no edge.", hint=ALTERNATIVES, stack=stack.name)
        edge = {name: value for name, value in given.items() if value is not None}
        kind, directory = edge.get("kind", "compose"), stack.in_project(edge.get("directory", "edge"))
        mounted_as = directory if kind == "host" else edge.get("mounted_as", "/etc/nginx/runbook")
        ports, servers = _pools(edge.get("pools") or {}, kind)
        attack = edge.get("attack") or {}
        return cls(
            kind=kind,
            service=edge.get("service", "edge"),
            directory=directory,
            mounted_as=_matching(_MOUNT, posixpath.normpath(mounted_as), "directory of the edge's files"),
            ports=ports,
            servers=servers,
            health_paths=tuple(_matching(_PATH, path, "health path") for path in edge.get("health_paths") or ()),
            operators=_operators(edge.get("operators") or {}),
            url=edge.get("url", "").rstrip("/"),
            attack_rate=_positive(attack.get("rate") or 5, "attack.rate"),
            attack_burst=_positive(attack.get("burst") or 10, "attack.burst"),
            prefix=_matching(_PREFIX, edge.get("prefix", "runbook"), "prefix"),
            command=tuple(edge.get("command") or ("nginx",)),
            pid_file=edge.get("pid_file", "/run/nginx.pid"),
        )

    def variable(self, name: str) -> str:
        """Without the dollar."""
        return f"{self.prefix}_{name}"

    def pool_variable(self, service: str) -> str:
        return self.variable(re.sub(r"[.-]", "_", service))

    def in_nginx(self, file: str) -> str:
        """Where nginx sees one of our files."""
        return posixpath.join(self.mounted_as, file)

    def require_pool(self, service: str) -> int:
        """The port of the service's containers."""
        if service not in self.ports:
            raise BadInput(
                f"{service} is not behind the edge.",
                hint="Add it to stack_edge.pools in the inventory, and let the site's proxy_pass use its variable.",
                service=service,
                pools=sorted(self.ports),
            )
        return self.ports[service]


def parse_networks(addresses: Sequence[Any], what: str) -> Tuple[str, ...]:
    """Addresses and networks in one spelling, sorted; host bits are dropped as nginx would."""
    found = set()
    for address in addresses:
        try:
            network = ipaddress.ip_network(str(address).strip(), strict=False)
        except ValueError as error:
            raise BadInput(
                f"{address!r} in {what} is no address and no network.", hint="Write it as 192.0.2.7 or 192.0.2.0/24.", address=str(address)
            ) from error
        found.add(str(network.network_address) if network.num_addresses == 1 else str(network))
    return tuple(sorted(found))


def _pools(pools: Mapping[str, Any], kind: str) -> Tuple[Dict[str, int], Dict[str, str]]:
    ports, servers, variables = {}, {}, {}
    for service, given in pools.items():
        _matching(_SERVICE, service, "service in pools")
        name = re.sub(r"[.-]", "_", service)
        other = variables.setdefault(name, service)
        if other != service or name in RESERVED:
            raise BadInput(f"The variable of nginx for pool {service} is taken.", hint="Rename the service.", service=service)
        options = given or {}
        ports[service] = _port(options.get("port"), service)
        server = options.get("server") or ("" if kind == "host" else f"{service}:{ports[service]}")
        if not server:
            raise BadInput(f"Pool {service} does not say where its requests go.", hint="Give it a server, such as 127.0.0.1:3000.", service=service)
        servers[service] = _matching(_SERVER, str(server), f"server of pool {service}")
    return ports, servers


def _port(value: Any, service: str) -> int:
    if not str(value).isdecimal() or not 0 < int(value) < 65536:
        raise BadInput(f"{value!r} is no port of pool {service}.", hint="Give the port on which its containers listen.", service=service)
    return int(value)


def _operators(given: Mapping[str, Any]) -> Operators:
    secret = given.get("secret") or ""
    if secret and not _SECRET.fullmatch(secret):
        raise BadInput("The secret of the operators is not one.", hint="Take 16 to 128 letters, digits, '_' and '-', for example of openssl rand -hex 24.")
    return Operators(
        parse_networks(given.get("addresses") or (), "operators.addresses"),
        _matching(_HEADER, given.get("header") or "X-Maintenance-Bypass", "operators.header"),
        secret,
    )


def _matching(pattern: "re.Pattern[str]", value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise BadInput(f"{value!r} cannot be the {what} of an edge.", hint=f"It has to match {pattern.pattern}.", value=value)
    return value


def _positive(value: Any, what: str) -> int:
    if not str(value).isdecimal() or not 0 < int(value) <= 100000:
        raise BadInput(f"{what} must be a whole number from 1 to 100000, but is {value!r}.", hint="Correct stack_edge in the inventory.")
    return int(value)
