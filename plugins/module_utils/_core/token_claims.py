# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a JSON Web Token says of itself (RFC 7519). Its signature is not looked at: who revokes a token takes no rights from it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from .errors import BadInput

_LONGEST = 16 * 1024
_PART = re.compile(r"[A-Za-z0-9_-]+")
_LATEST = 253402300800  # the year 10000
_SIGNED, _ENCRYPTED = 3, 5


class TokenUnreadable(BadInput):
    """What was given is no token that can be read. Nothing of it is repeated."""

    reason = "token_unreadable"


@dataclass(frozen=True)
class Claims:
    """``expires_at`` in seconds since 1970; None when the token says nothing of it."""

    jti: str
    subject: str
    expires_at: Optional[float]


def read_claims(token: str) -> Claims:
    """Raises TokenUnreadable, and nothing else, whatever the text is."""
    text = token.strip()
    text = text[len("Bearer ") :].strip() if text[: len("Bearer ")].lower() == "bearer " else text
    parts = text.split(".")
    if len(text) > _LONGEST:
        raise _unreadable(f"it has more than {_LONGEST} characters")
    if len(parts) == _ENCRYPTED:
        raise _unreadable("it is encrypted, so that only the application can read it", hint="Give its jti instead.")
    if len(parts) != _SIGNED:
        raise _unreadable(f"it has {len(parts)} parts and not three")
    claims = _object(parts[1])
    jti, subject = claims.get("jti"), claims.get("sub")
    if not isinstance(jti, str) or not jti or not jti.isprintable():
        raise _unreadable("it has no jti, by which one token could be told from another", hint="Revoke all tokens of its user instead (user).")
    return Claims(jti, subject if isinstance(subject, str) and subject.isprintable() else "", _time(claims.get("exp")))


def _object(part: str) -> Dict[str, Any]:
    if not _PART.fullmatch(part):
        raise _unreadable("its second part is no base64url")
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8")
        found = json.loads(text, object_pairs_hook=_unambiguous, parse_constant=_no_number)
    except TokenUnreadable:
        raise
    except (ValueError, RecursionError):
        raise _unreadable("its second part is no JSON") from None
    if not isinstance(found, dict):
        raise _unreadable("its second part is no JSON object")
    return found


def _unambiguous(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _unreadable("a name occurs twice in it, and readers differ in which one counts")
    return found


def _no_number(name: str) -> None:
    raise _unreadable(f"{name} is no number of JSON")


def _time(value: Any) -> Optional[float]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LATEST:
        raise _unreadable("its exp is no time")
    return float(value)


def _unreadable(why: str, hint: str = "Give the token as the application made it, or its jti.") -> TokenUnreadable:
    return TokenUnreadable(f"The token cannot be read: {why}. Nothing was revoked.", hint=hint)
