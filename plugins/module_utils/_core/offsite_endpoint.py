# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a remote is: the address that has to answer before anything else can be wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "sftp": 22, "ftp": 21}
_RCLONE_REMOTE = re.compile(r"([\w][\w.+@ -]*):(.*)", re.DOTALL)
_SFTP = re.compile(r"(?:[^@]*@)?([^:]+):.*", re.DOTALL)


@dataclass(frozen=True)
class Endpoint:
    """A directory of this host, or a host with a port."""

    directory: str = ""
    host: str = ""
    port: int = 0

    @property
    def name(self) -> str:
        return self.directory or f"{self.host}:{self.port}"


def rclone_name(remote: str) -> str:
    """The name of the configured remote, empty for a directory or a remote that is described on the spot."""
    match = _RCLONE_REMOTE.fullmatch(remote)
    return match.group(1) if match else ""


def rclone_endpoint(remote: str, settings: Mapping[str, Any]) -> Optional[Endpoint]:
    """``settings`` are those of the configured remote, in lower case. None when they do not tell."""
    if remote.startswith("/"):
        return Endpoint(directory=remote)
    if settings.get("ssh") or settings.get("http_proxy") or settings.get("socks_proxy"):
        return None  # another program, or another host, knows the way
    kind = str(settings.get("type") or "")
    if settings.get("host"):
        return _address(str(settings["host"]), str(settings.get("port") or ""), _PORTS.get(kind, 0))
    return _of_url(str(settings.get("endpoint") or settings.get("url") or ""))


def restic_endpoint(remote: str) -> Optional[Endpoint]:
    """None when the address does not tell, as that of a cloud does not."""
    kind, colon, rest = remote.partition(":")
    if remote.startswith("/") or kind == "local":
        return Endpoint(directory=rest if kind == "local" else remote)
    if not colon:
        return None
    if kind == "sftp":
        if rest.startswith("//"):
            return _of_url(remote)
        match = _SFTP.fullmatch(rest)
        return _address(match.group(1), "", _PORTS["sftp"]) if match else None
    return _of_url(rest) if kind in ("s3", "rest") else None


def settings_of(name: str, environment: Mapping[str, str], configured: Mapping[str, Any]) -> Mapping[str, Any]:
    """What rclone takes for a remote: its configuration file, and the environment above it."""
    prefix = f"RCLONE_CONFIG_{re.sub('[^A-Za-z0-9]', '_', name).upper()}_"
    given = {key[len(prefix) :].lower(): value for key, value in environment.items() if key.startswith(prefix)}
    kept = configured.get(name)
    return {**(kept if isinstance(kept, dict) else {}), **given}


def is_direct(endpoint: Endpoint, environment: Mapping[str, str]) -> bool:
    """Whether the tool goes to this address itself, and not through a proxy of the environment."""
    if endpoint.directory or endpoint.host in ("localhost", "::1") or endpoint.host.startswith("127."):
        return True
    given = {name.lower(): value for name, value in environment.items() if value}
    if not any(name in given for name in ("http_proxy", "https_proxy", "all_proxy")):
        return True
    spared = [name.strip().lstrip("*.") for name in given.get("no_proxy", "").split(",")]
    return any(name and (endpoint.host == name or endpoint.host.endswith(f".{name}")) for name in spared)


def _of_url(url: str) -> Optional[Endpoint]:
    if not url:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        return _address(parts.hostname or "", str(parts.port or ""), _PORTS.get(parts.scheme, 0))
    except ValueError:
        return None


def _address(host: str, port: str, usual: int) -> Optional[Endpoint]:
    number = int(port) if port.isdecimal() else usual
    return Endpoint(host=host, port=number) if host and 0 < number < 65536 else None
