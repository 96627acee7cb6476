# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot holds, as manifests keep it, and what a server that loaded it has of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Tuple

from .rdb_errors import RdbInvalid
from .rdb_header import RdbSummary

KIND, SUBJECT, FORMAT = "redis-rdb", "rdb", "rdb"


@dataclass(frozen=True)
class RdbContent:
    """``databases`` maps numbers to (keys, keys that expire). ``modules`` are names that the server had loaded."""

    databases: Mapping[int, Tuple[int, int]]
    rdb_version: int
    redis_version: str = ""
    checksum: bool = True
    modules: Tuple[str, ...] = ()

    @property
    def keys(self) -> int:
        return sum(keys for keys, _expires in self.databases.values())

    @classmethod
    def of(cls, summary: RdbSummary, modules: Tuple[str, ...] = ()) -> "RdbContent":
        return cls(summary.databases, summary.header.version, summary.header.redis_version, summary.checksum, modules)

    def to_dict(self) -> Dict[str, Any]:
        return {
            "databases": {str(number): {"keys": keys, "expires": expires} for number, (keys, expires) in sorted(self.databases.items())},
            "keys": self.keys,
            "rdb_version": self.rdb_version,
            "redis_version": self.redis_version,
            "checksum": self.checksum,
            "modules": list(self.modules),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "RdbContent":
        """Raises RdbInvalid, and nothing else, for whatever a manifest holds."""
        try:
            databases = {int(number): (int(one["keys"]), int(one["expires"])) for number, one in value["databases"].items()}
            return cls(databases, int(value["rdb_version"]), str(value["redis_version"]), bool(value["checksum"]), tuple(map(str, value["modules"])))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise RdbInvalid(f"The manifest does not tell what its snapshot holds ({type(error).__name__}).", hint="Choose another backup.") from error


def databases_of(keyspace: Mapping[str, str]) -> Dict[int, Tuple[int, int]]:
    """Of INFO keyspace: numbers to keys, and keys that expire."""
    found = {}
    for name, text in keyspace.items():
        values = dict(part.partition("=")[::2] for part in text.split(","))
        keys, expires = values.get("keys", ""), values.get("expires", "")
        if name[:2] == "db" and name[2:].isdigit() and keys.isdigit():
            found[int(name[2:])] = (int(keys), int(expires) if expires.isdigit() else 0)
    return found


@dataclass(frozen=True)
class Loaded:
    """What a server says after loading: ``databases`` maps numbers to keys; ``total`` is what it read, expired keys too, -1 when it does not tell."""

    databases: Mapping[int, int]
    total: int = -1
    modules: Tuple[str, ...] = field(default=())

    @classmethod
    def from_info(cls, info: Mapping[str, str], keyspace: Mapping[str, str]) -> "Loaded":
        """Of INFO persistence and INFO keyspace."""
        databases = {number: keys for number, (keys, _expires) in databases_of(keyspace).items()}
        read, expired = info.get("rdb_last_load_keys_loaded", ""), info.get("rdb_last_load_keys_expired", "")
        return cls(databases, int(read) + int(expired) if read.isdigit() and expired.isdigit() else -1)


def missing_after_load(expected: RdbContent, loaded: Loaded) -> List[str]:
    """A sentence for each database that has fewer keys than can have expired meanwhile, and for a wrong number of keys that were read."""
    found = []
    if loaded.total >= 0 and loaded.total != expected.keys:
        found.append(f"{loaded.total} keys were read, expected {expected.keys}")
    for number, (keys, expires) in sorted(expected.databases.items()):
        there = loaded.databases.get(number, 0)
        if there < keys - expires:
            found.append(f"database {number} has {there} keys, expected {keys} of which at most {expires} can have expired")
    return found


def added_after_load(expected: RdbContent, loaded: Loaded) -> List[str]:
    """A sentence for each database that has more than was in the snapshot."""
    more = {number: there - expected.databases.get(number, (0, 0))[0] for number, there in sorted(loaded.databases.items())}
    return [f"database {number} has {count} keys more than expected" for number, count in more.items() if count > 0]
