# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes keys that must not be forgotten (revoked tokens, locked accounts) over from the live data into those that are restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, List, Sequence, Tuple

from .._core.rdb_content import Loaded
from .._core.redis_glob import escape
from .._core.restore_errors import RestoreRefused
from .redis_session import RedisSession

_AT_ONCE = 500
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class CarriedKey:
    """``expires`` is the moment in milliseconds by the server's clock, 0 for never."""

    name: bytes
    value: bytes
    expires: int


Carried = Dict[int, List[CarriedKey]]


def pick_up(session: RedisSession, prefixes: Sequence[bytes]) -> Carried:
    """All keys below the prefixes, of all databases. Raises RestoreRefused when they are too many to be held in memory."""
    found: Carried = {}
    room = _MOST_BYTES
    for database in sorted(Loaded.from_info({}, session.info("keyspace")).databases) if prefixes else ():
        session.command("SELECT", database)
        kept: Dict[bytes, CarriedKey] = {}
        for names in _below(session, prefixes):
            for key in _read(session, [name for name in names if name not in kept]):
                kept[key.name] = key
                room -= len(key.name) + len(key.value)
            if room < 0:
                raise RestoreRefused(
                    f"The keys below {len(prefixes)} protected prefixes take more than {_MOST_BYTES >> 20} MiB.",
                    hint="Name fewer in protected_prefixes.",
                    problems=[],
                )
        if kept:
            found[database] = list(kept.values())
    return found


def put_down(session: RedisSession, carried: Carried) -> int:
    """What was live wins over what the snapshot has; how many keys it was."""
    for database, keys in carried.items():
        session.command("SELECT", database)
        for at in range(0, len(keys), _AT_ONCE):
            commands = [("RESTORE", key.name, key.expires, key.value, "REPLACE", "ABSTTL") for key in keys[at : at + _AT_ONCE]]
            session.all_of(commands)
    return sum(len(keys) for keys in carried.values())


def _below(session: RedisSession, prefixes: Sequence[bytes]) -> Iterator[List[bytes]]:
    for prefix in prefixes:
        for names in session.scan("MATCH", escape(prefix) + b"*", "COUNT", 1000):
            yield from (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))


def _read(session: RedisSession, names: Sequence[bytes]) -> Iterator[CarriedKey]:
    seconds, micros = (int(part) for part in session.command("TIME"))
    now = seconds * 1000 + micros // 1000
    replies = session.all_of([command for name in names for command in (("DUMP", name), ("PTTL", name))])
    pairs: List[Tuple[bytes, Tuple[bytes, int]]] = list(zip(names, zip(replies[::2], replies[1::2])))
    for name, (value, life) in pairs:
        if value is not None and life != -2:  # else it expired just now
            yield CarriedKey(name, value, 0 if life < 0 else now + life)
