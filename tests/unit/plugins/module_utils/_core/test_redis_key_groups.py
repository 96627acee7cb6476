"""Keys are counted by prefix and family in bounded memory, and a server that lacks some is found out."""

from __future__ import annotations

import json

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_key_groups import Grouping, KeyCounter, KeyGroups

FAMILIES = {
    "sessions": {"prefix": "session:", "key_of": "session:{id}"},
    "windows": {"pattern": "rate:*:window"},
    "breaker": {"key": "gateway:breaker"},
    "only of one": {"key_of": "lock:{user}"},
}
KEYS = [*(b"session:%d" % number for number in range(30)), b"rate:a:window", b"rate:a:count", b"gateway:breaker", b"gateway:other", b"plain", b"\xffodd:1"]


def counted(keys, grouping=Grouping(), known=None, expires=lambda key: key.startswith(b"session:2")) -> KeyGroups:
    counter = KeyCounter(grouping) if known is None else KeyCounter.like(known)
    for at in range(0, len(keys), 7):
        part = keys[at : at + 7]
        counter.add(0, part, "".join("1" if expires(key) else "0" for key in part))
    return counter.result()


def told(groups: KeyGroups) -> dict:
    return {(group.kind, group.name): (group.keys, group.expires) for group in groups.groups}


def test_keys_are_counted_by_prefix_and_by_family():
    assert told(counted(KEYS, Grouping.described(FAMILIES, 1))) == {
        ("prefix", "session:"): (30, 11),
        ("prefix", "rate:"): (2, 0),
        ("prefix", "gateway:"): (2, 0),
        ("prefix", "\\xffodd:"): (1, 0),
        ("prefix", ""): (1, 0),
        ("family", "sessions"): (30, 11),
        ("family", "windows"): (1, 0),
        ("family", "breaker"): (1, 0),
    }
    assert ("prefix", "rate:a:") in told(counted(KEYS, Grouping(depth=2)))
    with pytest.raises(BadInput):
        Grouping.described({}, 0)


def test_however_many_prefixes_there_are_only_the_biggest_are_kept_and_all_keys_are_counted():
    many = [b"%d:x" % number for number in range(12_000)] + [b"big:%d" % number for number in range(50)]
    groups = counted(many[-50:] + many)
    assert len(groups.groups) == 101 and sum(group.keys for group in groups.groups) == 12_100
    assert told(groups)["prefix", "big:"] == (100, 0) and told(groups)["others", ""][0] == 12_000 - 99
    again = counted(many[-50:] + many, known=groups)
    assert sorted(told(again).items()) == sorted(told(groups).items())


def test_it_survives_its_file_and_what_is_no_such_file_is_none():
    groups = counted(KEYS, Grouping.described(FAMILIES, 1))
    assert KeyGroups.from_dict(json.loads(json.dumps(groups.to_dict()))) == groups
    for other in ({}, None, [], {"families": 1, "groups": [], "depth": 1}, {"families": [], "groups": [{"database": "x"}], "depth": 1}):
        assert KeyGroups.from_dict(other) is None


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (b"session:2", []),
        (b"session:", ["family 'sessions' of database 0 has 0 keys, expected 30 of which at most 11", "prefix 'session:' of database 0 has 0 keys"]),
        (b"rate:a:window", ["family 'windows'", "prefix 'rate:'"]),
        (b"plain", ["what has no prefix of database 0 has 0 keys, expected 1 of which at most 0"]),
        (b"\xffodd:1", ["prefix '\\\\xffodd:'"]),
    ],
)
def test_only_what_cannot_have_expired_is_missed(gone, said):
    expected = counted(KEYS, Grouping.described(FAMILIES, 1))
    left = counted([key for key in KEYS if not key.startswith(gone)], known=expected, expires=lambda key: False)
    missing = expected.missing_from(left)
    assert len(missing) == len(said) and all(sentence.startswith(start) for sentence, start in zip(missing, said)), missing


def test_more_than_expected_is_no_loss_and_is_shown_beside():
    expected = counted(KEYS)
    more = counted([*KEYS, b"session:new", b"anew:1"], known=expected)
    assert expected.missing_from(more) == []
    assert {"database": 0, "group": "prefix", "name": "session:", "count": 30, "expiring": 11, "restored": 31} in expected.rows_beside(more)
