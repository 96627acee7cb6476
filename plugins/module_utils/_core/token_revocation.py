# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tokens are meant, how long each has to stay revoked, and how it is told."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .errors import BadInput, OperationError
from .plan import Plan, Step
from .redis_key_template import KeyTemplate
from .redis_keys_text import shown
from .text_table import aligned
from .token_claims import read_claims

REVOKED, LISTED = "revoked", "listed"
ABSENT, NEVER = -2, -1  # what PTTL answers for a key that is not there, and for one without an expiry
_MILLISECONDS_FROM = 1e11  # a time since 1970 above this is in milliseconds
_SLACK_SECONDS = 2  # by which two readings of one expiry may differ
_SHOWN = 100


class TokensNotRevoked(OperationError):
    """After all was written, the server does not have it."""

    reason = "tokens_not_revoked"


@dataclass(frozen=True)
class Names:
    """How the application calls its keys; None for what it does not have."""

    token: Optional[KeyTemplate] = None
    tokens_of_user: Optional[KeyTemplate] = None
    session: Optional[KeyTemplate] = None
    sessions_of_user: Optional[KeyTemplate] = None


@dataclass(frozen=True)
class Request:
    """One token with its expiry, or all that a user has."""

    state: str
    names: Names
    user: str = ""
    jti: bytes = b""
    expires_at: Optional[float] = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "Request":
        """Raises BadInput unless it is exactly one of jti, token and user, and the keys for it have names."""
        given = [name for name in ("jti", "token", "user") if params[name] is not None]
        if len(given) != 1:
            raise BadInput(f"Exactly one of jti, token and user says what is meant, but {' and '.join(given) or 'none'} was given.", given=given)
        _check_numbers(params)
        names = Names(**{name: KeyTemplate.parse(params[option]) for name, option in _OPTIONS.items() if params[option]})
        for template in (names.token, names.tokens_of_user, names.session, names.sessions_of_user):
            if template is not None and len(template.names) != 1:
                raise BadInput(f"{template.written!r} needs exactly one place, such as {{jti}} or {{user}}.", template=template.written)
        if names.token is None and (params["user"] is None or names.tokens_of_user is not None):
            raise BadInput("token_key is empty: nobody says how the key of a revoked token is called.", hint="Name it in stack_redis.keys.")
        if params["user"] is not None:
            return cls(params["state"], names, user=_checked_user(names, params["user"]))
        if params["token"] is not None:
            claims = read_claims(params["token"])
            return cls(params["state"], names, jti=claims.jti.encode(), expires_at=claims.expires_at)
        if not params["jti"] or not params["jti"].isprintable():
            raise BadInput("The jti is empty, or has characters that cannot be seen. Nothing was revoked.", hint="Look at how it was given.")
        return cls(params["state"], names, jti=params["jti"].encode())

    def __str__(self) -> str:
        return f"user {self.user}" if self.user else f"token {shown(self.jti)}"


_OPTIONS = {"token": "token_key", "tokens_of_user": "user_tokens_key", "session": "session_key", "sessions_of_user": "user_sessions_key"}


def _checked_user(names: Names, user: str) -> str:
    if names.tokens_of_user is None and names.sessions_of_user is None:
        raise BadInput(
            "Which tokens a user has is told by a key (user_tokens_key, user_sessions_key), and none is named.",
            hint="Name it in stack_redis.keys, or revoke single tokens (jti, token).",
        )
    if (names.session is None) != (names.sessions_of_user is None):
        raise BadInput("session_key and user_sessions_key need each other.", hint="Give both, or none.")
    for template in (names.tokens_of_user, names.sessions_of_user):
        if template is not None:
            name_for(template, user)
    return user


def name_for(template: KeyTemplate, user: str) -> bytes:
    """Raises BadInput for a user that could be another one as well."""
    return template.name({template.names[0]: user})


def _check_numbers(params: Mapping[str, Any]) -> None:
    for name, least in {"default_life": 1, "leeway": 0, "max_tokens": 1}.items():
        if params[name] < least:
            raise BadInput(f"{name} must be at least {least}, but is {params[name]}.", **{name: params[name]})
    if params["database"] < 0:
        raise BadInput(f"database is the number of a database, from 0 on, but is {params['database']}.", database=params["database"])


def expiry_of(value: str) -> Optional[float]:
    """A time that an application wrote beside a token, in seconds or milliseconds since 1970; None when it is no time."""
    try:
        number = float(value)
    except ValueError:
        return None
    if not 0 < number < 1e15:
        return None
    return number / 1000 if number > _MILLISECONDS_FROM else number


@dataclass
class Token:
    """``left_ms`` is the life of its entry among the revoked ones; ``outcome`` what becomes of it."""

    jti: bytes
    key: bytes
    expires_at: Optional[float] = None
    left_ms: int = ABSENT
    outcome: str = ""
    life: int = 0

    def decide(self, now: float, default_life: int, leeway: int) -> None:
        """An entry has to outlive its token. One whose token never said when it expires is taken to last the default from the first time on."""
        wanted = default_life if self.expires_at is None else math.ceil(self.expires_at + leeway - now)
        if self.left_ms == NEVER:
            self.outcome = "already_revoked"
        elif self.left_ms == ABSENT:
            self.outcome, self.life = ("expired", 0) if wanted <= 0 else ("revoked", wanted)
        elif self.expires_at is not None and wanted - self.left_ms / 1000 > _SLACK_SECONDS:
            self.outcome, self.life = "prolonged", wanted
        else:
            self.outcome = "already_revoked"

    @property
    def must_be_written(self) -> bool:
        return self.outcome in ("revoked", "prolonged")

    @property
    def lasts(self) -> bool:
        """Whether its entry is certainly still there a moment later."""
        return self.outcome != "expired" and (self.left_ms == NEVER or max(self.life, self.left_ms / 1000) > _SLACK_SECONDS)

    def facts(self, state: str) -> Dict[str, Any]:
        left = self.left_ms // 1000 if self.left_ms >= 0 else (NEVER if self.left_ms == NEVER else 0)
        if state == REVOKED:
            return {"jti": shown(self.jti), "outcome": self.outcome, "life": self.life or left}
        return {"jti": shown(self.jti), "outcome": "not_revoked" if self.left_ms == ABSENT else "already_revoked", "life": left}


@dataclass
class Found:
    """What the server has of the request."""

    tokens: List[Token] = field(default_factory=list)
    sessions: List[bytes] = field(default_factory=list)
    came_anew: int = 0

    def counts(self) -> Dict[str, int]:
        outcomes = [token.outcome for token in self.tokens]
        return {name: outcomes.count(name) for name in ("revoked", "prolonged", "already_revoked", "expired")}


def plan_revocation(request: Request, found: Found) -> Plan:
    """``found`` has decided on each token."""
    facts = revocation_facts(request, found)
    if request.state == LISTED:
        return Plan({}, {}, facts=facts)
    steps = []
    counts = found.counts()
    written = counts["revoked"] + counts["prolonged"]
    if written:
        steps.append(Step("revoke", str(request), _counted(written, "token")))
    if request.user and found.tokens:
        steps.append(Step("forget", str(request), f"{_counted(len(found.tokens), 'token')} in the list of the user's"))
    if found.sessions:
        steps.append(Step("end_sessions", str(request), _counted(len(found.sessions), "session")))
    before = {"revoked": counts["already_revoked"] + counts["prolonged"], "sessions": len(found.sessions)}
    after = {"revoked": before["revoked"] + counts["revoked"], "sessions": 0}
    return Plan(before, after, tuple(steps), facts)


def revocation_facts(request: Request, found: Found, sessions_ended: int = 0) -> Dict[str, Any]:
    counts = found.counts()
    told = [token.facts(request.state) for token in found.tokens]
    facts = {
        "subject": str(request),
        "found": len(found.tokens),
        "tokens": told[:_SHOWN],
        "came_anew": found.came_anew,
        "sessions_found": len(found.sessions),
        "sessions_ended": sessions_ended,
        **({name: 0 for name in counts} if request.state == LISTED else counts),
    }
    return {**facts, "table": revocation_table(str(request), facts)}


def revocation_table(subject: str, facts: Mapping[str, Any]) -> str:
    line = f"{subject}: {_counted(facts['found'], 'token')}, {_counted(facts['sessions_found'], 'session')}"
    rows: Sequence[Sequence[str]] = [["TOKEN", "OUTCOME", "SECONDS"], *([one["jti"], one["outcome"], str(one["life"])] for one in facts["tokens"])]
    more = [f"({facts['found'] - _SHOWN} more)"] if facts["found"] > _SHOWN else []
    return "\n".join([line, *(aligned(rows) if facts["tokens"] else []), *more])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
