from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_errors import BackupMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import ConfirmationMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.masking import Masking
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_errors import NothingToUndo, RestoreUnfinished, SwapFailed
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_plan import (
    Outline,
    choose_source,
    expired,
    plan_exchange,
    plan_restore,
    prepare_exchange,
    require_confirmation,
    require_finished,
    require_same,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_record import FINISHED, SWAPPING, RestoreRecord
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_request import LATEST_VERIFIED, REPLACE, SWAP, RestoreRequest
from tests.support.backup_samples import described

NOW = datetime(2026, 11, 3, 2, 15)
OLD, NEW = 16384, 20000
PLANNED = RestoreRecord(
    run_id="20261103T021500Z-7f3a01bc",
    service="postgres",
    database="shop",
    system_identifier="7412",
    source="backup x",
    live_oid=OLD,
    coming_name="shop__new_7f3a01bc",
    aside_name="shop__undo_7f3a01bc",
)
DONE = replace(PLANNED, coming_oid=NEW).concluded("2026-11-03T02:15:00.000000Z")
FRESH = replace(PLANNED, live_oid=None, aside_name="")
AFTER = {"shop": NEW, "shop__undo_7f3a01bc": OLD}


def asked(state: str, **changes) -> RestoreRequest:
    return RestoreRequest(state=state, database="shop", **changes)


def actions(plan) -> list[str]:
    return [step.action for step in plan.steps]


def test_the_newest_proven_backup_is_no_safety_backup():
    good = described(NOW, number=1)
    safety = described(NOW + timedelta(hours=1), number=2, purpose="safety")
    dumped = described(NOW + timedelta(hours=2), "dumped", number=3)
    other = described(NOW + timedelta(hours=3), number=4, subject="users")
    backups = [safety, good, other, dumped]
    assert choose_source(backups, "shop", LATEST_VERIFIED) == good
    assert choose_source(backups, "shop", LATEST_VERIFIED, "dumped") == dumped
    assert choose_source(backups, "shop", safety.id) == safety
    assert choose_source(backups, "shop", other.id) == other
    for there, said in (([dumped, safety], "none of them verified"), ([other], "no backup of it at all")):
        with pytest.raises(BackupMissing) as missing:
            choose_source(there, "shop", LATEST_VERIFIED)
        assert said in missing.value.hint


def test_the_live_database_is_given_up_only_after_its_backup():
    outline = Outline(PLANNED, "backup x", safety="new", roles=("clerk",), services=("api",))
    assert actions(plan_restore(outline, asked("present"))) == ["back_up", "create_role", "restore", "compare", "stop", "swap", "start"]
    replacing = plan_restore(outline, asked("present", mode=REPLACE))
    assert actions(replacing) == ["stop", "back_up", "drop", "create_role", "restore", "compare", "rename", "start"]
    fresh = plan_restore(Outline(FRESH, "file x", compared=False), asked("present", mode=REPLACE))
    assert (actions(fresh), fresh.before) == (["restore", "count", "swap"], {"databases": {"shop": None}})


def test_undone_and_redone_exchange_the_same_two():
    undoing = prepare_exchange([DONE], asked("undone"), AFTER)
    assert (undoing.live_oid, undoing.coming_name, undoing.coming_oid, undoing.aside_name) == (NEW, "shop__undo_7f3a01bc", OLD, "shop__redo_7f3a01bc")
    assert actions(plan_exchange(undoing, ["api"])) == ["stop", "swap", "start"]
    undone = undoing.concluded("2026-11-03T03:15:00.000000Z")
    assert prepare_exchange([undone], asked("undone"), {}) is None
    assert prepare_exchange([DONE], asked("redone"), {}) is None
    redoing = prepare_exchange([undone], asked("redone"), {"shop": OLD, "shop__redo_7f3a01bc": NEW})
    assert (redoing.coming_oid, redoing.aside_name) == (NEW, "shop__undo_7f3a01bc")


@pytest.mark.parametrize("there", [{"shop": NEW}, {"shop": NEW, "shop__undo_7f3a01bc": 5}, {"shop__undo_7f3a01bc": OLD}])
def test_what_is_not_kept_cannot_be_undone(there):
    with pytest.raises(NothingToUndo):
        prepare_exchange([DONE], asked("undone"), there)


def test_the_newest_restore_is_undone_unless_another_is_named():
    later = replace(DONE, run_id="20261104T021500Z-00000001")
    assert prepare_exchange([later, DONE], asked("undone"), AFTER).run_id == later.run_id
    assert prepare_exchange([later, DONE], asked("undone", restore_id=DONE.run_id), AFTER).run_id == DONE.run_id
    with pytest.raises(NothingToUndo):
        prepare_exchange([replace(DONE, database="users")], asked("undone"), AFTER)


@pytest.mark.parametrize(
    ("record", "there", "good"),
    [
        (PLANNED, {"shop": OLD, "postgres": 5}, True),
        (PLANNED, {"shop": NEW}, False),
        (PLANNED, {}, False),
        (PLANNED, {"shop": OLD, "shop__new_7f3a01bc": NEW}, False),
        (replace(PLANNED, coming_oid=NEW), {"shop": OLD, "shop__new_7f3a01bc": NEW}, True),
        (replace(PLANNED, coming_oid=NEW), {"shop": OLD}, False),
        (FRESH, {}, True),
        (FRESH, {"shop": OLD}, False),
    ],
)
def test_a_name_has_to_mean_what_it_meant(record, there, good):
    if good:
        require_same(record, there)
        return
    with pytest.raises(SwapFailed):
        require_same(record, there)


def test_a_dead_restore_comes_first():
    require_finished([DONE, replace(PLANNED, database="users", stage=SWAPPING)], "shop")
    with pytest.raises(RestoreUnfinished, match="swapping"):
        require_finished([DONE, PLANNED.at(SWAPPING)], "shop")


def test_the_name_is_asked_for_and_a_replacement_asks_twice():
    plan = plan_restore(Outline(PLANNED, "backup x", safety="new"), asked("present"))
    for name in ("shop", "miniature"):
        require_confirmation(asked("present", confirm=name), "miniature", plan)
    with pytest.raises(ConfirmationMissing) as missing:
        require_confirmation(asked("present", confirm="true"), "miniature", plan)
    assert missing.value.details["would"] == ["back_up", "restore", "compare", "swap"]
    require_confirmation(asked("present", mode=REPLACE, confirm="shop", confirm_replace="shop"), "miniature", plan)
    with pytest.raises(ConfirmationMissing) as missing:
        require_confirmation(asked("present", mode=REPLACE, confirm="shop", confirm_replace="miniature"), "miniature", plan)
    assert "confirm_replace: shop" in missing.value.hint


def test_what_was_kept_expires_and_what_kept_nothing_too():
    nothing = replace(FRESH, run_id="20261103T021400Z-00000001", stage=FINISHED)
    unfinished = replace(PLANNED, run_id="20260101T000000Z-00000001")
    late = DONE.concluded("2026-11-03T02:15:01.000000Z")
    assert expired([DONE, unfinished, nothing], NOW + timedelta(hours=1), 3600) == [nothing, DONE]
    assert expired([late, unfinished], NOW + timedelta(hours=1), 3600) == []


def test_a_copy_is_masked_between_the_comparison_and_the_exchange():
    masking = Masking(("UPDATE a SET b = 1", "TRUNCATE c"), ("SELECT true",))
    for mode, first, then in ((SWAP, ["restore", "compare", "mask"], "swap"), (REPLACE, ["drop", "restore", "compare", "mask"], "rename")):
        plan = plan_restore(Outline(PLANNED, "backup x"), asked("present", mode=mode, masking=masking))
        assert actions(plan) == [*first, then]
        assert [(step.target, step.detail) for step in plan.steps if step.action == "mask"] == [("shop__new_7f3a01bc", "2 statements, 1 checks")]
