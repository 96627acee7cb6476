# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes tokens known to the application as revoked, and ends sessions."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, Mapping, Protocol, Sequence

from ..._core.errors import OperationError
from ..._core.plan import Plan
from ..._core.redis_keys_text import shown
from ..._core.token_revocation import ABSENT, REVOKED, Found, Request, Token, TokensNotRevoked, expiry_of, name_for, plan_revocation, revocation_facts
from ..redis_members import Members
from ..redis_target import RedisTarget

_PART = 500
_MARK = "1"
_KEEPS_ALL = "noeviction"


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class TokenRevocation:
    """One token, or all tokens and sessions of a user."""

    def __init__(self, params: Mapping[str, Any], request: Request, host: Host) -> None:
        self._params = params
        self._request = request
        self._host = host
        self._target = RedisTarget.from_params(params)
        self._found = Found()
        self._members: List[bytes] = []
        self._written = 0

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "TokenRevocation":
        return cls(params, Request.from_params(params), host)

    def plan(self) -> Plan:
        # Kept for apply: as long as it lives, it is the same server.
        self._session = self._target.open(self._params["database"])
        if self._request.state == REVOKED:
            self._target.require_primary(self._session)
        self._found.tokens = self._tokens()
        self._members = list(self._read("sessions_of_user"))
        template = self._request.names.session
        names = [template.name_of(member) for member in self._members] if template else []
        self._found.sessions = [name for name, there in zip(names, self._ask([("EXISTS", name) for name in names])) if there]
        self._warn_of_eviction()
        return plan_revocation(self._request, self._found)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        with self._session:
            if not plan.changed:
                return {}
            self._target.note("tokens_revocation_begun", subject=str(self._request), tokens=len(self._found.tokens), sessions=len(self._found.sessions))
            try:
                with self._telling_how_far():
                    self._revoke()
                    self._prove()
                    ended = self._end_sessions()
                    self._forget()
            finally:
                self._target.note("tokens_revocation_ended", subject=str(self._request), written=self._written)
        if self._found.came_anew:
            self._host.warn(f"{self._found.came_anew} tokens were issued to {self._request} meanwhile, and are not revoked. Run again, or look at who logs in.")
        return revocation_facts(self._request, self._found, ended)

    def _tokens(self) -> List[Token]:
        names, user = self._request.names, self._request.user
        if user:
            listed = self._read("tokens_of_user")
            tells = self._params["index_tells"] == "expiry"
            tokens = [Token(jti, names.token.name_of(jti), expiry_of(value.decode(errors="replace")) if tells else None) for jti, value in listed.items()]
        else:
            tokens = [Token(self._request.jti, names.token.name_of(self._request.jti), self._request.expires_at)]
        now = float(self._session.command("TIME")[0])  # the clock that ends the entries
        for token, left in zip(tokens, self._ask([("PTTL", token.key) for token in tokens])):
            token.left_ms = left
            token.decide(now, self._params["default_life"], self._params["leeway"])
        return tokens

    def _read(self, which: str) -> Dict[bytes, bytes]:
        template = getattr(self._request.names, which)
        return self._list(name_for(template, self._request.user)).read() if template and self._request.user else {}

    def _list(self, key: bytes) -> Members:
        return Members(self._session, key, self._params["max_tokens"])

    def _revoke(self) -> None:
        """NX: whoever revokes the same token at the same time with a longer life is not undone."""
        for token in self._written_in_parts():
            commands = [("SET", one.key, _MARK, "EX", one.life, "NX") if one.outcome == "revoked" else ("EXPIRE", one.key, one.life) for one in token]
            for reply in self._session.all_of(commands):
                self._written += 1 if reply else 0

    def _written_in_parts(self) -> Iterator[Sequence[Token]]:
        chosen = [token for token in self._found.tokens if token.must_be_written]
        for at in range(0, len(chosen), _PART):
            yield chosen[at : at + _PART]

    def _prove(self) -> None:
        """Every token that still counts has its entry, with a life that is left."""
        held = [token for token in self._found.tokens if token.lasts]
        lost = [token for token, left in zip(held, self._ask([("PTTL", token.key) for token in held])) if left == ABSENT]
        if lost:
            raise TokensNotRevoked(
                f"{len(lost)} of {len(held)} tokens have no entry among the revoked ones although it was written: {shown(lost[0].jti)}.",
                hint="Something deletes or evicts keys: look at maxmemory_policy and at who else writes (playbooks/redis/report.yml), then run again.",
                lost=len(lost),
            )

    def _end_sessions(self) -> int:
        ended = 0
        for at in range(0, len(self._found.sessions), _PART):
            ended += self._session.command("UNLINK", *self._found.sessions[at : at + _PART])
        return ended

    def _forget(self) -> None:
        """Takes what was dealt with off the user's lists; then looks what is there."""
        if not self._request.user:
            return
        names, user = self._request.names, self._request.user
        if names.tokens_of_user:
            tokens = self._list(name_for(names.tokens_of_user, user))
            tokens.remove([token.jti for token in self._found.tokens])
            self._found.came_anew = len(tokens.read())
        if names.sessions_of_user:
            self._list(name_for(names.sessions_of_user, user)).remove(self._members)

    def _ask(self, commands: Sequence[Sequence[Any]]) -> List[Any]:
        replies: List[Any] = []
        for at in range(0, len(commands), _PART):
            replies += self._session.all_of(commands[at : at + _PART])
        return replies

    def _warn_of_eviction(self) -> None:
        memory = self._session.info("memory")
        policy = memory.get("maxmemory_policy", _KEEPS_ALL)
        if policy != _KEEPS_ALL and memory.get("maxmemory", "0") != "0":
            self._host.warn(f"With maxmemory_policy={policy} the server may drop entries of revoked tokens when it is full: those tokens would count again.")

    @contextlib.contextmanager
    def _telling_how_far(self) -> Iterator[None]:
        try:
            yield
        except OperationError as error:
            cause = self._target.explained(error) or error
            cause.hint = f"{self._written} tokens were revoked before. Run again to go on. {cause.hint}".strip()
            cause.details.update(written=self._written)
            raise cause from error
