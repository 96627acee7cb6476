# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a Redis server settings, now and for its next start."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Protocol

from ..._core import redis_settings as rules
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, Step
from ..._core.redis_settings import MEMORY, POLICY, Setting, SettingChange, Surroundings
from ..._core.stack import Stack
from ..engine import Engine
from ..journal import note
from ..redis_compose_command import ComposeCommand
from ..redis_configuration import RedisConfiguration, expiring_below
from ..redis_keeping import ConfigFile, Keeping
from ..redis_service import RedisAccess, RedisService
from ..redis_session import RedisLimits, RedisSession

_JUDGED = (POLICY, MEMORY, "save", "appendonly")


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class RedisSettings:
    """All settings are in effect and kept, or none is changed."""

    def __init__(self, params: Mapping[str, Any], host: Host) -> None:
        self._host = host
        self._params = params
        self._wanted = rules.read_wanted(params["settings"])
        self._stack = Stack.from_params(params)
        self._engine = Engine.connect(self._stack)
        self._service = RedisService.find(self._stack, self._engine, RedisAccess.from_params(params))
        self._changes: List[SettingChange] = []
        self._keeping: Optional[Keeping] = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "RedisSettings":
        if params["timeout"] < 1:
            raise BadInput(f"timeout must be at least 1, but is {params['timeout']}.", timeout=params["timeout"])
        if any(not prefix for prefix in params["protected_prefixes"]):
            raise BadInput("A protected prefix must not be empty.", protected_prefixes=params["protected_prefixes"])
        return cls(params, host)

    def plan(self) -> Plan:
        with self._open() as session:
            self._keeping = keeping = self._find_keeping(session)
            observed = self._look(session, keeping)
            self._changes = rules.decide(observed, self._wanted)
            self._judge(session)
        keeping.require(self._changes)
        command = keeping.differences(self._changes)
        before = {change.name: {"in_effect": change.setting.effective, "kept": change.setting.kept} for change in self._changes}
        after = {change.name: {"in_effect": change.value, "kept": change.value} for change in self._changes}
        facts = {
            "previous": {change.name: change.setting.effective for change in self._changes},
            "recreates": bool(command),
            **self._facts(observed, keeping),
        }
        return Plan(
            {**before, **({"command": command["before"]} if command else {})},
            {**after, **({"command": command["after"]} if command else {})},
            tuple(self._steps(keeping)),
            facts,
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        keeping = self._keeping
        if keeping is None or not plan.changed:
            return {}
        with self._open() as session:
            configuration = RedisConfiguration(session)
            configuration.set(self._changes, self._params["timeout"])
            try:
                keeping.write(session, self._changes)
                self._service.require_same(self._engine)
            except OperationError as error:
                configuration.restore(self._changes, error)
                keeping.restore(session, error)
                raise
            note(self._stack, "redis_settings_changed", settings={change.name: change.value for change in self._changes})
            return self._facts(self._look(session, keeping), keeping)

    def _open(self) -> RedisSession:
        return RedisSession.open(self._service.address, 0, RedisLimits(self._service.access.connect_timeout))

    def _find_keeping(self, session: RedisSession) -> Keeping:
        file = ConfigFile(self._engine, self._service, session.info("server").get("config_file", ""))
        return Keeping(file, ComposeCommand(self._stack, self._engine, self._service.access.service, self._params["override_file"]))

    def _look(self, session: RedisSession, keeping: Keeping) -> Dict[str, Setting]:
        found = RedisConfiguration(session).look(list(self._wanted))
        return {name: Setting(name, effective, keeping.kept(name)) for name, effective in found.items()}

    def _judge(self, session: RedisSession) -> None:
        """Raises for what is not safe, and warns of what may not be meant."""
        before = RedisConfiguration(session).look(_JUDGED)
        after = {**before, **{name: value for name, value in self._wanted.items() if name in _JUDGED}}
        memory = session.info("memory")
        limit = (self._service.inspected.get("HostConfig") or {}).get("Memory") or 0
        volatile = after[POLICY].lower().startswith("volatile-") and {POLICY, MEMORY} & set(self._wanted)
        prefixes = self._params["protected_prefixes"]
        protected = expiring_below(session, prefixes, self._params["timeout"]) if volatile else dict.fromkeys(prefixes, -1)
        around = Surroundings(int(memory["used_memory"]) - int(memory.get("mem_not_counted_for_evict", 0)), limit, protected)
        rules.refuse_unsafe(before, after, list(self._wanted), around)
        for caution in rules.cautions(after, around):
            self._host.warn(caution)

    def _steps(self, keeping: Keeping) -> Iterator[Step]:
        for change in self._changes:
            yield from change.steps(keeping.place(change.name))

    def _facts(self, observed: Mapping[str, Setting], keeping: Keeping) -> Dict[str, Any]:
        return {
            "settings": [
                {"name": name, "in_effect": setting.effective, "kept": setting.kept, "kept_in": keeping.place(name)} for name, setting in observed.items()
            ]
        }
