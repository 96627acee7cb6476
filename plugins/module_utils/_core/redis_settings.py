# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which settings of a Redis server have to change, now and for its next start, and which must not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .errors import BadInput, OperationError
from .plan import Step
from .problem import bytes_text
from .redis_eviction import NO_EVICTION, PART_OF_LIMIT, endangered, most_memory
from .redis_setting_values import memory_bytes, same, save_points, to_text
from .setting_errors import DangerousSetting

POLICY, MEMORY = "maxmemory-policy", "maxmemory"
_NAME = re.compile("[a-z][a-z0-9-]*")
_LOCK_OUT, _DATA, _OTHER = "can lock everybody out", "would let the server lose sight of its data", "belongs to how the server is started"
_DANGEROUS = {
    **dict.fromkeys(("requirepass", "masterauth", "masteruser", "primaryauth", "primaryuser", "user", "aclfile", "acl-pubsub-default"), _LOCK_OUT),
    **dict.fromkeys(("protected-mode", "bind", "bind-source-addr", "port", "tls-port", "unixsocket", "unixsocketperm"), _LOCK_OUT),
    **dict.fromkeys(("dir", "dbfilename", "appendfilename", "appenddirname", "slaveof", "replicaof"), _DATA),
    **dict.fromkeys(("daemonize", "supervised", "include", "loadmodule", "rename-command", "logfile", "pidfile"), _OTHER),
}
_DANGEROUS_FAMILIES = {"tls-": _LOCK_OUT, "cluster-": _OTHER, "enable-": "opens what is closed for safety"}


class ProtectedEvictable(BadInput):
    """The policy could evict keys that the inventory protects."""

    reason = "protected_evictable"


class MemoryLimitUnsafe(BadInput):
    """maxmemory would be more than the container can give, or less than is in use."""

    reason = "memory_limit_unsafe"


class SettingsNotKept(OperationError):
    """There is nowhere to write a setting so that it is still there after the next start; nothing was changed."""

    reason = "redis_settings_not_kept"


@dataclass(frozen=True)
class Setting:
    """``effective`` is what the server goes by, ``kept`` what its next start would make of its files and its command line (None: nothing says)."""

    name: str
    effective: str
    kept: Optional[str]


@dataclass(frozen=True)
class SettingChange:
    setting: Setting
    value: str

    @property
    def name(self) -> str:
        return self.setting.name

    @property
    def apply(self) -> bool:
        return not same(self.name, self.value, self.setting.effective)

    @property
    def keep(self) -> bool:
        return not same(self.name, self.value, self.setting.kept)

    def steps(self, where: str) -> List[Step]:
        steps = [Step("set", self.name, f"{self.setting.effective!r} -> {self.value!r}")] if self.apply else []
        return steps + ([Step("keep", self.name, where)] if self.keep else [])


class Surroundings(NamedTuple):
    """``protected`` is prefix to the number of keys with an expiry below it, -1 when nobody knows."""

    used_bytes: int
    container_limit: int
    protected: Mapping[str, int]


def read_wanted(given: Mapping[str, Any]) -> Dict[str, str]:
    """Names and values as the server takes them; refuses names that are none, and dangerous ones."""
    wanted: Dict[str, str] = {}
    for raw, value in given.items():
        name = str(raw).lower()
        if not _NAME.fullmatch(name) or name in wanted:
            raise BadInput(f"{raw!r} is no name of a setting, or is given twice.", setting=str(raw))
        why = _DANGEROUS.get(name) or next((why for family, why in _DANGEROUS_FAMILIES.items() if name.startswith(family)), "")
        if why:
            raise DangerousSetting(
                f"{name} {why}; it is not changed here.", hint="Change it in the files of the stack, and recreate the service.", setting=name
            )
        wanted[name] = to_text(name, value)
        if name == "save":
            save_points(wanted[name])
        if name == MEMORY:
            memory_bytes(name, wanted[name])
    # The policy first and the limit last: nothing is evicted by a policy that is about to go.
    return {name: wanted[name] for name in sorted(wanted, key=lambda name: (name == MEMORY) - (name == POLICY))}


def decide(observed: Mapping[str, Setting], wanted: Mapping[str, str]) -> List[SettingChange]:
    """What differs now or would after the next start."""
    unknown = sorted(set(wanted) - set(observed))
    if unknown:
        raise BadInput(f"This server has no setting {', '.join(unknown)}.", hint="CONFIG GET * lists those that it has.", settings=unknown)
    changes = [SettingChange(observed[name], value) for name, value in wanted.items()]
    return [change for change in changes if change.apply or change.keep]


def refuse_unsafe(before: Mapping[str, str], after: Mapping[str, str], asked: Sequence[str], around: Surroundings) -> None:
    """``after`` is what would be in effect. Only what was ``asked`` for is refused: the rest was so ``before``."""
    maximum, most = memory_bytes(MEMORY, after[MEMORY]), most_memory(around.container_limit)
    if MEMORY in asked and maximum and most and maximum > most:
        raise MemoryLimitUnsafe(
            f"maxmemory {bytes_text(maximum)} is more than {PART_OF_LIMIT} % of the container's memory ({bytes_text(around.container_limit)}).",
            hint=f"Give {most} bytes at most, or raise the container's limit first (playbooks/service/configure.yml).",
            maxmemory=maximum,
            most=most,
        )
    if MEMORY in asked and 0 < maximum < around.used_bytes:
        raise MemoryLimitUnsafe(
            f"maxmemory {bytes_text(maximum)} is less than what is in use ({bytes_text(around.used_bytes)}): keys are lost, or writes refused, at once.",
            hint="Clear what is not needed first (playbooks/redis/clear.yml).",
            maxmemory=maximum,
            used=around.used_bytes,
        )
    # A limit where there was none brings a policy to life.
    arms = MEMORY in asked and maximum and not memory_bytes(MEMORY, before[MEMORY])
    names = endangered(after[POLICY].lower(), around.protected) if POLICY in asked or arms else []
    if names:
        raise ProtectedEvictable(
            f"With {POLICY} {after[POLICY]} a full server may evict protected keys: {', '.join(names)}.",
            hint=f"Use {NO_EVICTION}, or give these keys a server of their own.",
            policy=after[POLICY],
            prefixes=list(names),
        )


def cautions(after: Mapping[str, str], around: Surroundings) -> List[str]:
    """What is allowed and may not be meant."""
    told, unlimited = [], memory_bytes(MEMORY, after[MEMORY]) == 0
    if unlimited and after[POLICY].lower() != NO_EVICTION:
        told.append(f"{POLICY} {after[POLICY]} does nothing, because there is no maxmemory.")
    if unlimited and around.container_limit:
        told.append(f"Without maxmemory the kernel kills the server when its container reaches {bytes_text(around.container_limit)}.")
    if not after["save"].strip() and after["appendonly"].lower() == "no":
        told.append("Neither save nor appendonly is on: all data is gone after a restart.")
    return told
