from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.json_subset import MISSING, Mismatch, find, mismatches

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=15)
objects = st.dictionaries(st.text(), documents, max_size=5)


@given(documents)
def test_every_document_holds_itself(document):
    assert mismatches(document, json.loads(json.dumps(document))) == []


@given(objects, st.text(), documents)
def test_what_the_answer_holds_besides_does_not_matter(expected, key, value):
    assert mismatches(expected, {key: value, **expected}) == []


@given(st.lists(documents, max_size=4), documents)
def test_a_list_holds_its_items_in_any_order_and_among_others(items, other):
    assert mismatches(items, [other, *reversed(items)]) == []


@given(objects.filter(bool), st.data())
def test_a_missing_key_is_told_by_its_path(expected, data):
    key = data.draw(st.sampled_from(sorted(expected)))
    answer = {name: value for name, value in expected.items() if name != key}
    if find(answer, key) is MISSING:
        assert [found.path for found in mismatches(expected, answer) if found.actual is MISSING] == [key]


@pytest.mark.parametrize(
    ("expected", "actual"),
    [({"a": 1}, {"a": True}), ({"a": 1}, {"a": "1"}), (None, False), ([1], 1), ({"a": {}}, {"a": []}), ([{"a": 1}], [{"a": 2}]), ([], {})],
)
def test_other_types_and_values_are_not_held(expected, actual):
    assert mismatches(expected, actual)


def test_dotted_keys_reach_into_nested_dicts():
    answer = {"checks": {"redis": {"status": "ok"}}, "a.b": 1}
    assert mismatches({"checks.redis.status": "ok", "checks": {"redis.status": "ok"}, "a.b": 1}, answer) == []
    assert mismatches({"checks.redis.status": "up"}, answer) == [Mismatch("checks.redis.status", "up", "ok")]
    assert mismatches({"checks": {"postgres": "ok"}}, answer) == [Mismatch("checks.postgres", "ok", MISSING)]
