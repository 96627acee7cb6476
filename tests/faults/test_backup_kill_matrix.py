"""A backup that is killed before each of its steps, then made again (T8, T16).

Invariants: every backup that was there is there and whole (I1), nothing incomplete is visible (I2), and the next run leaves nothing behind.
"""

from __future__ import annotations

import os

import pytest

from tests.support.backups import BackedUpStack
from tests.support.dying import dies_at
from tests.support.stacks import unique_name

MOST_STEPS = 80


class Killed(BackedUpStack):
    def run(self, **options) -> dict:
        operation = self.backup_operation(**options)
        return operation.apply(operation.plan())

    def ids(self, state: str = "") -> list[str]:
        return [backup.id for backup in self.published("shop") if state in ("", backup.state)]

    def require_whole(self, after: str, before: list[str]) -> None:
        backups, unreadable = self.store.all()
        assert unreadable == [], after
        assert set(before) <= {backup.id for backup in backups}, f"{after}: a backup has gone"
        assert [self.store.damaged_files(backup) for backup in backups] == [[]] * len(backups), after
        for name in ("latest", "latest-verified"):
            link = os.path.join(self.store.directory("shop"), name)
            assert not os.path.islink(link) or os.path.isdir(link), f"{after}: {name} points to nothing"

    def link(self, name: str) -> str:
        return os.readlink(os.path.join(self.store.directory("shop"), name))


@pytest.fixture
def stack(tmp_path):
    made = Killed(tmp_path, unique_name("backup-killed"))
    try:
        made.up()
        made.sql("CREATE TABLE orders (id serial PRIMARY KEY, note text)", "INSERT INTO orders (note) SELECT 'n' || i FROM generate_series(1, 300) i")
        yield made
    finally:
        made.down()


def test_a_backup_killed_before_each_step(stack):
    first = stack.run(verify="restore")["backups"][0]["id"]
    named = ["HelperContainer.__enter__", "HelperContainer.wait", "BackupStore.publish", "os.rename", "BackupStore.point", "os.symlink"]
    for step in (*named, *range(1, MOST_STEPS)):
        before = stack.ids()
        name = dies_at(step, "postgres_backup", stack.backup_params())
        assert step not in named or name == step, "it never came there"
        stack.require_whole(f"{step} {name}", before)
        if not name:
            return
        made = stack.run()["backups"][0]["id"]
        stack.require_nothing_left(f"{step} {name}")
        assert (stack.link("latest"), stack.link("latest-verified")) == (made, first), name
    pytest.fail("the backup never came to an end")


def test_a_verification_killed_before_each_step(stack):
    """What was not proven to the end never counts as verified."""
    backup = stack.run()["backups"][0]["id"]
    named = ["HelperContainer.__enter__", "HelperContainer.wait", "BackupStore.add_verification"]
    for step in (*named, *range(1, MOST_STEPS)):
        name = dies_at(step, "postgres_backup", stack.backup_params(state="verified", verify="restore"))
        stack.require_whole(f"{step} {name}", [backup])
        if step in named:
            assert (name, stack.ids("verified")) == (step, []), "verified before it was"
        if not name:
            stack.require_nothing_left("the last one")
            assert (stack.ids("verified"), stack.link("latest-verified")) == ([backup], backup)
            return
    pytest.fail("the verification never came to an end")
