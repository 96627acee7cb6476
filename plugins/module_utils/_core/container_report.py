# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container for people and machines: the parts of the engine's inspect that matter, secrets masked."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping

from .container import Container
from .redaction import Redactor
from .timestamps import parse_timestamp

_HEALTH_ENTRIES, _HEALTH_CHARACTERS = 3, 300


def environment_of(inspected: Mapping[str, Any]) -> Dict[str, str]:
    """The environment the container was made with. It holds secrets."""
    pairs = [entry.partition("=") for entry in (inspected.get("Config") or {}).get("Env") or []]
    return {name: value for name, unused, value in pairs}


def report_container(container: Container, inspected: Mapping[str, Any], now: datetime, full: bool) -> Dict[str, Any]:
    """The container as results show it; ``full`` adds limits, mounts, networks, ports, environment and health log."""
    started = parse_timestamp(container.started_at)
    report = {
        "id": container.id[:12],
        "name": container.name,
        "number": container.number,
        "state": container.state,
        "health": container.health,
        "exit_code": container.exit_code,
        "oom_killed": container.oom_killed,
        "restart_count": container.restart_count,
        "started_at": container.started_at,
        "age_seconds": round((now - started).total_seconds()) if started and container.running else 0,
        "image_id": container.image_id,
    }
    if full:
        redactor = Redactor.of_environment(environment_of(inspected))
        report.update(_details(container, inspected, redactor))
    return report


def _details(container: Container, inspected: Mapping[str, Any], redactor: Redactor) -> Dict[str, Any]:
    limits = inspected.get("HostConfig") or {}
    return {
        "health_log": [
            {"exit_code": code, "output": redactor.text(output)[-_HEALTH_CHARACTERS:]} for code, output in container.health_log[-_HEALTH_ENTRIES:]
        ],
        "limits": {
            "memory_bytes": limits.get("Memory") or 0,
            "nano_cpus": limits.get("NanoCpus") or 0,
            "pids": limits.get("PidsLimit") or 0,
        },
        "restart_policy": (limits.get("RestartPolicy") or {}).get("Name", ""),
        "mounts": [
            {"type": mount.get("Type", ""), "source": mount.get("Name") or mount.get("Source", ""), "target": mount.get("Destination", "")}
            for mount in inspected.get("Mounts") or []
        ],
        "networks": _networks(inspected),
        "ports": published_ports(inspected),
        "environment": redactor.data(environment_of(inspected)),
    }


def _networks(inspected: Mapping[str, Any]) -> List[Dict[str, Any]]:
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    return [
        {"name": name, "address": network.get("IPAddress", ""), "aliases": sorted(network.get("Aliases") or [])}
        for name, network in sorted(networks.items())
    ]


def published_ports(inspected: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Ports of the host that lead into the container; ``everywhere`` when they listen on all addresses."""
    ports = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    return [
        {
            "container_port": inside,
            "host_ip": binding.get("HostIp", ""),
            "host_port": int(binding.get("HostPort") or 0),
            "everywhere": binding.get("HostIp", "") in ("", "0.0.0.0", "::"),
        }
        for inside, bindings in sorted(ports.items())
        for binding in bindings or []
    ]
