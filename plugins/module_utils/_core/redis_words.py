# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of Redis as reports may show them: their names and the prefix of their key, and never what they carry."""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Optional, Sequence

from .redis_keys_text import shown

_TWO_WORDS = (
    "ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "FUNCTION", "LATENCY", "MEMORY", "MODULE", "OBJECT", "PUBSUB", "SCRIPT", "SLOWLOG",
    "XGROUP", "XINFO",
)  # fmt: skip
# Commands whose first argument is a key. Of all others, which may be anything (AUTH, EVAL, CONFIG SET), no argument is shown.
_KEY_FIRST = frozenset("""
APPEND BITCOUNT BITFIELD BITPOS BLPOP BRPOP BZPOPMAX BZPOPMIN COPY DECR DECRBY DEL DUMP EXISTS EXPIRE EXPIREAT EXPIRETIME GEOADD GEODIST GEOHASH GEOPOS
GEORADIUS GEOSEARCH GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HMSET HRANDFIELD HSCAN HSET
HSETNX HSTRLEN HVALS INCR INCRBY INCRBYFLOAT LINDEX LINSERT LLEN LMOVE LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM MGET MSET MSETNX PERSIST PEXPIRE
PEXPIREAT PEXPIRETIME PFADD PFCOUNT PSETEX PTTL RENAME RENAMENX RESTORE RPOP RPOPLPUSH RPUSH RPUSHX SADD SCARD SDIFF SET SETBIT SETEX SETNX SETRANGE SINTER
SISMEMBER SMEMBERS SMISMEMBER SMOVE SORT SPOP SRANDMEMBER SREM SSCAN STRLEN SUBSTR SUNION TOUCH TTL TYPE UNLINK WATCH XACK XADD XAUTOCLAIM XCLAIM XDEL XLEN
XPENDING XRANGE XREVRANGE XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREM
ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE
""".split())
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9._|-]{0,39}")
_MONITORED = re.compile(rb"\d+\.\d+ \[(?P<database>-?\d+) (?P<client>[^\]]*)\](?P<words>.*)", re.DOTALL)
_WORD = re.compile(rb' "((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_CONTROL: Dict[bytes, bytes] = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


class Prefixing(NamedTuple):
    """A key's prefix ends with its ``depth``-th ``separator``."""

    separator: bytes
    depth: int

    def of(self, key: bytes) -> bytes:
        """Empty for a key that has no separator. A key with fewer separators than ``depth`` keeps those that it has."""
        parts = key.split(self.separator)
        return b"".join(part + self.separator for part in parts[:-1][: self.depth])


class Told(NamedTuple):
    """A command without its values. ``prefix`` is empty when the key has none, or the command no key that is surely one."""

    command: str
    prefix: str


class Monitored(NamedTuple):
    """One line of MONITOR. ``client`` is an address with a port, a socket's path, or ``lua``."""

    database: int
    client: str
    told: Told


def tell(words: Sequence[bytes], prefixing: Prefixing) -> Told:
    """What somebody sent, as far as it may be shown; a name that is none (somebody spoke another protocol) is not repeated."""
    if not words or not _NAME.fullmatch(words[0]):
        return Told("(no command)", "")
    name = words[0].decode().upper()
    if name in _TWO_WORDS:
        second = words[1] if len(words) > 1 and _NAME.fullmatch(words[1]) else b""
        return Told(f"{name} {second.decode().upper()}".rstrip(), "")
    key = words[1] if name in _KEY_FIRST and len(words) > 1 else b""
    return Told(name, shown(prefixing.of(key)))


def monitored(line: bytes, prefixing: Prefixing) -> Optional[Monitored]:
    """None for what is no line of MONITOR (its OK)."""
    match = _MONITORED.fullmatch(line)
    if not match:
        return None
    words = [_unescaped(word) for word in _WORD.findall(match["words"])]
    return Monitored(int(match["database"]), match["client"].decode(errors="replace"), tell(words, prefixing))


def address_of(client: str) -> str:
    """``172.18.0.5:40222`` without its port, ``[::1]:40222`` likewise; a path stays."""
    host, _colon, port = client.rpartition(":")
    return host.strip("[]") if host and port.isdigit() else client


def _unescaped(word: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1][1:], 16)]) if match[1][:1] == b"x" and len(match[1]) == 3 else _CONTROL.get(match[1], match[1]), word)
