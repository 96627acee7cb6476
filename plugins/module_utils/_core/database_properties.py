# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a database as a whole and is not in its dump: owner, encoding, locale, limits, privileges, settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from .backup_manifest import ManifestInvalid

# Settings whose value is a list of names that were quoted when they were set (pg_dump has the same list).
_NAME_LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
_LIST_ENTRY = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",\s][^",]*?))\s*(?:,|$)')
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin", "d": "libc"}
# What the server calls a privilege on a database; anything else does not get into a statement.
PRIVILEGES = ("CONNECT", "CREATE", "TEMPORARY", "TEMP")


@dataclass(frozen=True)
class Grant:
    """``grantee`` None is everybody."""

    grantee: Optional[str]
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class DatabaseProperties:
    """As ``describe_database`` tells them. ``grants`` None are the privileges that a new database has anyway."""

    owner: str
    encoding: str
    collate: str
    ctype: str
    provider: str = "libc"
    locale: str = ""
    icu_rules: str = ""
    connection_limit: int = -1
    tablespace: str = "pg_default"
    comment: Optional[str] = None
    grants: Optional[Tuple[Grant, ...]] = None
    settings: Tuple[Tuple[Optional[str], str, str], ...] = ()  # role or None, name, value

    @classmethod
    def from_source(cls, source: Mapping[str, Any]) -> "DatabaseProperties":
        """Reads a manifest's ``source``; raises ManifestInvalid, and nothing else, for what is none."""
        try:
            return cls(
                owner=_text(source["owner"]),
                encoding=_text(source["encoding"]),
                collate=_text(source["collate"]),
                ctype=_text(source["ctype"]),
                provider=_PROVIDERS[source.get("locale_provider") or "c"],
                locale=_text(source.get("locale") or ""),
                icu_rules=_text(source.get("icu_rules") or ""),
                connection_limit=int(source.get("connlimit", -1)),
                tablespace=_text(source.get("tablespace") or "pg_default"),
                comment=source.get("comment"),
                grants=_grants(source.get("datacl")),
                settings=tuple(_setting(role, setting) for role, setting in source.get("settings") or ()),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ManifestInvalid(
                f"The manifest does not say what the database was like ({type(error).__name__}).", hint="Choose another backup."
            ) from error

    @property
    def roles(self) -> Set[str]:
        """Roles without which the database cannot be made as it was."""
        named = {grant.grantee for grant in self.grants or ()} | {role for role, _name, _value in self.settings}
        return {self.owner, *(role for role in named if role is not None)}


def default_grants(owner: str) -> Tuple[Grant, ...]:
    """What a new database has, written out."""
    everybody = tuple(Grant(None, privilege, False) for privilege in ("CONNECT", "TEMPORARY"))
    return (*everybody, *(Grant(owner, privilege, False) for privilege in ("CONNECT", "CREATE", "TEMPORARY")))


def setting_values(name: str, value: str) -> List[str]:
    """A stored value as the list that ``SET name TO`` takes: the entries of a list of names, else the whole of it."""
    if name.lower() not in _NAME_LISTS:
        return [value]
    found, at = [], 0
    while at < len(value):
        match = _LIST_ENTRY.match(value, at)
        if match is None or match.end() == at:
            return [value]
        found.append(match.group(1).replace('""', '"') if match.group(1) is not None else match.group(2))
        at = match.end()
    return found or [""]


def to_properties(described: Dict[str, Any]) -> DatabaseProperties:
    """Of a database that is there, as ``describe_database`` tells it."""
    return DatabaseProperties.from_source(described)


def _grants(entries: Optional[List[Mapping[str, Any]]]) -> Optional[Tuple[Grant, ...]]:
    if entries is None:
        return None
    grants = tuple(Grant(entry["grantee"], _text(entry["privilege"]), bool(entry["grantable"])) for entry in entries)
    if any(grant.privilege not in PRIVILEGES for grant in grants):
        raise ValueError("privilege")
    return grants


def _setting(role: Optional[str], setting: str) -> Tuple[Optional[str], str, str]:
    name, equals, value = setting.partition("=")
    if not equals:
        raise ValueError("setting")
    return role, name, value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value
