# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of a stack as the engine's inspect describes it, reduced to what decisions need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

LABEL_PROJECT = "com.docker.compose.project"
LABEL_SERVICE = "com.docker.compose.service"
LABEL_NUMBER = "com.docker.compose.container-number"
LABEL_HASH = "com.docker.compose.config-hash"
LABEL_ONE_OFF = "com.docker.compose.oneoff"
LABEL_IMAGE = "com.docker.compose.image"


@dataclass(frozen=True)
class Container:
    """``state`` is the engine's word (``running``, ``exited``, ...); ``health`` is ``none`` without a healthcheck.

    ``health_timeout`` (seconds for one run of the check), ``longest_start`` (after as many the engine knows whether it is healthy) and
    ``grace_seconds`` (to end before it is killed) are the container's own.
    """

    id: str
    name: str
    service: str
    number: int = 1
    state: str = "running"
    health: str = "none"
    exit_code: int = 0
    oom_killed: bool = False
    restart_count: int = 0
    started_at: str = ""
    finished_at: str = ""
    created_at: str = ""
    image_id: str = ""
    image_reference: str = ""
    config_hash: str = ""
    one_off: bool = False
    health_test: Tuple[str, ...] = ()
    health_log: Tuple[Tuple[int, str], ...] = ()
    health_timeout: float = 30.0
    longest_start: float = 210.0
    grace_seconds: int = 10
    addresses: Tuple[Tuple[str, str], ...] = ()

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def address(self) -> str:
        """The container's address on its first network, empty when it has none."""
        return next((address for network, address in self.addresses if address), "")


def parse_container(inspected: Mapping[str, Any]) -> Container:
    """Reads one answer of the engine's ``GET /containers/{id}/json``."""
    config = inspected.get("Config") or {}
    labels: Dict[str, str] = config.get("Labels") or {}
    state = inspected.get("State") or {}
    health = state.get("Health") or {}
    healthcheck = config.get("Healthcheck") or {}
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    return Container(
        id=inspected["Id"],
        name=inspected.get("Name", "").lstrip("/"),
        service=labels.get(LABEL_SERVICE, ""),
        number=int(labels.get(LABEL_NUMBER, "1") or 1),
        state=state.get("Status", "unknown"),
        health=health.get("Status", "none"),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        restart_count=int(inspected.get("RestartCount") or 0),
        started_at=state.get("StartedAt", ""),
        finished_at=state.get("FinishedAt", ""),
        created_at=inspected.get("Created", ""),
        image_id=inspected.get("Image", ""),
        image_reference=config.get("Image", ""),
        config_hash=labels.get(LABEL_HASH, ""),
        one_off=labels.get(LABEL_ONE_OFF, "False") == "True",
        health_test=tuple(healthcheck.get("Test") or ()),
        health_timeout=_seconds(healthcheck, "Timeout"),
        longest_start=_longest_start(healthcheck),
        grace_seconds=10 if config.get("StopTimeout") is None else int(config["StopTimeout"]),
        health_log=tuple((int(entry.get("ExitCode", 0)), entry.get("Output", "")) for entry in health.get("Log") or []),
        addresses=tuple(sorted((name, network.get("IPAddress", "")) for name, network in networks.items())),
    )


def _longest_start(healthcheck: Mapping[str, Any]) -> float:
    """Each run of the check comes an interval after the one before has ended; the last that began within the start period does not count."""
    one_run = _seconds(healthcheck, "Timeout")
    return float(healthcheck.get("StartPeriod") or 0) / 1e9 + one_run + (healthcheck.get("Retries") or 3) * (_seconds(healthcheck, "Interval") + one_run)


def _seconds(healthcheck: Mapping[str, Any], name: str) -> float:
    """Interval or timeout; the engine's default for both is 30 s."""
    return (healthcheck.get(name) or 30_000_000_000) / 1e9
