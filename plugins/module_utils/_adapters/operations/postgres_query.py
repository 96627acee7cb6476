# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One statement on one database: read-only, or written with the database's name as confirmation."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Dict, Iterable, Iterator, Mapping, Protocol

from ..._core.errors import StateUnwritable
from ..._core.plan import Plan, Step, facts_only
from ..._core.postgres_query import Answer, QueryRequest, facts_of, has_changed, texts_in
from ..._core.postgres_values import version_text
from ..._core.redaction import MASK
from ..._core.sql_statement import normalised
from ..._core.stack import Stack
from ..._core.text_table import rows_as_text
from ..application_access import access_as, login_of_service
from ..clock import utc_now
from ..engine import Engine
from ..journal import journal
from ..postgres_service import PostgresAccess, PostgresService
from ..postgres_session import PostgresSession, SessionLimits
from ..postgres_statement import StatementRunner

_LOCK_SECONDS = 10.0


class Host(Protocol):
    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...

    def show_as(self, option: str, value: Any) -> None: ...


class PostgresQuery:
    def __init__(self, stack: Stack, request: QueryRequest, service: PostgresService, database: str) -> None:
        self._stack = stack
        self._request = request
        self._service = service
        self._database = database or service.address.database or service.access.maintenance_database

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresQuery":
        params = dict(params)  # what is shown instead of them takes the place of the parameters
        _hide_parameters(params, host)
        request = QueryRequest.from_params(params)
        stack = Stack.from_params(params)
        engine, access = Engine.connect(stack), PostgresAccess.from_params(params)
        database = params["database"]
        if params["login_of"]:
            login = login_of_service(engine, stack.name, params["login_of"])[0]
            host.hide({login.password} if login.password else ())
            access, database = access_as(access, login), database or login.database
        return cls(stack, request, PostgresService.find(stack, engine, access), database)

    def plan(self) -> Plan:
        """A query is asked here, so that check mode answers it as well; of a statement that writes the server's plan is read."""
        self._request.require_confirmation(self._database)
        if not self._request.write:
            with self._running() as (runner, about):
                return facts_only({**about, **self._told(runner.read(), runner), "plan": []})
        with self._running() as (runner, about):
            plan = runner.explain()
            facts = {**about, **self._told(Answer(), runner), "plan": plan}
        shown = normalised(self._request.statement)
        return Plan({}, {"database": self._database, "statement": shown}, (Step("write", self._database, shown),), facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        self._note("postgres_write_begun")
        with self._running() as (runner, about):
            answer = runner.write()
            facts = self._told(answer, runner)
        self._note("postgres_write_committed", outcome=answer.tag, rows=answer.touched)
        changed = has_changed(self._request.statement, answer)
        return {**about, **facts, "changed": changed, "actions": [] if not changed else plan.to_result()["actions"]}

    @contextlib.contextmanager
    def _running(self) -> Iterator[Any]:
        """A session of the statement's own, and what is to be told about it."""
        limits = SessionLimits(self._request.timeout, min(_LOCK_SECONDS, self._request.timeout), self._service.access.connect_timeout)
        began = time.monotonic()
        with PostgresSession.open(self._service.address, self._database, "postgres_query", limits) as session:
            about = {
                "database": self._database,
                "username": self._service.address.username,
                "server_version": version_text(session.version),
                "encrypted": bool(session.raw.info.ssl_in_use),
                "connect_seconds": round(time.monotonic() - began, 4),
            }
            yield StatementRunner(session, self._request), about

    def _told(self, answer: Answer, runner: StatementRunner) -> Dict[str, Any]:
        return {
            **_with_table(facts_of(answer, self._request.mask)),
            "rows_touched": max(0, answer.touched) if self._request.write else 0,
            "statement": normalised(self._request.statement),
            "duration_seconds": runner.duration_seconds,
        }

    def _note(self, event: str, **facts: Any) -> None:
        """Statements that write are in the stack's journal, without what they hold; the first entry is made before anything is done."""
        about = {"database": self._database, "username": self._service.address.username, "statement": normalised(self._request.statement)}
        try:
            journal(self._stack, utc_now(), event, **about, **facts)
        except OSError as error:
            raise StateUnwritable(
                f"The journal of stack {self._stack.name} cannot be written: {error.strerror} ({error.filename}).",
                hint="Check state_dir, and that the task runs as the right user (become).",
                path=str(error.filename),
                event=event,
            ) from error


def _with_table(facts: Dict[str, Any]) -> Dict[str, Any]:
    names = [column["name"] for column in facts["columns"]]
    return {**facts, "table": rows_as_text(names, facts["rows"], facts["truncated"])}


def _hide_parameters(params: Mapping[str, Any], host: Host) -> None:
    """Ansible would mask every value wherever it occurs, a 1 in every number; they are hidden where the call is repeated."""
    parameters, password = params["parameters"], params["password"]
    host.show_as("parameters", _masked(parameters))
    host.hide({password} if password else (), set() if parameters is None else set(texts_in(parameters)))


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _masked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return value if value is None else MASK
