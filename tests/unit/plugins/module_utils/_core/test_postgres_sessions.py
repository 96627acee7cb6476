"""Which sessions are ended, decided without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_sessions import (
    ClientSession,
    ConnectionSlots,
    SessionFilter,
    TooManySessions,
    check_filter,
    choose,
    plan_sessions,
)

NOW = datetime(2026, 11, 21, 3, 10, 0, 5, tzinfo=timezone.utc)
FORGOTTEN = ClientSession(7, "shop", "app", "api", "172.18.0.5", "idle in transaction", False, NOW, NOW, 400.0, 401.0)


def chosen(wanted: SessionFilter, *sessions: ClientSession) -> list[int]:
    return [session.pid for session in choose(sessions, wanted).chosen]


def test_by_default_only_old_open_transactions_of_ordinary_roles_are_chosen():
    others = {
        "idle": replace(FORGOTTEN, pid=8, state="idle"),
        "active": replace(FORGOTTEN, pid=9, state="active"),
        "young": replace(FORGOTTEN, pid=10, state_seconds=299.9),
        "unknown age": replace(FORGOTTEN, pid=11, state_seconds=None),
        "superuser": replace(FORGOTTEN, pid=12, superuser=True),
        "ours": replace(FORGOTTEN, pid=13, application="runbook.compose postgres_backup"),
        "a dump": replace(FORGOTTEN, pid=14, application="pg_dump"),
    }
    choice = choose([FORGOTTEN, *others.values()], SessionFilter())
    assert [session.pid for session in choice.chosen] == [7]
    assert choice.facts() == {"left_alone": [{"why": "protected", "sessions": 2}, {"why": "superuser", "sessions": 1}]}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"databases": ("shop",)}, True),
        ({"databases": ("other",)}, False),
        ({"usernames": ("app", "x")}, True),
        ({"usernames": ("APP",)}, False),
        ({"applications": ("a*",)}, True),
        ({"applications": ("A*", "ap")}, False),
        ({"clients": ("172.18.0.0/16",)}, True),
        ({"clients": ("172.18.0.5",)}, True),
        ({"clients": ("local", "fe80::/10", "10.0.0.1")}, False),
        ({"protect": ("a?i",)}, False),
        ({"older_than": 400}, True),
        ({"older_than": 400.1}, False),
    ],
)
def test_every_filter_narrows(wanted, found):
    assert chosen(SessionFilter(**wanted), FORGOTTEN) == ([7] if found else [])


def test_sessions_through_a_socket_are_local():
    inside = replace(FORGOTTEN, client="local")
    assert chosen(SessionFilter(clients=("local",)), inside, FORGOTTEN) == [7]
    assert chosen(SessionFilter(clients=("0.0.0.0/0",)), inside) == []


def test_superusers_are_chosen_when_asked_for_and_our_own_sessions_never():
    wanted = SessionFilter(include_superusers=True)
    assert chosen(wanted, replace(FORGOTTEN, superuser=True)) == [7]
    assert chosen(wanted, replace(FORGOTTEN, application="runbook.compose")) == []


def test_the_longest_comes_first_and_is_described():
    older = replace(FORGOTTEN, pid=6, state_seconds=900.06)
    plan = plan_sessions(choose([FORGOTTEN, older], SessionFilter()), "terminated", 2, {"x": 1})
    assert [(step.action, step.target) for step in plan.steps] == [("terminate", "6"), ("terminate", "7")]
    assert plan.steps[0].detail == "app@shop api from 172.18.0.5, idle in transaction for 900 s"
    assert plan.facts["x"] == 1
    assert plan.facts["sessions"][0]["state_seconds"] == 900.1
    assert plan.facts["sessions"][0]["connected_at"] == "2026-11-21T03:10:00.000005Z"


def test_more_than_allowed_means_none():
    choice = choose([FORGOTTEN, replace(FORGOTTEN, pid=8)], SessionFilter())
    with pytest.raises(TooManySessions) as refused:
        plan_sessions(choice, "terminated", 1, {})
    assert refused.value.details["matching"] == 2
    assert len(plan_sessions(choice, "terminated", 2, {}).steps) == 2
    assert not plan_sessions(choice, "listed", 1, {}).changed


@pytest.mark.parametrize(
    ("wanted", "state", "most"),
    [
        (SessionFilter(older_than=-1), "listed", 1),
        (SessionFilter(), "terminated", 0),
        (SessionFilter(), "cancelled", 1),
        (SessionFilter(states=("active", "idle")), "cancelled", 1),
        (SessionFilter(clients=("somewhere",)), "listed", 1),
    ],
)
def test_requests_without_sense_are_refused(wanted, state, most):
    with pytest.raises(BadInput):
        check_filter(wanted, state, most)


def test_head_room_is_what_ordinary_roles_can_still_open():
    facts = ConnectionSlots(100, 3, {"idle": 70, "active": 10}).facts()
    assert (facts["used"], facts["free"], facts["free_percent"]) == (80, 17, 17.5)
    assert ConnectionSlots(10, 3, {"idle": 9}).facts()["free"] == 0
