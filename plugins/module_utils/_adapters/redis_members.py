# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that lists other things (the tokens of a user): read and shortened whatever type it has."""

from __future__ import annotations

from typing import Dict, List, Sequence

from .._core.redis_errors import RedisWrongType
from .._core.redis_key_plan import TooManyKeys
from .._core.redis_keys_text import shown
from .redis_session import RedisSession

_PART = 500
_SCAN = {"set": "SSCAN", "hash": "HSCAN", "zset": "ZSCAN"}
_REMOVE = {"set": "SREM", "hash": "HDEL", "zset": "ZREM"}


class Members:
    """Of one key. What a hash or a sorted set says beside a member is its value."""

    def __init__(self, session: RedisSession, key: bytes, most: int) -> None:
        self._session = session
        self._key = key
        self._most = most

    def read(self) -> Dict[bytes, bytes]:
        """Each once; none when the key is not there. Raises RedisWrongType for what lists nothing, TooManyKeys for more than may be."""
        kind = self._type()
        if kind == "none":
            return {}
        return self._listed() if kind == "list" else self._scanned(kind)

    def remove(self, members: Sequence[bytes]) -> None:
        """Only these: what came meanwhile stays. The server removes the key with its last member."""
        kind = self._type()
        if kind == "none":
            return
        for at in range(0, len(members), _PART):
            part = members[at : at + _PART]
            commands = [("LREM", self._key, 0, member) for member in part] if kind == "list" else [(_REMOVE[kind], self._key, *part)]
            self._session.all_of(commands)

    def _type(self) -> str:
        kind = self._session.command("TYPE", self._key).decode()
        if kind not in ("none", "list", *_SCAN):
            raise RedisWrongType(
                f"{shown(self._key)} is a {kind}, and lists nothing. Nothing was touched.",
                hint="It has to be a set, a list, a hash or a sorted set: compare stack_redis.keys with what the application writes.",
                type=kind,
            )
        return kind

    def _listed(self) -> Dict[bytes, bytes]:
        self._require_few(self._session.command("LLEN", self._key))
        found: List[bytes] = self._session.command("LRANGE", self._key, 0, self._most - 1)
        return dict.fromkeys(found, b"")

    def _scanned(self, kind: str) -> Dict[bytes, bytes]:
        found: Dict[bytes, bytes] = {}
        for part in self._session.scan("COUNT", _PART, of=(_SCAN[kind], self._key)):
            found.update(dict.fromkeys(part, b"") if kind == "set" else dict(zip(part[::2], part[1::2])))
            self._require_few(len(found))
        return found

    def _require_few(self, number: int) -> None:
        if number > self._most:
            raise TooManyKeys(
                f"{shown(self._key)} lists {number} or more, and at most {self._most} may be touched at once. Nothing was.",
                hint="Is it really the list of one user? Then raise max_tokens.",
                max_tokens=self._most,
            )
