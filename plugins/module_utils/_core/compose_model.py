# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compose project as ``docker compose config`` resolves it, reduced to what decisions need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Tuple

from .errors import ComposeConfigInvalid, UnknownService


@dataclass(frozen=True)
class Dependency:
    """An edge of ``depends_on``; ``condition`` is compose's word (``service_started``, ``service_healthy``, ...)."""

    service: str
    condition: str = "service_started"
    required: bool = True


@dataclass(frozen=True)
class ServiceDefinition:
    """One service of the file. ``image`` is the reference to run; ``config_hash`` is compose's own."""

    name: str
    image: str
    config_hash: str = ""
    depends_on: Tuple[Dependency, ...] = ()
    replicas: int = 1
    replicas_in_deploy: bool = False
    healthcheck: bool = False
    builds: bool = False
    fixed_name: bool = False
    fixed_port: bool = False
    fixed_network: bool = False
    volumes: Tuple[str, ...] = ()
    environment: Tuple[Tuple[str, str], ...] = ()
    stop_grace_period: str = ""
    restart: str = ""

    def environment_dict(self) -> Dict[str, str]:
        return dict(self.environment)


@dataclass(frozen=True)
class ComposeModel:
    """All services that the chosen files and profiles make."""

    project: str
    services: Tuple[ServiceDefinition, ...]

    @property
    def names(self) -> Tuple[str, ...]:
        return tuple(service.name for service in self.services)

    def service(self, name: str) -> ServiceDefinition:
        for service in self.services:
            if service.name == name:
                return service
        raise self._unknown(name)

    def select(self, names: Iterable[str]) -> Tuple[str, ...]:
        """The named services, or all when none is named; refuses a name that the files do not have."""
        wanted = tuple(names)
        for name in wanted:
            if name not in self.names:
                raise self._unknown(name)
        return wanted or self.names

    def _unknown(self, name: str) -> UnknownService:
        return UnknownService(
            f"Service {name!r} is not in the compose files of stack {self.project}.",
            hint=f"Choose from: {', '.join(sorted(self.names))}.",
            service=name,
            services=sorted(self.names),
        )

    def layers(self, names: Iterable[str]) -> List[List[str]]:
        """The chosen services in start order: each layer depends only on those before it."""
        chosen = set(names)
        remaining = {name: self._needs(name) for name in chosen}
        layers: List[List[str]] = []
        while remaining:
            ready = sorted(name for name, needs in remaining.items() if not needs & set(remaining))
            if not ready:
                raise ComposeConfigInvalid(
                    f"The services {', '.join(sorted(remaining))} of stack {self.project} depend on each other in a circle.",
                    hint="Break the circle in depends_on.",
                )
            layers.append(ready)
            for name in ready:
                del remaining[name]
        return layers

    def _needs(self, name: str) -> set:
        """Everything a service depends on, directly or not: unchosen services between two chosen ones count."""
        found: set = set()
        todo = [name]
        while todo:
            for edge in self.service(todo.pop()).depends_on:
                if edge.service in self.names and edge.service not in found:
                    found.add(edge.service)
                    todo.append(edge.service)
        return found

    def is_one_shot(self, name: str) -> bool:
        """Whether the service is one that runs to its end: others wait for its success, or it never restarts by choice."""
        return any(
            edge.service == name and edge.condition == "service_completed_successfully"
            for service in self.services
            for edge in service.depends_on
        )


def parse_compose_model(project: str, config: Mapping[str, Any], hashes: Mapping[str, str]) -> ComposeModel:
    """Reads the JSON of ``docker compose config --format json`` and the lines of ``config --hash '*'``."""
    services = [
        _parse_service(project, name, body or {}, hashes.get(name, ""))
        for name, body in sorted((config.get("services") or {}).items())
    ]
    return ComposeModel(project=project, services=tuple(services))


def parse_hashes(text: str) -> Dict[str, str]:
    """``config --hash '*'`` prints one ``service hash`` a line."""
    pairs = [line.split() for line in text.splitlines() if line.strip()]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _parse_service(project: str, name: str, body: Mapping[str, Any], config_hash: str) -> ServiceDefinition:
    deploy = body.get("deploy") or {}
    healthcheck = body.get("healthcheck") or {}
    replicas = body.get("scale", deploy.get("replicas", 1))
    return ServiceDefinition(
        name=name,
        image=body.get("image") or f"{project}-{name}",
        config_hash=config_hash,
        depends_on=_parse_dependencies(body.get("depends_on") or {}),
        replicas=1 if replicas is None else int(replicas),
        replicas_in_deploy="replicas" in deploy,
        healthcheck=bool(healthcheck.get("test")) and not healthcheck.get("disable") and healthcheck.get("test") != ["NONE"],
        builds="build" in body,
        fixed_name=bool(body.get("container_name")),
        fixed_port=any(str(port.get("published") or "") not in ("", "0") for port in body.get("ports") or []),
        fixed_network=_has_fixed_network(body),
        volumes=tuple(mount["source"] for mount in body.get("volumes") or [] if mount.get("type") == "volume" and mount.get("source")),
        environment=tuple(sorted((key, "" if value is None else str(value)) for key, value in (body.get("environment") or {}).items())),
        stop_grace_period=str(body.get("stop_grace_period") or ""),
        restart=str(body.get("restart") or ""),
    )


def _has_fixed_network(body: Mapping[str, Any]) -> bool:
    """Whether the place in the network is one that two containers cannot have: that of the host or of another container, or an address."""
    networks = [network or {} for network in (body.get("networks") or {}).values()]
    shared = str(body.get("network_mode") or "").startswith(("host", "service:", "container:"))
    return shared or any(network.get(name) for network in networks for name in ("ipv4_address", "ipv6_address"))


def _parse_dependencies(edges: Mapping[str, Any]) -> Tuple[Dependency, ...]:
    return tuple(
        Dependency(service=name, condition=edge.get("condition", "service_started"), required=edge.get("required", True))
        for name, edge in sorted(edges.items())
    )
