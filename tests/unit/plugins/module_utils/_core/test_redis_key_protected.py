"""Protected keys that expire are no loss; more that are gone is one."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_key_protected import Once, ProtectedLost, protected_rows, require_protected


def test_each_prefix_is_told_before_and_after():
    rows = protected_rows({b"session:": 3, b"odd\xff": 1}, {b"session:": 4})
    assert rows == [{"prefix": "odd\\xff", "before": 1, "after": 0}, {"prefix": "session:", "before": 3, "after": 4}]
    assert protected_rows({b"session:": 3}, None) == [{"prefix": "session:", "before": 3, "after": None}]


@pytest.mark.parametrize(
    ("before", "after", "expired", "lost"),
    [
        (3, 3, 0, False),
        (3, 9, 0, False),
        (3, 2, 1, False),
        (3, 2, 0, True),
        (3, 1, 1, True),
        (1000, 990, 0, False),  # people log out
        (1000, 989, 0, True),
        (1000, 0, 0, True),
    ],
)
def test_fewer_than_can_have_expired_is_a_loss(before, after, expired, lost):
    rows = protected_rows({b"session:": before}, {b"session:": after})
    if not lost:
        require_protected(rows, expired)
        return
    with pytest.raises(ProtectedLost, match=rf"session: {before} -> {after}; {expired} keys expired"):
        require_protected(rows, expired)


def test_new_keys_below_one_prefix_do_not_hide_the_loss_of_another():
    rows = protected_rows({b"lockout:": 5, b"session:": 5}, {b"lockout:": 0, b"session:": 50})
    with pytest.raises(ProtectedLost):
        require_protected(rows, 0)


def test_a_name_that_is_shown_twice_counts_once():
    once = Once()
    assert once.new([b"a", b"b", b"a"]) == [b"a", b"b"]
    assert once.new([b"b", b"c"]) == [b"c"]
    few = Once(most=2)
    assert few.new([b"a", b"b", b"c"]) == [b"a", b"b", b"c"]
    assert few.new([b"a", b"c"]) == [b"c"]  # more are not kept
