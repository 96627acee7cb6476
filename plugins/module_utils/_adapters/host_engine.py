# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a host, all its containers whoever's they are, and what the logs of a stack take."""

from __future__ import annotations

import functools
import glob
import os
from typing import Any, Dict, List, Optional, Tuple

from .._core.container import LABEL_PROJECT, LABEL_SERVICE
from .._core.errors import OperationError
from .._core.host_problems import unavailable
from .._core.problem import Problem
from .._core.stack import Stack
from .engine import Engine

_JSON_FILE = "json-file"
_DEFAULT_ROOT = "/var/lib/docker"


class HostEngine:
    """One connection, and one question for what the engine is, when first anything of it is wanted; it may be down, and that is an answer too."""

    def __init__(self, stack: Stack, timeout: float) -> None:
        self._stack = stack
        self._timeout = timeout
        self.missing: List[Problem] = []

    @functools.cached_property
    def _answer(self) -> Tuple[Optional[Engine], Dict[str, Any], str]:
        """The engine, what it told of itself, and why it did not."""
        try:
            engine = Engine.connect(self._stack, self._timeout)
            return engine, engine.info(), ""
        except OperationError as error:
            return None, {}, str(error)

    @property
    def _engine(self) -> Optional[Engine]:
        return self._answer[0]

    @property
    def _told(self) -> Dict[str, Any]:
        return self._answer[1]

    @property
    def root_dir(self) -> str:
        """Where it keeps images and containers; empty when that is another host's directory."""
        if self._engine is None:
            return _DEFAULT_ROOT if os.path.isdir(_DEFAULT_ROOT) and not self._stack.docker_host else ""
        return self._told.get("DockerRootDir", "") if self._engine.is_local else ""

    def section(self) -> Dict[str, Any]:
        told = self._told
        return {
            "reachable": self._engine is not None,
            "error": self._answer[2],
            "version": told.get("ServerVersion", ""),
            "storage_driver": told.get("Driver", ""),
            "logging_driver": told.get("LoggingDriver", ""),
            "root_dir": self.root_dir,
            "live_restore": bool(told.get("LiveRestoreEnabled")),
            "swarm": (told.get("Swarm") or {}).get("LocalNodeState", "") == "active",
            "containers": told.get("Containers", 0),
            "containers_running": told.get("ContainersRunning", 0),
            "images": told.get("Images", 0),
        }

    def containers(self) -> List[Dict[str, Any]]:
        """Of every project, also those that do not run."""
        if self._engine is None:
            return []
        with self._engine.calling("list all containers"):
            listed = self._engine.client.containers(all=True)
        found = [self._engine.inspect(item["Id"]) for item in listed]
        return sorted((_container(one) for one in found if one is not None), key=lambda row: row["container"])

    def logs(self) -> List[Dict[str, Any]]:
        if self._engine is None:
            return []
        return sorted((self._log(one) for one in self._engine.inspect_project(self._stack.name)), key=lambda row: row["container"])

    def _log(self, inspected: Dict[str, Any]) -> Dict[str, Any]:
        name, settings = inspected["Name"].lstrip("/"), (inspected.get("HostConfig") or {}).get("LogConfig") or {}
        options = settings.get("Config") or {}
        size, files = self._size(name, inspected.get("LogPath") or "") if self._engine and self._engine.is_local else (None, None)
        return {
            "container": name,
            "driver": settings.get("Type", ""),
            "bytes": size,
            "file_count": files,
            "limit": " x ".join(str(options[key]) for key in ("max-file", "max-size") if options.get(key)),
            "unbounded": settings.get("Type") == _JSON_FILE and not options.get("max-size"),
        }

    def _size(self, name: str, path: str) -> Tuple[Optional[int], Optional[int]]:
        """With what was rotated already. A driver that sends the log elsewhere has no path."""
        if not path:
            return None, None
        try:
            sizes = [os.stat(one).st_size for one in {path, *glob.glob(f"{glob.escape(path)}.*")}]
        except FileNotFoundError:  # a container that never said anything, or that has just gone
            return 0, 0
        except OSError as error:
            self.missing.append(unavailable("logs", f"The log of {name}", error.strerror or "unknown"))
            return None, None
        return sum(sizes), len(sizes)


def _container(inspected: Dict[str, Any]) -> Dict[str, Any]:
    labels, state = (inspected.get("Config") or {}).get("Labels") or {}, inspected.get("State") or {}
    return {
        "container": inspected["Name"].lstrip("/"),
        "id": inspected["Id"],
        "project": labels.get(LABEL_PROJECT, ""),
        "service": labels.get(LABEL_SERVICE, ""),
        "running": bool(state.get("Running")),
        "health": (state.get("Health") or {}).get("Status", ""),
        "started_at": state.get("StartedAt", ""),
        "restart_policy": ((inspected.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name", "") or "no",
    }
