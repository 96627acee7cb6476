# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a stack's Redis keeps its files, and helpers that see them."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._core.errors import OperationError
from .._core.helper_container import HelperTask, Mount
from .._core.rdb_errors import RedisDataHidden
from .._core.redis_errors import RedisFailed, RedisForbidden
from .engine import Engine
from .helper_bench import HelperBench
from .helper_container import HelperContainer
from .redis_service import RedisService
from .redis_session import RedisSession

SETTINGS = (
    "dir",
    "dbfilename",
    "appendonly",
    "appenddirname",
    "appendfilename",
    "aof-use-rdb-preamble",
    "save",
    "rdbchecksum",
    "maxmemory",
    "maxmemory-policy",
)
# Names that Redis gives to its files when it is not told.
_USUAL = {"dir": "", "dbfilename": "dump.rdb", "appendonly": "no", "appenddirname": "appendonlydir", "appendfilename": "appendonly.aof"}
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RedisData:
    """``directory`` and all names are as the server sees them. ``settings`` are what CONFIG GET said, or what was given in its place."""

    directory: str
    settings: Mapping[str, str]
    mount: Mapping[str, Any]

    @classmethod
    def find(cls, service: RedisService, settings: Mapping[str, str]) -> "RedisData":
        """Raises RedisDataHidden when the files are on no volume of the container."""
        directory = settings.get("dir", "")
        if not directory.startswith("/"):
            raise RedisDataHidden("Where Redis keeps its files cannot be told: CONFIG is renamed or forbidden.", hint="Give data_dir and dbfilename.")
        mount = service.mount(directory)
        if mount is None or mount.get("Type") not in ("volume", "bind") or not mount.get("Source"):
            raise RedisDataHidden(
                f"{directory} of container {service.container.name} is on no volume: its data are lost when the container is removed, and no helper "
                "reaches them.",
                hint="Give the service a volume for its data (compose: volumes), then run again.",
                directory=directory,
            )
        return cls(directory, {**_USUAL, **settings}, mount)

    @property
    def file(self) -> str:
        return self.path(self.settings["dbfilename"])

    @property
    def host_directory(self) -> str:
        """The directory as the engine's host sees it."""
        return posixpath.normpath(posixpath.join(self.mount["Source"], posixpath.relpath(self.directory, self.mount["Destination"])))

    @property
    def is_anonymous(self) -> bool:
        return self.mount.get("Type") == "volume" and _ANONYMOUS.fullmatch(self.mount.get("Name") or "") is not None

    @property
    def appends(self) -> bool:
        return self.settings["appendonly"] == "yes"

    def path(self, name: str) -> str:
        return posixpath.join(self.directory, name)

    def mounted(self, writable: bool) -> Mount:
        """The volume by its name where it has one, which works whatever the driver."""
        source = self.mount["Name"] if self.mount["Type"] == "volume" else self.mount["Source"]
        return Mount(source, self.mount["Destination"], writable)


class RedisHelpers:
    """Short-lived containers of the server's own image that see its data and reach nothing else."""

    def __init__(self, stack: str, engine: Engine, image: str, data: RedisData) -> None:
        self.stack = stack
        self.engine = engine
        self.image = image
        self.data = data

    def helper(self, purpose: str, argv: Sequence[str], mounts: Tuple[Mount, ...] = (), **environment: str) -> HelperContainer:
        return self.made(HelperTask(purpose, tuple(argv), mounts=(self.data.mounted(False), *mounts), environment=environment))

    def offline(self, purpose: str, argv: Sequence[str], mounts: Tuple[Mount, ...] = ()) -> HelperContainer:
        return self.made(HelperTask(purpose, tuple(argv), mounts=mounts))

    def made(self, task: HelperTask) -> HelperContainer:
        return HelperContainer(self.engine, self.stack, self.image, task)

    def bench(self, seconds: float) -> HelperBench:
        return HelperBench(self.engine, self.stack, self.image, (self.data.mounted(True),), seconds)


def read_settings(session: RedisSession, given: Mapping[str, str]) -> Dict[str, str]:
    """What the server says; where it does not answer, what was given (``data_dir`` and ``dbfilename``) has to do."""
    try:
        said = session.settings(*SETTINGS)
    except (RedisFailed, RedisForbidden):
        said = {}
    return {**said, **{name: value for name, value in given.items() if value}}


def loaded_modules(session: RedisSession) -> List[Dict[str, str]]:
    """Name, version, path; empty where the server does not tell."""
    try:
        reply = session.command("MODULE LIST")
    except OperationError:
        return []
    found = []
    for module in reply:
        words = [word.decode(errors="replace") if isinstance(word, bytes) else word for word in module]
        values = dict(zip(words[::2], words[1::2]))
        found.append({name: str(values.get(name, "")) for name in ("name", "ver", "path")})
    return found
