"""A restore that is killed before each of its steps, then recovered twice (T24).

Invariants: the live database is the old one or the restored one, whole (I3); everybody may connect, what ran runs, nothing else is left (I4).
"""

from __future__ import annotations

import pytest

from tests.support.restores import RestoredStack
from tests.support.stacks import docker, unique_name

OLD, RESTORED = 7, 300
MOST_STEPS = 40


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = RestoredStack(tmp_path_factory.mktemp("killed"), unique_name("restore-killed"))
    try:
        made.up()
        made.sql("CREATE TABLE orders (id serial PRIMARY KEY, note text)", "INSERT INTO orders (note) SELECT 'n' || i FROM generate_series(1, 300) i")
        made.back_up("shop", verify="restore")
        made.sql("DELETE FROM orders WHERE id > 7")
        yield made
    finally:
        made.down()


def recover(stack, **options) -> list[dict]:
    operation = stack.operation(state="recovered", database="", **options)
    return operation.apply(operation.plan())["recovered"]


def require_order(stack, after: str, orders: set[int], kept: int) -> int:
    """The invariants; the orders in the live database."""
    databases = stack.databases()
    assert {name: allowed for name, allowed in databases.items() if "__" not in name} == {"postgres": True, "shop": True}, after
    assert [allowed for name, allowed in databases.items() if "__" in name] == [False] * kept, f"{after}: {databases}"
    assert stack.containers("app")[0]["State"]["Running"], after
    helpers = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={stack.name}").split()
    assert (helpers, stack.leftovers()) == ([], []), after
    stack.require_sessions_end()
    assert stack.orders() in orders, after
    return stack.orders()


def start_over(stack) -> None:
    operation = stack.operation(state="expired", undo_ttl=0)
    operation.apply(operation.plan())
    stack.sql("DELETE FROM orders WHERE id > 7")


def test_a_restore_killed_before_each_step(stack):
    died = []
    for step in range(1, MOST_STEPS):
        name = stack.dies_at(step, dependents=["app"])
        if not name:
            break
        died.append(name)
        outcome = [one["outcome"] for one in recover(stack)]
        assert recover(stack) == [], f"{name}: recovered twice"
        live = require_order(stack, name, {OLD, RESTORED}, kept=int(outcome == ["finished"]))
        assert live == (RESTORED if outcome == ["finished"] else OLD), name
        if outcome == ["finished"]:
            start_over(stack)
    assert require_order(stack, "not killed", {RESTORED}, kept=1) == RESTORED
    assert {"RestoreRecords.write", "ShadowDatabase.make", "ShadowDatabase.fill", "HelperContainer.wait"} <= set(died)
    assert {"DatabaseSwap.fence", "DatabaseSwap.rename", "DatabaseSwap.allow", "Dependents.stop", "Dependents.start"} <= set(died)


def test_undo_and_redo_killed_before_each_step(stack):
    """Begins with the restored database live, and what was live before kept."""
    content = {"undone": OLD, "redone": RESTORED}
    for state, other in (("undone", RESTORED), ("redone", OLD)):
        died = []
        for step in range(1, MOST_STEPS):
            name = stack.dies_at(step, state=state, dependents=["app"])
            if not name:
                break
            died.append(name)
            outcome = [one["outcome"] for one in recover(stack)]
            assert recover(stack) == [], f"{state} {name}: recovered twice"
            live = require_order(stack, f"{state} {name}", {OLD, RESTORED}, kept=1)
            assert live == (content[state] if outcome == ["finished"] else other), f"{state} {name}"
            if outcome == ["finished"]:
                back = stack.operation(state="redone" if state == "undone" else "undone")
                back.apply(back.plan())
        assert require_order(stack, state, {content[state]}, kept=1) == content[state]
        assert {"DatabaseSwap.fence", "DatabaseSwap.rename", "DatabaseSwap.allow"} <= set(died)
    start_over(stack)


def test_a_recovery_killed_before_each_step_is_recovered(stack):
    for step in range(1, MOST_STEPS):
        assert stack.dies_at("DatabaseSwap.rename", dependents=["app"]) == "DatabaseSwap.rename"
        name = stack.dies_at(step, state="recovered", database="")
        recover(stack)
        require_order(stack, f"recovery {name}", {OLD}, kept=0)
        if not name:
            return
    pytest.fail("the recovery never came to an end")


@pytest.mark.parametrize(
    ("step", "outcome", "orders"),
    [("ShadowDatabase.fill", "undone", OLD), ("DatabaseSwap.rename", "finished", RESTORED)],
)
def test_a_replacement_killed_while_the_database_is_gone_is_made_whole(stack, step, outcome, orders):
    """Only the safety backup has the old content then, until the restored copy was compared."""
    options = {"mode": "replace", "confirm_replace": "shop", "safety_backup": True}
    assert stack.dies_at(step, **options) == step
    assert "shop" not in stack.databases(), "the test proves nothing"
    assert [one["outcome"] for one in recover(stack)] == [outcome]
    assert recover(stack) == []
    require_order(stack, step, {orders}, kept=0)
    start_over(stack)
