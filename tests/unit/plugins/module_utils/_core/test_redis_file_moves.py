"""Files of a Redis on their way to an exchange and back, stopped after every step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_file_moves import FilesThere, moves_back, moves_forth
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_restore_record import EXCHANGING, HALTED, STARTING, RedisRestoreRecord

NAMES = ("dump.rdb", "appendonlydir", "appendonly.aof")
COMING, ASIDE = ".runbook-new-1", ".runbook-undo-1"
SETS = st.sets(st.sampled_from(NAMES))


def record(held: set[str], stage: str = EXCHANGING) -> RedisRestoreRecord:
    return RedisRestoreRecord("20261103T021500Z-00000001", "redis", "/data", "x", NAMES, stage=stage, held=tuple(sorted(held)), coming=COMING, aside=ASIDE)


def there(disk: dict[str, str]) -> FilesThere:
    return FilesThere(*(frozenset(path[len(where) :] for path in disk if path.startswith(where) and path[len(where) :] in NAMES) for where in place()))


def place() -> tuple[str, str, str]:
    return "", f"{COMING}/", f"{ASIDE}/"


def move(disk: dict[str, str], old: str, new: str) -> None:
    assert new not in disk, f"{old} would be written over {new}"
    disk[new] = disk.pop(old)


@given(SETS, SETS, st.integers(0, 6), st.integers(0, 6), SETS)
def test_from_whatever_point_everything_comes_back(held, coming, done, returned, written):
    disk = {name: f"old {name}" for name in held} | {f"{COMING}/{name}": f"new {name}" for name in coming}
    before, run = dict(disk), record(held)
    forth = moves_forth(run, there(disk))
    for pair in forth[:done]:
        move(disk, *pair)
    if done >= len(forth):
        assert {name: disk[name] for name in NAMES if name in disk} == {name: f"new {name}" for name in coming}
        run = record(held, STARTING)
        for name in written:  # the server wrote what it had none of
            disk.setdefault(name, f"new {name}")
    for pair in moves_back(run, there(disk))[:returned]:  # and the way back is stopped as well
        move(disk, *pair)
    for pair in moves_back(run, there(disk)):
        move(disk, *pair)
    assert {name: disk[name] for name in NAMES if name in disk} == {name: f"old {name}" for name in held}
    assert before.items() <= disk.items(), "what was to come is where it was, for the next attempt"


def test_nothing_moves_back_before_anything_moved():
    assert moves_back(record({"dump.rdb"}, HALTED), FilesThere(live=frozenset(NAMES))) == []


def test_an_exchange_that_is_done_has_nothing_left_to_do():
    done = FilesThere(live=frozenset(NAMES[:1]), aside=frozenset(NAMES[:2]))
    assert moves_forth(record(set(NAMES[:2])), done) == []
