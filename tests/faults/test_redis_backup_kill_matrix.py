"""A backup of Redis that is killed before its steps, then made again: nothing incomplete is visible, and the next run leaves nothing behind (T8)."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_backup_arguments import redis_backup_arguments
from tests.support.dying import dies_at
from tests.support.redis_backups import BackedUpRedis
from tests.support.stacks import unique_name

STEPS = ["HelperContainer.__enter__", "os.mkdir", "HelperContainer.wait", "BackupStore.publish", "os.rename", "BackupStore.add_verification"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = BackedUpRedis(tmp_path_factory.mktemp("redis-backup-killed"), unique_name("redis-backup-killed"))
    try:
        made.up("redis")
        made.fill(20)
        yield made
    finally:
        made.down()


def test_a_backup_killed_before_its_steps(stack):
    published = []
    for step in STEPS:
        assert dies_at(step, "redis_backup", stack.params(redis_backup_arguments(), stack.backing_up)) == step, "it never came there"
        backups = stack.published()
        assert {backup.id for backup in backups} >= set(published), f"{step}: a backup has gone"
        assert [stack.store.damaged_files(backup) for backup in backups] == [[]] * len(backups), step
        assert step != "BackupStore.add_verification" or backups[-1].state == "dumped", "verified before it was"
        made = stack.back_up(verify="none")
        assert made["changed"], made
        stack.require_nothing_left()
        published = [backup.id for backup in stack.published()]
    assert len(published) == len(STEPS) + 1, "one of those that died had published"
