"""Who holds up whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_locks import lock_report, lock_tree


def session(number: int, *blocked_by: int, waited: float | None = None) -> dict:
    about = {"database": "shop", "username": "app", "application": "api", "client": "local", "state": "active", "state_seconds": 1.0, "transaction_seconds": 2.0}
    return {
        **about, "number": number, "pid": number or None, "statement": f"UPDATE t{number}", "backend": "client backend", "blocked_by": list(blocked_by),
        "lock": "transactionid" if blocked_by else "", "mode": "ShareLock" if blocked_by else "", "relation": "", "waiting_seconds": waited,
    }  # fmt: skip


def test_a_chain_has_one_end():
    report = lock_report([session(1), session(2, 1, waited=50.0), session(3, 2, waited=20.0), session(4, 2, 1, waited=90.0)], 20)
    assert (report["waiting_total"], report["longest_wait_seconds"]) == (3, 90.0)
    assert [(holder["pid"], holder["waiters"]) for holder in report["blocking"]] == [(1, 3)]
    assert [(one["pid"], one["blocked_by"], one["roots"], one["depth"]) for one in report["waiting"]] == [(4, [1, 2], [1], 1), (2, [1], [1], 1), (3, [2], [1], 2)]
    assert lock_tree(report) == [
        "1 app api active holds up 3: UPDATE t1",
        "  4 app waits 90 s for ShareLock transactionid: UPDATE t4",
        "  2 app waits 50 s for ShareLock transactionid: UPDATE t2",
        "    3 app waits 20 s for ShareLock transactionid: UPDATE t3",
    ]


def test_a_prepared_transaction_has_no_session():
    gone = {**session(0), "username": "", "application": "", "state": "", "statement": ""}
    report = lock_report([gone, session(7, 0, waited=1.0)], 20)
    assert [(holder["pid"], holder["waiters"]) for holder in report["blocking"]] == [(0, 1)]
    assert lock_tree(report)[0] == "prepared transaction holds up 1: -"


def test_the_worst_holder_comes_first_and_lists_are_cut():
    sessions = [session(1), session(2), session(3, 1, waited=1.0), session(4, 2, waited=5.0), session(5, 2, waited=3.0)]
    report = lock_report(sessions, 1)
    assert ([holder["pid"] for holder in report["blocking"]], [one["pid"] for one in report["waiting"]]) == ([2], [4])
    assert report["waiting_total"] == 3


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=3), max_size=9))
def test_every_wait_has_an_end_even_in_a_circle(graph):
    report = lock_report([session(number, *others, waited=1.0 if others else None) for number, others in graph.items()], 20)
    holders = {holder["pid"] for holder in report["blocking"]}
    assert all(one["roots"] and set(one["roots"]) <= holders for one in report["waiting"])
    assert len(lock_tree(report)) <= (len(graph) + 9) * (len(holders) + 1)
