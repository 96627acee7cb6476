# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values of a probe's options are secrets, and texts without them."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set, Tuple
from urllib.parse import parse_qsl, unquote

from .redaction import MASK, is_secret_name

# Headers whose values say nothing secret. Any other header may carry a credential, whatever its name is.
_HARMLESS_HEADERS = frozenset(
    "accept accept-encoding accept-language cache-control connection content-type host if-none-match origin pragma range"
    " user-agent x-correlation-id x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id".split()
)
_SHORTEST_SECRET = 4  # as in redaction: a shorter value would blacken half of every text
_SHORTEST_PART = 8  # of a header such as "Bearer <token>": the token alone may come back in an answer
_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)([^/?#]*)@", re.IGNORECASE)
# A password that should have been percent-encoded: the "port" is no number and an @ comes later.
_BROKEN_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)([^/?#:@\[]*:(?!\d*(?:[/?#]|$)).*)@", re.IGNORECASE)
_NAME_OF_VALUE = re.compile(r"""[A-Za-z_][\w.-]*["']?\s*[:=]\s*["']?""")
_VALUE = re.compile(r"""(?:(?:Bearer|Basic)\s+)?[^\s"'&,;<>}]+""", re.IGNORECASE)


def request_secrets(probes: Sequence[Mapping[str, Any]]) -> Tuple[Set[str], Set[str]]:
    """The secret values in the option ``probes``, and those in its hidden options that are none.

    Ansible hides every value below ``headers`` and ``body``, because any of them could be a secret;
    the second set may be shown again, or a header such as ``X-Debug: 1`` would blot out every 1 of the result.
    """
    secret: Set[str] = set()
    declared: Set[str] = set()
    for probe in probes:
        secret |= set(_url_secrets(probe.get("url") or "")) | {probe.get("password") or ""}
        for name, value in (probe.get("headers") or {}).items():
            declared |= set(_leaves(value))
            if str(name).lower() not in _HARMLESS_HEADERS:
                secret |= _header_secrets(str(value))
        declared |= set(_leaves(probe.get("body")))
        secret |= set(_body_secrets(probe.get("body")))
    secret = {value for value in secret if len(value) >= _SHORTEST_SECRET}
    return secret, declared - secret


def masked_url(url: str) -> str:
    """The URL without its password and without the values of secret-looking query fields."""
    userinfo = _userinfo(url)
    shown = f"{userinfo[1]}{_masked_userinfo(userinfo[2])}@{url[userinfo.end() :]}" if userinfo else url
    head, mark, query = shown.partition("?")
    pairs = [_masked_pair(pair) for pair in query.split("&")] if mark else []
    return f"{head}{mark}{'&'.join(pairs)}"


def masked_text(text: str) -> str:
    """Text in which the values that follow a secret-looking name (``token=...``, ``password: ...``) are masked."""

    parts: List[str] = []
    position = 0
    for name in _NAME_OF_VALUE.finditer(text):
        value = _VALUE.match(text, name.end())
        if value and name.start() >= position and _is_secret_name(name[0].rstrip("\"' :=")):
            parts += [text[position : name.end()], MASK]
            position = value.end()
    return "".join([*parts, text[position:]])


def masked_json(value: Any) -> Any:
    """The same structure; everything below a secret-looking name is masked, whatever its type."""
    if isinstance(value, Mapping):
        return {
            key: MASK if _is_secret_name(str(key)) and item not in (None, "") and not isinstance(item, bool) else masked_json(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [masked_json(item) for item in value]
    return value


def _is_secret_name(name: str) -> bool:
    return is_secret_name(name.replace("-", "_"))


def _userinfo(url: str) -> "Optional[re.Match[str]]":
    return _USERINFO.match(url) or _BROKEN_USERINFO.match(url)


def _masked_userinfo(userinfo: str) -> str:
    user, colon, password = userinfo.partition(":")
    return f"{user}:{MASK}" if colon and password else userinfo


def _masked_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={MASK}" if equals and value and _is_secret_name(name) else pair


def _url_secrets(url: str) -> Iterator[str]:
    userinfo = _userinfo(url)
    password = userinfo[2].partition(":")[2] if userinfo else ""
    yield from (password, unquote(password))
    raw = url.partition("?")[2].partition("#")[0]
    for pair in raw.split("&"):
        name, _equals, value = pair.partition("=")
        if _is_secret_name(name):
            yield from (value, unquote(value))


def _header_secrets(value: str) -> Set[str]:
    parts = {part for part in re.split(r"[\s;,=]+", value) if len(part) >= _SHORTEST_PART}
    return {value} | parts


def _body_secrets(body: Any) -> Iterator[str]:
    if isinstance(body, str):
        yield body
        yield from _text_secrets(body)
    elif isinstance(body, Mapping):
        for name, value in body.items():
            yield from _leaves(value) if _is_secret_name(str(name)) else _nested_secrets(value)
    elif isinstance(body, (list, tuple)):
        for item in body:
            yield from _nested_secrets(item)


def _nested_secrets(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield from _body_secrets(value)


def _text_secrets(body: str) -> Iterator[str]:
    try:
        yield from _nested_secrets(json.loads(body))
    except (ValueError, RecursionError):
        yield from (value for name, value in parse_qsl(body) if _is_secret_name(name))


def _leaves(value: Any) -> List[str]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
