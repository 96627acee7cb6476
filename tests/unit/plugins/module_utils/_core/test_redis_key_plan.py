"""What is told of the keys that were found, and when none of them is touched."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_key_plan import Tally, TooManyKeys, done_facts, plan_keys, require_few
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_key_request import Selection

CACHE = Selection("prefix", prefix=b"cache:")
FACTS = {"database": 0, "bytes": 2048, "sample": [], "spread": 60, "counted_all": True}
ROW = {"name": "cache:1", "type": "hash", "ttl": 7, "bytes": 96, "length": 2, "number": None, "value": "x" * 100}


def test_a_listing_and_an_empty_look_change_nothing():
    assert not plan_keys("listed", CACHE, Tally(chosen=3), FACTS).changed
    assert not plan_keys("absent", CACHE, Tally(protected={b"cache:x": 3}), FACTS).changed


@pytest.mark.parametrize(
    ("state", "action", "after"),
    [("absent", "delete", "0 keys"), ("expiring", "expire", "3 keys, gone within 60 s"), ("flushed", "flush", "0 keys")],
)
def test_the_plan_is_what_check_mode_and_diff_show(state, action, after):
    plan = plan_keys(state, CACHE, Tally(chosen=3), FACTS)
    result = plan.to_result(with_diff=True)
    assert result["actions"] == [{"action": action, "target": "prefix 'cache:'", "detail": "3 keys of database 0"}]
    assert result["diff"] == {"before": {"prefix 'cache:'": "3 keys"}, "after": {"prefix 'cache:'": after}}
    assert (result["matched"], result["deleted"]) == (3, 0)
    assert not {"spread", "counted_all"} & set(result)


def test_a_look_that_stopped_early_does_not_pretend_to_have_counted():
    plan = plan_keys("absent", CACHE, Tally(chosen=100), {**FACTS, "counted_all": False})
    assert plan.steps[0].detail == "at least 100 keys of database 0"


def test_what_was_done_is_told_by_its_own_count():
    tally = Tally(chosen=1200, expiring_already=2, protected={b"cache:\xff": 1}, missing=[b"gone"])
    facts = {"database": 0, "bytes": 2048, "sample": [ROW], "came_anew": 1, "deleted": 1100, "expiring": 0}
    done = done_facts("absent", CACHE, tally, facts)
    assert (done["changed"], done["matched"], done["actions"][0]["detail"]) == (True, 1203, "1,100 keys of database 0")
    assert done["table"].splitlines() == [
        "Database 0, prefix 'cache:': 1,203 keys, about 2.0 KiB; 1,100 keys deleted.",
        "Left alone: 1 key, protected cache:\\xff",
        "Left alone: 2 keys, expiring_already",
        "Not there: gone",
        "Came anew meanwhile: 1 key",
        "KEY      TYPE  EXPIRES IN  SIZE  LENGTH  VALUE",
        f"cache:1  hash  7 s         96 B  2       {'x' * 79}…",
    ]
    nothing = done_facts("absent", CACHE, Tally(), {**facts, "deleted": 0})
    assert (nothing["changed"], nothing["actions"]) == (False, [])


def test_keys_in_the_order_of_their_numbers_show_them():
    facts = {"database": 0, "bytes": 0, "sample": [{**ROW, "number": 7, "value": None}], "came_anew": 0, "deleted": 1, "expiring": 0}
    assert done_facts("absent", CACHE, Tally(chosen=1), facts)["table"].splitlines()[-2:] == [
        "KEY      TYPE  EXPIRES IN  SIZE  LENGTH  NUMBER  VALUE",
        "cache:1  hash  7 s         96 B  2       7       -",
    ]


def test_more_keys_than_allowed():
    require_few(Tally(chosen=5, protected={b"x": 100}), CACHE, 5)
    with pytest.raises(TooManyKeys) as failed:
        require_few(Tally(chosen=6), CACHE, 5)
    assert failed.value.details == {"matched": 6, "max_keys": 5}


def test_beginnings_are_counted_behind_the_prefix():
    tally = Tally()
    tally.add_prefixes([b"cache:a:1", b"cache:a:2", b"cache:b", b"cache:"], len(b"cache:"))
    assert tally.facts()["prefixes"] == [{"prefix": "cache:", "count": 2}, {"prefix": "cache:a:", "count": 2}]
