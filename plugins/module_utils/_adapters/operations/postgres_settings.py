# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a Postgres server settings, a role a password, and a database extensions."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Protocol, Sequence, Tuple

from ..._core.errors import BadInput
from ..._core.plan import Plan, Step
from ..._core.postgres_settings import Setting, SettingChange, decide_settings, libraries, secret_values, shown
from ..._core.redaction import MASK
from ..postgres_configuration import PostgresConfiguration
from ..postgres_extensions import Extensions
from ..postgres_role_password import RolePassword
from ..postgres_target import PostgresTarget


class Host(Protocol):
    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class PostgresSettings:
    """Three parts, each of which is done whole or not at all: settings, then extensions, then a password."""

    def __init__(self, params: Mapping[str, Any], host: Host) -> None:
        self._host = host
        self._wanted: Dict[str, Any] = params["settings"]
        self._accept: List[str] = params["accept"]
        self._merge = params["merge_lists"]
        self._timeout = params["timeout"]
        self._names: List[str] = params["extensions"]
        self._target = PostgresTarget.from_params(params)
        self._configuration = PostgresConfiguration(self._target)
        database = params["database"] or self._target.service.address.database
        self._extensions = Extensions(self._target, database)
        self._password = _password(self._target, params["role_password"], database)
        self._changes: List[SettingChange] = []
        self._missing: List[str] = []
        self._password_differs = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresSettings":
        host.hide(secret_values(params["settings"]))
        if params["timeout"] < 1:
            raise BadInput(f"timeout must be at least 1, but is {params['timeout']}.", timeout=params["timeout"])
        names = [str(name).lower() for name in params["settings"]]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BadInput(f"A setting is given twice: {', '.join(twice)}.", settings=twice)
        return cls(params, host)

    def plan(self) -> Plan:
        observed = self._look()
        self._changes = decide_settings(observed, self._wanted, self._accept, self._merge)
        self._configuration.require_libraries(libraries(self._changes))
        self._missing = [found["name"] for found in self._look_at_extensions() if found["installed_version"] is None]
        self._password_differs = self._password is not None and not self._password.is_set()
        before, after = self._difference()
        facts = {"previous": {change.name: _previous(change) for change in self._changes}, **self._facts(observed, self._missing)}
        for row in facts["narrower"]:
            where = " and ".join(f"{kind} {row[column]}" for kind, column in (("database", "database"), ("role", "username")) if row[column])
            self._host.warn(f"{row['name']} has a value of its own for {where or 'all roles'}, which wins there.")
        return Plan(before, after, self._steps(), facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        if self._changes:
            self._configuration.write(self._changes, self._timeout)
            self._target.note("postgres_settings_changed", settings={change.name: shown(change.name, change.value) for change in self._changes})
        if self._missing:
            self._extensions.create(self._missing)
            self._target.note("postgres_extensions_created", extensions=self._missing)
        if self._password is not None and self._password_differs:
            self._password.set()
            self._target.note("postgres_password_set", role=self._password.role)
        return self._facts(self._look(), self._missing)

    def _look(self) -> Dict[str, Setting]:
        return self._configuration.look([str(name) for name in self._wanted])

    def _look_at_extensions(self) -> List[Dict[str, Any]]:
        return self._extensions.look(self._names) if self._names else []

    def _steps(self) -> Tuple[Step, ...]:
        steps = [change.step for change in self._changes] + [Step("create_extension", name) for name in self._missing]
        if self._password is not None and self._password_differs:
            steps.append(Step("set_password", self._password.role))
        return tuple(steps)

    def _difference(self) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        before: Dict[str, Any] = {change.name: shown(change.name, change.setting.configured) for change in self._changes}
        after: Dict[str, Any] = {change.name: shown(change.name, change.value) for change in self._changes}
        before.update({f"extension {name}": "absent" for name in self._missing})
        after.update({f"extension {name}": "present" for name in self._missing})
        if self._password is not None and self._password_differs:
            before[f"password of {self._password.role}"], after[f"password of {self._password.role}"] = "another", MASK
        return before, after

    def _facts(self, observed: Mapping[str, Setting], created: Sequence[str]) -> Dict[str, Any]:
        return {
            "settings": [_described(observed[str(name).lower()]) for name in self._wanted],
            "pending_restart": self._configuration.pending_restart(),
            "narrower": self._configuration.narrower([str(name) for name in self._wanted]) if self._wanted else [],
            "extensions": [
                {"name": found["name"], "version": found["installed_version"] or found["default_version"], "created": found["name"] in created}
                for found in self._look_at_extensions()
            ],
        }


def _password(target: PostgresTarget, given: Optional[Mapping[str, Any]], database: str) -> Optional[RolePassword]:
    if given is None:
        return None
    if not given["role"] or not given["password"]:
        raise BadInput("role_password needs a role and a password that are not empty.")
    return RolePassword(target, given["role"], given["password"], database)


def _previous(change: SettingChange) -> Optional[str]:
    written = change.setting.written
    return None if written is None else shown(change.name, written)


def _described(setting: Setting) -> Dict[str, Any]:
    name = setting.definition.name
    return {
        "name": name,
        "in_effect": shown(name, setting.effective),
        "unit": setting.definition.unit,
        "written": None if setting.written is None else shown(name, setting.written),
        "source": setting.source,
        "needs_restart": setting.definition.context == "postmaster",
        "pending_restart": setting.pending_restart,
    }
