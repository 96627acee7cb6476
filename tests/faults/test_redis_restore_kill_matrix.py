"""A restore of Redis that is killed before each of its steps, then recovered twice (T37).

Invariants: the live data are the old ones or the restored ones, whole, also after another restart (I3); what ran runs, nothing else is left (I4).
"""

from __future__ import annotations

import pytest

from tests.support.redis_backups import BackedUpRedis
from tests.support.stacks import docker, unique_name

OLD, RESTORED = {"db0": 3}, {"db0": 40, "db3": 1}
MOST_STEPS = 40


class Killed(BackedUpRedis):
    def empty(self) -> None:
        """The state that a restore replaces."""
        self.redis("FLUSHALL")
        for name in ("a", "b", "c"):
            self.redis("SET", name, "old")

    def recover(self) -> list[str]:
        recovered = self.restore(state="recovered")
        assert not recovered["failed"], recovered["msg"]
        return [one["outcome"] for one in recovered["recovered"]]

    def require_order(self, after: str, content: dict[str, int], kept: int) -> None:
        assert self.keys() == content, after
        assert self.containers("app")[0]["State"]["Running"], after
        assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={self.name}") == "", after
        files = self.files()
        assert len([name for name in files if name.startswith((".runbook-undo-", ".runbook-redo-"))]) == kept, f"{after}: {files}"
        assert {name for name in files if not name.startswith((".runbook-undo-", ".runbook-redo-"))} == {"appendonlydir", "dump.rdb"}, f"{after}: {files}"
        assert [*self.backup_dir.rglob(".tmp-*")] == [], after

    def start_over(self) -> None:
        assert len(self.restore(state="expired", undo_ttl=0)["dropped"]) == 1
        self.empty()


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """With an append-only file, which has the most to be moved."""
    made = Killed(tmp_path_factory.mktemp("redis-killed"), unique_name("redis-killed"), appendonly="yes")
    try:
        made.up()
        for number in range(40):
            made.redis("SET", f"key:{number}", "restored")
        made.redis("SET", "other", "1", database=3)
        assert made.back_up()["backups"][0]["state"] == "verified"
        made.empty()
        made.redis("BGSAVE")
        made.await_saved()
        yield made
    finally:
        made.down()


def test_a_restore_killed_before_each_step(stack):
    died = []
    for step in range(1, MOST_STEPS):
        name = stack.dies_at(step, prove_restart=False)
        if not name:
            break
        died.append(name)
        outcome = stack.recover()
        assert stack.recover() == [], f"{name}: recovered twice"
        finished = outcome == ["finished"]
        stack.require_order(f"{step} {name}", RESTORED if finished else OLD, kept=int(finished))
        if finished:
            stack.start_over()
    stack.require_order("not killed", RESTORED, kept=1)
    assert {"RestoreRecords.write", "RedisFiles.stage", "RedisFiles.make_private", "RedisControl.stop", "RedisControl.start"} <= set(died)
    assert died.count("RedisFiles.move") == 4 and {"Dependents.stop", "Dependents.start", "RedisFiles.remove"} <= set(died)


def test_an_undoing_killed_where_files_are_moved(stack):
    """Begins with the restored data live, and what was live before kept."""
    for step in ("RedisControl.stop", "RedisFiles.move", "RedisControl.start", "Dependents.start"):
        assert stack.dies_at(step, state="undone", prove_restart=False) == step
        finished = stack.recover() == ["finished"]
        assert (stack.recover(), finished) == ([], step == "Dependents.start")
        stack.require_order(f"undone {step}", OLD if finished else RESTORED, kept=1)
    stack.start_over()


def test_a_recovery_killed_where_files_are_moved_back_is_recovered(stack):
    for step in ("RedisControl.discard", "RedisFiles.move", "RedisFiles.remove"):
        assert stack.dies_at("RedisControl.start", prove_restart=False) == "RedisControl.start"
        assert stack.dies_at(step, state="recovered") == step
        assert stack.recover() == ["undone"]
        stack.require_order(f"recovery {step}", OLD, kept=0)
