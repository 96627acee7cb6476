"""Which tables and indexes are maintained, decided without a server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, ConfirmationMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_maintenance import (
    NotEnoughSpace,
    Request,
    SystemCatalog,
    Thresholds,
    check_request,
    require_space,
    select_indexes,
    select_tables,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_relations import Index, Table

MB = 1024 * 1024
TABLE = Table(1, "public", "orders", 100 * MB, live_rows=9000, dead_rows=1000, heap_bytes=80 * MB, row_bytes=100.0)
INDEX = Index(2, "public", "orders_pkey", 10 * MB, table="public.orders", entries=100000, entry_bytes=8.0)


def work(tables: list, task: str = "vacuum", names: tuple = (), **limits) -> list[tuple[str, str]]:
    selection = select_tables(tables, Request(task, names, thresholds=Thresholds(**limits)))
    return [(item.relation.full_name, item.detail) for item in selection.items]


def rebuilt(there: list, **options) -> list[tuple[str, str]]:
    limits = Thresholds(**options.pop("limits", {}))
    return [(item.action, item.relation.name) for item in select_indexes(there, Request("reindex", thresholds=limits, **options)).items]


def test_a_table_is_vacuumed_when_both_thresholds_are_reached():
    assert work([TABLE]) == [("public.orders", "1000 dead rows, 10%")]
    assert work([replace(TABLE, dead_rows=999)]) == []
    assert work([replace(TABLE, live_rows=9100)]) == []
    assert work([TABLE], min_size_bytes=100 * MB + 1) == []


def test_with_thresholds_of_zero_only_what_has_nothing_to_do_is_left_out():
    zero = {"min_dead_rows": 0, "min_dead_ratio": 0.0}
    assert work([replace(TABLE, dead_rows=1)], **zero) == [("public.orders", "1 dead rows, 0%")]
    assert work([replace(TABLE, dead_rows=0, inserted_rows=5)], **zero) != []
    assert work([replace(TABLE, dead_rows=0)], **zero) == []


def test_analyze_counts_changed_rows_and_takes_what_never_was():
    assert work([replace(TABLE, modified_rows=1000)], "analyze") == [("public.orders", "1000 changed rows, 11%")]
    assert work([TABLE], "analyze") == []
    assert work([replace(TABLE, analyzed=False)], "analyze") == [("public.orders", "never analyzed")]
    assert work([replace(TABLE, analyzed=False, size_bytes=0)], "analyze") == []


def test_the_most_urgent_comes_first_and_catalogs_only_when_named():
    worse, catalog = replace(TABLE, name="worse", dead_rows=5000), replace(TABLE, schema="pg_catalog", name="pg_class")
    assert [name for name, detail in work([TABLE, worse, catalog])] == ["public.worse", "public.orders"]
    assert [name for name, detail in work([TABLE, catalog], names=("pg_catalog.pg_class",))] == ["pg_catalog.pg_class"]


def test_a_partitioned_table_stands_for_its_partitions():
    parts = [replace(TABLE, name=f"part{number}", partition_of=("public.events", "public.all")) for number in (1, 2)]
    assert len(work([TABLE, *parts], names=("public.events",))) == 2
    assert len(work([TABLE, *parts], names=("public.part1",))) == 1


def test_what_is_left_out_is_named_when_it_matters():
    tables = [replace(TABLE, name="busy", busy=True), replace(TABLE, name="held", size_bytes=None), replace(TABLE, name="clean", dead_rows=0)]
    everything = select_tables(tables, Request("vacuum"))
    assert set(everything.skipped) == {("public.busy", "busy"), ("public.held", "locked")}
    assert everything.below == 1
    assert select_tables(tables, Request("vacuum", ("public.clean",))).skipped == (("public.clean", "below_threshold"),)


def test_a_table_is_written_anew_when_much_of_it_is_empty():
    # 10,000 rows of 104 + 28 bytes are 162 pages, 1.3 MB of the 80.
    assert work([TABLE], "vacuum_full", ("public.orders",)) == [("public.orders", "about 99% bloat")]
    assert work([replace(TABLE, heap_bytes=MB)], "vacuum_full", ("public.orders",)) == []
    unknown = replace(TABLE, row_bytes=None)
    assert select_tables([unknown], Request("vacuum_full", ("public.orders",))).skipped == (("public.orders", "unknown_bloat"),)
    assert work([unknown], "vacuum_full", ("public.orders",), min_bloat_ratio=0.0) == [("public.orders", "unknown bloat")]


def test_leftovers_are_dropped_first_then_invalid_indexes_are_rebuilt():
    leftover = [replace(INDEX, name=name, valid=False) for name in ("orders_pkey_ccnew", "x_ccold12")]
    broken = replace(INDEX, name="orders_date", valid=False, size_bytes=8192)
    assert rebuilt([INDEX, broken, *leftover]) == [
        ("drop_leftover", "orders_pkey_ccnew"), ("drop_leftover", "x_ccold12"), ("reindex", "orders_date"), ("reindex", "orders_pkey"),
    ]  # fmt: skip
    valid = replace(INDEX, name="somebodys_ccnew", size_bytes=8192)
    assert rebuilt([valid]) == []


def test_an_index_is_rebuilt_for_its_bloat_and_size():
    # 100,000 entries of 16 + 4 bytes fill 273 pages at 90 %: 2.1 MB of the 10.
    assert INDEX.bloat_ratio == pytest.approx(0.786, abs=0.001)
    assert rebuilt([INDEX]) == [("reindex", "orders_pkey")]
    assert rebuilt([INDEX], limits={"min_bloat_ratio": 0.8}) == []
    assert rebuilt([INDEX], limits={"min_size_bytes": 11 * MB}) == []
    unknown = replace(INDEX, entry_bytes=None)
    assert (rebuilt([unknown]), rebuilt([unknown], limits={"min_bloat_ratio": 0.0})) == ([], [("reindex", "orders_pkey")])
    assert select_indexes([replace(INDEX, exclusion=True)], Request("reindex")).skipped == (("public.orders_pkey", "exclusion_constraint"),)


def test_indexes_are_named_themselves_or_by_their_table():
    other = replace(INDEX, name="other", table="public.other")
    assert rebuilt([INDEX, other], tables=("public.orders",)) == [("reindex", "orders_pkey")]
    assert rebuilt([INDEX, other], indexes=("public.other",)) == [("reindex", "other")]
    left = replace(INDEX, name="x_ccnew", valid=False)
    assert rebuilt([INDEX, other, left], indexes=("public.orders_pkey",)) == [("drop_leftover", "x_ccnew"), ("reindex", "orders_pkey")]
    assert rebuilt([INDEX, other, left], indexes=("public.other",)) == [("reindex", "other")]
    with pytest.raises(BadInput):
        rebuilt([INDEX], indexes=("public.absent",))
    with pytest.raises(BadInput):
        work([TABLE], names=("public.absent",))


@pytest.mark.parametrize(
    ("request_", "confirm", "error"),
    [
        (Request("vacuum", ("orders",)), "", BadInput),
        (Request("vacuum", indexes=("public.a",)), "", BadInput),
        (Request("vacuum_full"), "shop", BadInput),
        (Request("vacuum_full", ("public.orders",)), "", ConfirmationMissing),
        (Request("vacuum_full", ("public.orders",)), "true", ConfirmationMissing),
        (Request("vacuum_full", ("pg_catalog.pg_class",)), "shop", SystemCatalog),
        (Request("reindex", indexes=("pg_catalog.pg_class_oid_index",)), "", SystemCatalog),
    ],
)
def test_requests_that_are_wrong_or_unconfirmed_are_refused(request_, confirm, error):
    with pytest.raises(error) as refused:
        check_request(request_, confirm, "shop")
    assert refused.value.reason == error.reason


def test_a_copy_needs_twice_its_room():
    require_space(TABLE, 200 * MB)
    with pytest.raises(NotEnoughSpace) as refused:
        require_space(TABLE, 200 * MB - 1)
    assert refused.value.details["needed_bytes"] == 200 * MB


def test_the_plan_says_why():
    plan = select_tables([TABLE], Request("vacuum")).to_plan()
    assert plan.before == {"maintenance": ["public.orders: vacuum (1000 dead rows, 10%)"]}
    assert plan.facts["maintained"] == plan.facts["remaining"] == []
