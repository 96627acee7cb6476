"""The last backup before rows were lost."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.backup_samples import described

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.row_history import (
    Moment,
    before_loss,
    history,
    losses,
    parse_rows_now,
    row_table,
)

NOON = datetime(2026, 11, 21, 12)


def backup(hours: int, state: str = "verified", partial: bool = False, **rows: int):
    content = {"tables": {f"public.{name}": {"rows": count, "checksum": ""} for name, count in rows.items()}}
    return described(NOON - timedelta(hours=hours), state, number=100 - hours, content=content, partial=partial)


def test_the_backup_before_the_newest_loss_is_found():
    backups = [backup(1, orders=0, users=9), backup(2, orders=1200, users=8), backup(3, orders=1100, users=7)]
    moments = history(backups, {}, NOON)
    assert before_loss(moments) == backups[1].id
    table = row_table(moments).splitlines()
    assert "public.orders 1200 -> 0" in table[1]
    assert table[2].split() == [backups[1].id, "verified", "2", "h", "1208"]


def test_the_live_database_is_compared_with_the_newest_backup_and_a_table_may_be_gone():
    moments = history([backup(1, orders=5, users=9)], {"public.users": 9}, NOON)
    assert (moments[0].backup, before_loss(moments)) == ("now", moments[1].backup)
    assert "public.orders 5 -> gone" in row_table(moments)


def test_where_rows_only_grow_nothing_is_suggested():
    moments = history([backup(1, orders=5), backup(2, orders=5), backup(3, orders=4)], {"public.orders": 6}, NOON)
    assert before_loss(moments) is None


def test_what_cannot_be_restored_is_not_suggested():
    assert before_loss(history([backup(1, orders=5, state="damaged")], {"public.orders": 1}, NOON)) is None


def test_parts_and_backups_of_no_database_are_left_out():
    assert history([backup(1, orders=5, partial=True), described(NOON - timedelta(hours=2))], {}, NOON) == []
    assert row_table([]) == "No backup tells how many rows it has."


def test_many_losses_are_counted_and_the_largest_come_first():
    before = backup(2, **{f"t{number}": number for number in range(1, 9)})
    told = row_table(history([backup(1, t1=1), before], {}, NOON))
    assert "public.t8 8 -> gone, public.t7 7 -> gone" in told and "and 2 more tables" in told


@pytest.mark.parametrize("value", [{"public.orders": "many"}, {"public.orders": None}])
def test_numbers_that_are_none_are_refused(value):
    with pytest.raises(BadInput):
        parse_rows_now(value)


COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), min_size=1)


@given(COUNTS, COUNTS)
def test_a_loss_is_what_there_was_more_of(before, after):
    found = {name for name, *unused in losses(Moment("b", "verified", "", before), Moment("a", "live", "", after))}
    assert found == {name for name in before if name not in after or before[name] > after[name]}
