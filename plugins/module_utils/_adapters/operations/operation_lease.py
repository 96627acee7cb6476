# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes, renews, frees or breaks a lease of a stack."""

from __future__ import annotations

import re
import secrets
import socket
import time
from typing import Any, Callable, Dict, Mapping, Protocol

from ..._core.errors import BadInput
from ..._core.lease import LeaseHeld, LeaseRecord, Moment
from ..._core.lease_change import Claim, LeaseChange, break_lease, free, hold
from ..._core.plan import Plan
from ..._core.stack import Stack
from ..clock import moment
from ..lease_store import LeaseStore

Decision = Callable[[LeaseRecord, Moment], LeaseChange]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_POLL_SECONDS = 0.5
_SHORTEST_EXPIRY, _LONGEST_EXPIRY = 2, 86400


class Host(Protocol):
    check_mode: bool


class OperationLease:
    # A lease is not changed under its own protection: renewing and freeing have their own rules.
    is_fence = True

    def __init__(self, store: LeaseStore, decide: Decision, wait: float, check_mode: bool) -> None:
        self._store = store
        self._decide = decide
        self._check_mode = check_mode
        self._deadline = time.monotonic() + (0 if check_mode else wait)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "OperationLease":
        name = params["lease"]
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r} is not a name for a lease.", hint="Use lower-case letters, digits, '-' and '_'.", lease=name)
        if params["wait"] < 0:
            raise BadInput(f"wait must not be negative, but is {params['wait']}.", wait=params["wait"])
        store = LeaseStore(Stack.from_params(params), name)
        return cls(store, _decision(params), params["wait"], host.check_mode)

    def plan(self) -> Plan:
        change = self._retry_while_held(lambda: self._decide(self._store.load(), moment()))
        return change.to_plan(moment(), with_token=not self._check_mode)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        # Decided anew under the lock: of two runs that saw the lease free, one gets it.
        change = self._retry_while_held(lambda: self._store.change(self._decide))
        return {"lease": change.lease_facts(moment())}

    def _retry_while_held(self, attempt: Callable[[], LeaseChange]) -> LeaseChange:
        while True:
            try:
                return attempt()
            except LeaseHeld:
                remaining = self._deadline - time.monotonic()
                if remaining <= 0:
                    raise
                time.sleep(min(_POLL_SECONDS, remaining))


def _decision(params: Mapping[str, Any]) -> Decision:
    if params["state"] == "held":
        claim = _claim(params)
        return lambda record, now: hold(record, claim, now)
    if params["state"] == "free":
        token, outcome = params["lease_token"], params["outcome"]
        return lambda record, now: free(record, token, outcome, now)
    by, reason = _text(params, "owner", "who breaks it"), _text(params, "reason", "why it has to be broken")
    return lambda record, now: break_lease(record, by, reason, now)


def _claim(params: Mapping[str, Any]) -> Claim:
    seconds = params["expires_after"]
    if seconds is not None and not _SHORTEST_EXPIRY <= seconds <= _LONGEST_EXPIRY:
        raise BadInput(
            f"expires_after must be between {_SHORTEST_EXPIRY} and {_LONGEST_EXPIRY} seconds, but is {seconds}.",
            expires_after=seconds,
        )
    return Claim(
        owner=_text(params, "owner", "who wants it"),
        operation=params["operation"],
        reason=params["reason"],
        host=socket.gethostname(),
        new_token=secrets.token_hex(16),
        token=params["lease_token"],
        expires_after=seconds,
    )


def _text(params: Mapping[str, Any], option: str, meaning: str) -> str:
    value = (params[option] or "").strip()
    if not value:
        raise BadInput(f"state={params['state']} needs {option}: {meaning}.", hint="Nothing was done.", option=option)
    return value
