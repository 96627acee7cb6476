# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Redis of a stack: how to talk to it, where its files are, what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping

from .._core.rdb_errors import RedisDataHidden
from .._core.redis_errors import RedisLoading
from .engine import Engine
from .redis_data import RedisData, RedisHelpers, loaded_modules, read_settings
from .redis_service import RedisService
from .redis_session import RedisLimits, RedisSession

# BGSAVE forks, and a server with much memory does not answer meanwhile.
_REPLY_SECONDS = 120.0


@dataclass(frozen=True)
class RedisServer:
    """``given`` are settings that the caller told for a server that does not tell them."""

    stack: str
    engine: Engine
    service: RedisService
    given: Mapping[str, str]
    data: RedisData

    @classmethod
    def find(cls, stack: str, engine: Engine, service: RedisService, given: Mapping[str, str]) -> "RedisServer":
        """Raises RedisLoading, RedisDataHidden and what a connection raises."""
        with _session(service) as session:
            if session.info("persistence").get("loading") == "1":
                raise RedisLoading("Redis still reads its data from disk.", hint="Wait until it has, and run again.")
            settings = read_settings(session, given)
        return cls(stack, engine, service, given, RedisData.find(service, settings))

    def session(self) -> RedisSession:
        return _session(self.service)

    def helpers(self) -> RedisHelpers:
        return RedisHelpers(self.stack, self.engine, self.service.container.image_id, self.data)

    def modules(self) -> Dict[str, str]:
        """Names of the loaded modules, and their files."""
        with self.session() as session:
            return {module["name"]: module["path"] for module in loaded_modules(session)}

    def require_local(self) -> None:
        if not self.engine.is_local:
            raise RedisDataHidden("The Docker engine is on another host: it sees no directory of this one.", hint="Run this on that host.")


def describe_redis(session: RedisSession, server: RedisServer) -> Dict[str, Any]:
    """For manifests: plain JSON, and no secrets."""
    info = {name: value for section in ("server", "replication", "memory", "persistence") for name, value in session.info(section).items()}
    settings = server.data.settings
    return {
        "redis_version": info.get("redis_version", ""),
        "run_id": info.get("run_id", ""),
        "role": info.get("role", ""),
        "replicas": _number(info, "connected_slaves"),
        "used_memory": _number(info, "used_memory"),
        "maxmemory": _number(info, "maxmemory"),
        "maxmemory_policy": info.get("maxmemory_policy", ""),
        "appendonly": info.get("aof_enabled") == "1",
        "save": settings.get("save", ""),
        "directory": server.data.directory,
        "file": settings["dbfilename"],
        "volume": server.data.mount.get("Name") or server.data.mount["Source"],
        "modules": loaded_modules(session),
        "image": server.service.container.image_id,
    }


def describe_stopped(server: RedisServer) -> Dict[str, Any]:
    """What a server would be that does not run: the version is that of its image."""
    with server.helpers().offline("version", ["redis-server", "--version"]) as helper:
        ended = helper.wait(_REPLY_SECONDS)
    ended.require_success("redis-server")
    version = next((word[2:] for word in ended.stdout.split() if word.startswith("v=")), "")
    return {"redis_version": version, "role": "master", "replicas": 0, "used_memory": 0, "maxmemory": 0, "modules": []}


def _session(service: RedisService) -> RedisSession:
    return RedisSession.open(service.address, limits=RedisLimits(connect=service.access.connect_timeout, reply=_REPLY_SECONDS))


def _number(info: Mapping[str, str], name: str) -> int:
    text = info.get(name, "")
    return int(text) if text.isdigit() else 0
