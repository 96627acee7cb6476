"""Numbers of a report that are worked out: thresholds, bloat, progress, changes between two looks."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_bloat import wasted_bytes, with_estimate
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_change import change_between
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_progress import progress_of
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_report_values import hidden_setting, hit_percent, ratio_percent, wraparound_percent
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_thresholds import DEFAULTS, parse_thresholds

HEAP = {"schema": "public", "name": "t", "row_estimate": 1000.0, "row_bytes": 72.0, "columns": 3, "fill_factor": 100, "heap_bytes": 819_200, "live_rows": 1000,
        "dead_rows": 1000}  # fmt: skip


def test_thresholds_replace_defaults():
    assert parse_thresholds({}) == DEFAULTS
    assert parse_thresholds({"dead_rows": "5"})["dead_rows"] == 5.0


@pytest.mark.parametrize("given", [{"dead": 1}, {"dead_rows": "many"}, {"dead_rows": -1}, {"dead_rows": True}, {"dead_rows": None}, {"dead_rows": "nan"}])
def test_thresholds_that_mean_nothing_are_refused(given):
    with pytest.raises(BadInput):
        parse_thresholds(given)


def test_bloat_is_what_fresh_pages_would_not_need():
    # 24 of header, 72 of data and 4 of pointer: 81 rows a page, 13 pages.
    assert wasted_bytes(HEAP) == 819_200 - 13 * 8192
    assert wasted_bytes({**HEAP, "fill_factor": 50}) == 819_200 - 25 * 8192
    assert wasted_bytes({**HEAP, "heap_bytes": 8192}) == 0
    assert wasted_bytes({**HEAP, "row_bytes": 20_000.0, "heap_bytes": 9_000 * 8192}) == 8000 * 8192
    assert [wasted_bytes({**HEAP, name: value}) for name, value in (("row_bytes", None), ("heap_bytes", None), ("row_estimate", -1))] == [None] * 3


def test_a_row_of_bloat_has_ratios_and_nothing_internal():
    row = with_estimate(HEAP)
    assert (row["dead_percent"], row["wasted_percent"], "row_bytes" in row) == (50.0, 87.0, False)
    assert with_estimate({**HEAP, "live_rows": 0, "dead_rows": 0})["dead_percent"] is None


@pytest.mark.parametrize(
    ("operation", "told", "expected"),
    [
        ("vacuum", {"phase": "scanning heap", "heap_blks_scanned": 5, "heap_blks_total": 20, "heap_blks_vacuumed": 0}, ("vacuum", 5, 20, 25.0)),
        ("vacuum", {"phase": "vacuuming heap", "heap_blks_scanned": 20, "heap_blks_total": 20, "heap_blks_vacuumed": 10}, ("vacuum", 10, 20, 50.0)),
        ("create_index", {"command": "REINDEX CONCURRENTLY", "blocks_done": 1, "blocks_total": 4}, ("reindex_concurrently", 1, 4, 25.0)),
        ("create_index", {"command": "CREATE INDEX", "blocks_total": 0, "tuples_done": 3, "tuples_total": 4}, ("create_index", 3, 4, 75.0)),
        ("copy", {"command": "COPY FROM", "bytes_processed": 9, "bytes_total": 0}, ("copy_from", 9, None, None)),
        ("basebackup", {"phase": "streaming", "backup_streamed": 9, "backup_total": None}, ("basebackup", 9, None, None)),
        ("cluster", {"command": "VACUUM FULL", "heap_blks_scanned": 1, "heap_blks_total": 2}, ("vacuum_full", 1, 2, 50.0)),
        ("analyze", {"sample_blks_scanned": 1, "sample_blks_total": 2}, ("analyze", 1, 2, 50.0)),
    ],
)
def test_progress_is_told_in_the_same_words_for_all(operation, told, expected):
    row = progress_of({"operation": operation, "told": {"pid": 1, **told}, "database": "shop", "relation": None, "seconds": 1.0})
    assert (row["operation"], row["done"], row["whole"], row["percent"]) == expected
    assert row["relation"] == ""


def look(moment: float, since: str = "", **counts: int) -> dict:
    names = ("commits", "rollbacks", "rows_scanned", "rows_fetched", "rows_inserted", "rows_updated", "rows_deleted", "temp_bytes", "deadlocks", "blocks_hit", "blocks_read")
    tables = {7: {"schema": "public", "name": "t", "inserts": counts.get("inserts", 0), "updates": 0, "deletes": 0, "sequential_scans": 0,
                  "rows_read_sequentially": 0, "index_scans": 0}}  # fmt: skip
    return {"database": {"moment": moment, "statistics_since": since, "log_bytes": counts.get("log_bytes"), **{name: counts.get(name, 0) for name in names}}, "tables": tables}


def test_change_is_a_second_and_of_tables_with_work_only():
    change = change_between(look(10.0, commits=5), look(14.0, commits=25, blocks_hit=3, blocks_read=1, inserts=6), 20)
    assert (change["valid"], change["seconds"], change["hit_percent"]) == (True, 4.0, 75.0)
    assert (change["rates"]["commits_per_second"], change["rates"]["log_bytes_per_second"]) == (5.0, None)
    assert [(table["name"], table["inserts"]) for table in change["tables"]] == [("t", 6)]
    assert change_between(look(1.0), look(2.0), 20)["tables"] == []


@pytest.mark.parametrize("second", [look(14.0, since="2026"), look(14.0, commits=4), look(10.0, commits=5)])
def test_counters_that_were_reset_tell_nothing(second):
    change = change_between(look(10.0, commits=5), second, 20)
    assert (change["valid"], change["rates"], change["tables"]) == (False, {}, [])


def test_ratios():
    assert (hit_percent(9_999, 0), hit_percent(9_900, 100)) == (None, 99.0)
    assert (ratio_percent(1, 0), ratio_percent(None, 1), ratio_percent(1, 3)) == (None, None, 33.3)
    assert wraparound_percent(2**30, 5) == 50.0


def test_settings_that_may_hold_secrets_are_hidden():
    assert hidden_setting("archive_command", "curl -u me:pw x") == hidden_setting("primary_conninfo", "password=x") == "********"
    assert hidden_setting("app.api_key", "x") == "********"
    assert (hidden_setting("archive_command", ""), hidden_setting("password_encryption", "scram-sha-256")) == ("", "scram-sha-256")
    assert hidden_setting("app.url", "redis://u:secret@h") == "redis://u:********@h"
