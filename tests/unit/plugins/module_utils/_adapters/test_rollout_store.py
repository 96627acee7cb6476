"""The record of unfinished rollouts, whole, damaged, and while somebody works on it."""

from __future__ import annotations

import pytest

from tests.support.service_samples import container

from ansible_collections.runbook.compose.plugins.module_utils._adapters.rollout_store import RolloutStore
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import StateUnwritable
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout import BAKING, BESIDE, DRAINED, Rollout, RolloutBusy, Rollouts
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack

OLD, NEW, STORE = container("app", 1), container("app", 2), container("store")


@pytest.fixture
def stack(tmp_path):
    return Stack("shop", str(tmp_path), state_dir=str(tmp_path / "state"))


def test_looking_makes_nothing(stack, tmp_path):
    store = RolloutStore(stack)
    store.require_free()
    assert (store.load(), store.live([OLD]), list(tmp_path.iterdir())) == (Rollouts(), (OLD,), [])


def test_what_was_written_is_read_and_an_end_is_remembered(stack):
    store = RolloutStore(stack)
    entry = Rollout("app", "rolling", BESIDE, (OLD.id,), "2026-11-22T08:00:00Z")
    store.put(entry)
    assert store.load().open == {"app": entry}
    store.end("app", "old")
    assert store.load() == Rollouts({}, {"app": "old"})


@pytest.mark.parametrize(("phase", "left"), [(BESIDE, (OLD, NEW, STORE)), (BAKING, (NEW, STORE)), (DRAINED, (NEW, STORE))])
def test_an_old_container_without_requests_is_left_out(stack, phase, left):
    store = RolloutStore(stack)
    store.put(Rollout("app", "blue_green", phase, (OLD.id,), ""))
    assert store.live([OLD, NEW, STORE]) == left


@pytest.mark.parametrize("text", ["{", "[]", '{"services": {"app": {"old": []}}, "ended": {}}', '{"services": 1, "ended": {}}', "{}"])
def test_a_damaged_record_is_told_and_hides_no_container(stack, tmp_path, text):
    (tmp_path / "state" / "shop").mkdir(parents=True)
    (tmp_path / "state" / "shop" / "rollout.json").write_text(text)
    store = RolloutStore(stack)
    with pytest.raises(StateUnwritable, match="rollout.json"):
        store.load()
    assert store.live([OLD, NEW]) == (OLD, NEW)


def test_two_at_once_are_told_apart(stack):
    with RolloutStore(stack).alone():
        with pytest.raises(RolloutBusy):
            RolloutStore(stack).require_free()
        with pytest.raises(RolloutBusy), RolloutStore(stack).alone():
            raise AssertionError("two at once")
    RolloutStore(stack).require_free()
