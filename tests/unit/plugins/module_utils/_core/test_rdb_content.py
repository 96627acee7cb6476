"""What a snapshot holds against what a server has of it after loading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.rdb_content import Loaded, RdbContent, added_after_load, missing_after_load
from ansible_collections.runbook.compose.plugins.module_utils._core.rdb_errors import RdbInvalid

CONTENT = RdbContent({0: (100, 20), 3: (5, 0)}, 10, "7.0.15", True, ("bf",))


def test_a_manifest_gives_back_what_was_put_in():
    assert RdbContent.from_dict(CONTENT.to_dict()) == CONTENT
    assert CONTENT.keys == 105


@pytest.mark.parametrize(
    ("databases", "total", "missing", "added"),
    [
        ({0: 100, 3: 5}, 105, 0, 0),
        ({0: 80, 3: 5}, 105, 0, 0),  # everything that may expire has
        ({0: 79, 3: 5}, 105, 1, 0),
        ({0: 100, 3: 4}, 105, 1, 0),
        ({0: 100}, 100, 2, 0),
        ({0: 100, 3: 5}, 104, 1, 0),
        ({0: 100, 3: 5}, -1, 0, 0),  # a server that does not count
        ({}, 0, 3, 0),
        ({0: 101, 3: 5, 9: 1}, 105, 0, 2),
    ],
)
def test_fewer_keys_than_can_have_expired_are_missed(databases, total, missing, added):
    loaded = Loaded(databases, total)
    assert (len(missing_after_load(CONTENT, loaded)), len(added_after_load(CONTENT, loaded))) == (missing, added)


def test_a_server_is_read_by_what_it_says():
    info = {"rdb_last_load_keys_loaded": "90", "rdb_last_load_keys_expired": "10"}
    keyspace = {"db0": "keys=88,expires=3,avg_ttl=0", "db12": "keys=2,expires=0,avg_ttl=0", "odd": "keys=1", "db1": "nothing"}
    assert Loaded.from_info(info, keyspace) == Loaded({0: 88, 12: 2}, 100)
    assert Loaded.from_info({}, {}).total == -1


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner)))
def test_no_manifest_makes_it_fail_in_another_way(value):
    for content in (value, {"databases": value, "rdb_version": 10, "redis_version": "", "checksum": True, "modules": []}):
        try:
            assert RdbContent.from_dict(content).keys is not None
        except RdbInvalid:
            pass
