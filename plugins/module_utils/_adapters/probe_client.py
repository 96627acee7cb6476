# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks one probe's question once, and turns what happened on the way into an answer or its absence."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from dataclasses import dataclass, replace
from typing import Any, List, Optional, Union

from .._core.errors import EngineFailed
from .._core.probe import HTTP_SCHEMES, LOGIN_SCHEMES, WEBSOCKET_SCHEMES, Probe
from .._core.probe_socket import SocketAnswer
from .._core.probe_verdict import HttpAnswer, NoAnswer, PlainAnswer
from .._core.service_login import ServiceLogin
from . import http_client, postgres_ping, redis_ping, tcp_client, websocket_client
from .container_network import ContainerNetwork
from .stack_containers import ServiceContainer, StackContainers
from .tcp_client import Deadline

Answer = Union[HttpAnswer, PlainAnswer, SocketAnswer, NoAnswer]
_DNS_NOT_FOUND = 2
_NO_PROGRAM = (126, 127)


@dataclass(frozen=True)
class Target:
    """Where one attempt goes: the URL's own host, or one container of the service it names."""

    probe: Probe
    found: Optional[ServiceContainer] = None
    login: ServiceLogin = ServiceLogin()
    obstacle: str = ""

    @property
    def container(self) -> str:
        return self.found.container.name if self.found else ""

    @property
    def address(self) -> str:
        """Where a probe on the network connects to; one that asks from inside a container looks its own host up there."""
        return self.found.container.address if self.found and not self.probe.from_service else ""


class ProbeClient:
    """The outside world of http_probe; ``containers`` is None when no probe asks on the stack's network."""

    def __init__(self, containers: Optional[StackContainers] = None) -> None:
        self._containers = containers

    def refresh(self) -> None:
        """Looks anew at the stack's containers."""
        if self._containers is not None:
            self._containers.refresh()

    def targets(self, probe: Probe) -> List[Target]:
        """Every replica of the service for a probe on the network (at least one target), else the URL's host."""
        if not probe.needs_engine or self._containers is None:
            return [Target(probe)]
        service = probe.from_service or probe.endpoint.host
        found = self._containers.of(service)
        if not found:
            return [Target(probe, obstacle=f"the stack has no container of service {service}")]
        return [self._target(probe, replica) for replica in found]

    def ask(self, target: Target, seconds: float) -> Answer:
        """One attempt of at most ``seconds``; never raises for what the probed service does."""
        if target.obstacle:
            return NoAnswer("no_container", target.obstacle)
        started = time.monotonic()
        try:
            answer = self._ask_from_inside(target, seconds) if target.probe.asks_from_inside else self._ask(target, Deadline(seconds))
        except EngineFailed as error:  # the container went away while the engine was asked about it
            return NoAnswer("unreachable", str(error))
        except (OSError, http.client.HTTPException) as error:
            return replace(silence(error), cut_short=tcp_client.is_timeout(error) and seconds < target.probe.timeout)
        latency_ms = (time.monotonic() - started) * 1000
        return answer if isinstance(answer, (NoAnswer, SocketAnswer)) else replace(answer, latency_ms=latency_ms)

    def _target(self, probe: Probe, found: ServiceContainer) -> Target:
        container = found.container
        if not container.running:
            return Target(probe, found, obstacle=f"container {container.name} is {container.state}")
        if probe.from_service:
            return self._inside(probe, found)
        if not container.address:
            return Target(probe, found, obstacle=f"container {container.name} has no address on a network; use via=host")
        needs_login = probe.endpoint.scheme in LOGIN_SCHEMES and self._containers is not None
        try:
            login = self._containers.login(probe.endpoint.scheme, found) if needs_login else ServiceLogin()
        except EngineFailed as error:  # a named password file that is not there
            return Target(probe, found, obstacle=str(error))
        return Target(probe, found, login)

    def _inside(self, probe: Probe, found: ServiceContainer) -> Target:
        """A probe that leaves from a container; a value that it carries from there goes the same way as a password."""
        if probe.header_from is None or self._containers is None:
            return Target(probe, found)
        try:
            value = self._containers.variable(found, probe.header_from.variable)
        except EngineFailed as error:  # a named file that is not there
            return Target(probe, found, obstacle=str(error))
        if not value:
            return Target(probe, found, obstacle=f"container {found.container.name} has nothing in its variable {probe.header_from.variable}")
        return Target(probe.with_header(probe.header_from.header, f"{probe.header_from.prefix}{value}"), found, ServiceLogin(password=value))

    def _ask_from_inside(self, target: Target, seconds: float) -> Answer:
        """The connection is made in the container's network, with the names that it knows."""
        network = ContainerNetwork.of(target.found.inspected) if target.found else None
        if network is None:
            return NoAnswer("unreachable", f"the network of container {target.container} is not on this host")
        deadline = Deadline(seconds)
        if network.refused():
            return NoAnswer("unreachable", f"only root may enter the network of container {target.container}")
        longest = Deadline(seconds + target.probe.stay_open + target.probe.timeout)
        return tcp_client.within(longest, lambda: network.enter(lambda: self._ask(target, deadline, network)))

    def _ask(self, target: Target, deadline: Deadline, network: Optional[ContainerNetwork] = None) -> Answer:
        address = network.address(target.probe.endpoint.host, deadline) if network else target.address
        endpoint = target.probe.endpoint
        if endpoint.scheme in HTTP_SCHEMES:
            return http_client.exchange(target.probe, address, deadline)
        if endpoint.scheme in WEBSOCKET_SCHEMES:
            return websocket_client.hold_open(target.probe, address, deadline)
        if endpoint.scheme == "tcp":
            tcp_client.connect(address or endpoint.host, endpoint.port, deadline).close()
            return PlainAnswer()
        if endpoint.scheme == "dns":
            return self._resolve(target, deadline)
        return _ask_redis(target, deadline) if endpoint.scheme == "redis" else _ask_postgres(target, deadline)

    def _resolve(self, target: Target, deadline: Deadline) -> Answer:
        name = target.probe.endpoint.host
        if target.found is None or self._containers is None:
            tcp_client.resolve(name, 0, deadline)
            return PlainAnswer()
        exit_code = self._containers.resolve_within(target.found, name, deadline)
        if exit_code == 0:
            return PlainAnswer()
        if exit_code == _DNS_NOT_FOUND:
            return NoAnswer("dns")
        problem = "has no program getent" if exit_code in _NO_PROGRAM else f"could not resolve (getent ended with {exit_code})"
        return NoAnswer("unreachable", f"container {target.container} {problem}")


def _ask_redis(target: Target, deadline: Deadline) -> PlainAnswer:
    endpoint, own, told = target.probe.endpoint, target.probe.login, target.login
    # A password of the inventory goes with the user of the inventory: the two sources are never mixed.
    username, password = (own.username, own.password) if own.password else (told.username, told.password)
    return redis_ping.ping(target.address or endpoint.host, endpoint.port, username, password, deadline)


def _ask_postgres(target: Target, deadline: Deadline) -> PlainAnswer:
    endpoint, own, told = target.probe.endpoint, target.probe.login, target.login
    username = own.username or told.username or "postgres"
    server = postgres_ping.PostgresAddress(
        host=target.address or endpoint.host,
        port=endpoint.port,
        username=username,
        password=own.password or ("" if own.username else told.password),
        database=endpoint.target or told.database or username,
    )
    return postgres_ping.select_one(server, deadline)


def silence(error: Any) -> NoAnswer:
    """Why there was no answer."""
    if isinstance(error, socket.gaierror):
        return NoAnswer("dns")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoAnswer("tls", error.verify_message)
    if isinstance(error, ssl.SSLError):
        return NoAnswer("tls", error.reason or type(error).__name__)
    if tcp_client.is_timeout(error):
        return NoAnswer("timeout")
    if isinstance(error, ConnectionRefusedError):
        return NoAnswer("refused")
    if isinstance(error, (ConnectionError, http.client.IncompleteRead)):
        return NoAnswer("reset")
    if isinstance(error, http.client.HTTPException):
        return NoAnswer("not_http")
    return NoAnswer("unreachable", error.strerror or type(error).__name__)
