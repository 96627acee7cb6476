# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that a Postgres server has the settings that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Dict, List, Mapping, Optional, Tuple

from .errors import BadInput
from .plan import Step
from .postgres_setting_values import LIBRARY_LISTS, QUOTED_LISTS, Canonical, Definition, join_list, to_text
from .redaction import MASK, Redactor
from .setting_errors import DangerousSetting

# Sources that only our own session has: others of the server may see another value.
_OWN_SOURCES = ("client", "session", "user", "database", "database user", "interactive")
_ANY = ("*",)
_SECRET = ("primary_conninfo", "ssl_passphrase_command")
_DAMAGE, _LOSS, _LOCK_OUT = "can damage data", "can lose transactions that were confirmed", "can lock everybody out"
# Name -> the values that are dangerous (as the server writes them), and why.
_DANGEROUS: Dict[str, Tuple[Tuple[Any, ...], str]] = {
    "fsync": ((False,), _DAMAGE),
    "full_page_writes": ((False,), _DAMAGE),
    "data_sync_retry": ((True,), _DAMAGE),
    "zero_damaged_pages": ((True,), _DAMAGE),
    "ignore_checksum_failure": ((True,), _DAMAGE),
    "ignore_invalid_pages": ((True,), _DAMAGE),
    "ignore_system_indexes": ((True,), _DAMAGE),
    "allow_system_table_mods": ((True,), _DAMAGE),
    "session_replication_role": (("replica", "local"), "switches constraints off"),
    "autovacuum": ((False,), "lets tables grow until the server stops"),
    "track_counts": ((False,), "stops autovacuum"),
    "synchronous_commit": (("off",), _LOSS),
    "restart_after_crash": ((False,), "leaves the server down after a crash"),
    "superuser_reserved_connections": ((0,), _LOCK_OUT),
    "password_encryption": (("md5",), "stores passwords that are easy to guess"),
    "default_transaction_read_only": ((True,), "stops everybody who writes"),
    "listen_addresses": (_ANY, _LOCK_OUT),
    "port": (_ANY, _LOCK_OUT),
    "hba_file": (_ANY, _LOCK_OUT),
    "ident_file": (_ANY, _LOCK_OUT),
    "unix_socket_directories": (_ANY, _LOCK_OUT),
    "data_directory": (_ANY, "keeps the server from starting"),
    "config_file": (_ANY, "keeps the server from starting"),
}


class SettingOverridden(BadInput):
    """The server was started with another value on its command line, which wins over ALTER SYSTEM."""

    reason = "setting_overridden"


@dataclass(frozen=True)
class Setting:
    """One setting as it is: ``effective`` in our session, ``written`` by ALTER SYSTEM (None: not)."""

    definition: Definition
    effective: str
    source: str = "default"
    pending_restart: bool = False
    written: Optional[str] = None

    @property
    def hidden(self) -> bool:
        """Whether our session has a value of its own and cannot see that of the server."""
        return self.source in _OWN_SOURCES

    @property
    def configured(self) -> str:
        """What holds after the next restart."""
        return self.effective if self.written is None else self.written

    def is_canonically(self, text: Optional[str], wanted: Canonical) -> bool:
        if text is None:
            return False
        try:
            return self.definition.canonical(text) == wanted
        except BadInput:  # somebody wrote into the file what this server would not take
            return False

    def in_effect(self, wanted: Canonical) -> bool:
        """Whether the server goes by it now, or will after a restart, and nothing else is waiting to be loaded."""
        effective = self.is_canonically(self.effective, wanted)
        if self.source == "command line":
            return effective
        if self.written is None:
            return effective and not self.pending_restart and not self.hidden
        return self.is_canonically(self.written, wanted) and (effective or self.pending_restart or self.hidden)


@dataclass(frozen=True)
class SettingChange:
    """``value`` is what ALTER SYSTEM writes; None resets."""

    setting: Setting
    value: Optional[str]
    write: bool = True

    @property
    def name(self) -> str:
        return self.setting.definition.name

    @property
    def step(self) -> Step:
        if not self.write:
            return Step("reload", self.name, "written earlier and not loaded yet")
        if self.value is None:
            return Step("reset", self.name, f"was {shown(self.name, self.setting.written)}")
        return Step("set", self.name, f"{shown(self.name, self.setting.configured)} -> {shown(self.name, self.value)}")


def decide_settings(observed: Mapping[str, Setting], wanted: Mapping[str, Any], accept: Collection[str], merge_lists: bool) -> List[SettingChange]:
    """What differs, in the order of the request. ``observed`` is by lower-case name."""
    changes = [_decide(observed.get(str(name).lower()), str(name), value, merge_lists) for name, value in wanted.items()]
    needed = [change for change in changes if change is not None]
    for change in needed:
        _refuse_danger(change, {name.lower() for name in accept})
    return needed


def _decide(setting: Optional[Setting], name: str, value: Any, merge_lists: bool) -> Optional[SettingChange]:
    if setting is None:
        raise BadInput(
            f"This server has no setting {name!r}.",
            hint="A setting of an extension is known only after its library is loaded (shared_preload_libraries, and a restart).",
            setting=name,
        )
    definition = setting.definition
    if definition.context == "internal":
        raise BadInput(f"{definition.name} cannot be set: it was fixed when the server or its cluster was made.", setting=definition.name)
    if value is None:
        return SettingChange(setting, None) if setting.written is not None else None
    text = to_text(definition, value)
    canonical = definition.canonical(text)
    if definition.is_list:
        canonical = _merged(setting, canonical) if merge_lists else canonical
        text = join_list(list(canonical))
        _refuse_empty(definition, canonical)
    if setting.in_effect(canonical):
        return None
    if setting.source == "command line":
        raise _overridden(setting, text)
    return SettingChange(setting, text, write=not setting.is_canonically(setting.written, canonical))


def _merged(setting: Setting, wanted: Any) -> Tuple[str, ...]:
    """What is configured, and after it what is not in it."""
    there = setting.definition.canonical(setting.configured)
    return (*there, *[item for item in wanted if item not in there])


def _refuse_empty(definition: Definition, items: Any) -> None:
    if not items and definition.name in QUOTED_LISTS:
        raise BadInput(f"{definition.name} cannot be set to an empty list.", hint="Reset it with null.", setting=definition.name)


def _refuse_danger(change: SettingChange, accepted: Collection[str]) -> None:
    if change.value is None or change.name not in _DANGEROUS or change.name.lower() in accepted:
        return
    values, why = _DANGEROUS[change.name]
    if values == _ANY or change.setting.definition.canonical(change.value) in values:
        raise DangerousSetting(
            f"{change.name}={shown(change.name, change.value)} {why}.", hint=f"If that is meant, name it in accept: [{change.name}].", setting=change.name
        )


def _overridden(setting: Setting, text: str) -> SettingOverridden:
    name = setting.definition.name
    return SettingOverridden(
        f"{name} is {shown(name, setting.effective)} by the server's command line, which wins over what ALTER SYSTEM would write.",
        hint="Change it where the container's command is written (the compose file), and recreate the service.",
        setting=name,
        in_effect=shown(name, setting.effective),
        wanted=shown(name, text),
    )


def libraries(changes: List[SettingChange]) -> List[str]:
    """Libraries that these changes let the server load; with one that it cannot load, it would not start again."""
    lists = [change for change in changes if change.name in LIBRARY_LISTS and change.value is not None]
    return sorted({item for change in lists for item in change.setting.definition.canonical(change.value or "")})


def not_in_effect(observed: Mapping[str, Setting], changes: List[SettingChange]) -> List[str]:
    """Names of changed settings that the server does not go by (yet)."""
    missing = []
    for change in changes:
        now = observed[change.name.lower()]
        if change.value is None:
            missing += [change.name] if now.written is not None else []
        elif not now.in_effect(now.definition.canonical(change.value)):
            missing.append(change.name)
    return missing


def shown(name: str, value: Optional[str]) -> str:
    """A value for people: without the passwords that some settings hold."""
    if value is None:
        return "not set"
    return MASK if name in _SECRET and value else Redactor().text(value)


def secret_values(wanted: Mapping[str, Any]) -> List[str]:
    return [str(value) for name, value in wanted.items() if str(name).lower() in _SECRET and value]
