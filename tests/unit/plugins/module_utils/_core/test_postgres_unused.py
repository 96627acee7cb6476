"""How certain it is that nobody uses an index."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_unused import Evidence, drop_statement, unused_report

SURE = Evidence(since="2026-01-01T00:00:00Z", age_seconds=30 * 86_400.0, since_reset=True, in_recovery=False, counting=True, replicas=0)
ROW = {"schema": "public", "table": "t", "name": "i", "method": "btree", "size_bytes": 1, "partitions": 0, "definition": "CREATE INDEX i",
       "clustered": False, "expression": False, "foreign_keys": []}  # fmt: skip


def test_old_counts_of_a_lone_server_are_certain():
    report = unused_report([ROW], SURE, 14)
    assert (report["certainty"], report["doubts"], report["counted_since"]) == ("high", [], SURE.since)
    index = report["indexes"][0]
    assert (index["certainty"], index["cautions"], index["drop_statement"]) == ("high", [], 'DROP INDEX CONCURRENTLY "public"."i";')
    assert "foreign_keys" not in index


@pytest.mark.parametrize(
    ("change", "word"),
    [({"age_seconds": 13.9 * 86_400}, "13.9 days"), ({"age_seconds": None}, "0.0 days"), ({"replicas": 2}, "2 replicas"), ({"in_recovery": True}, "is a replica"),
     ({"counting": False}, "track_counts")],
)  # fmt: skip
def test_every_doubt_makes_all_of_it_uncertain(change, word):
    report = unused_report([ROW], dataclasses.replace(SURE, **change), 14)
    assert (report["certainty"], report["indexes"][0]["certainty"], len(report["doubts"])) == ("low", "low", 1)
    assert word in report["doubts"][0]


@pytest.mark.parametrize(
    ("change", "word"), [({"foreign_keys": ["a_fkey"]}, "a_fkey"), ({"expression": True}, "expression"), ({"clustered": True}, "CLUSTER"), ({"partitions": 3}, "partitioned")]
)
def test_a_caution_is_about_one_index(change, word):
    first, second = unused_report([{**ROW, **change}, ROW], SURE, 14)["indexes"]
    assert (first["certainty"], second["certainty"]) == ("medium", "high")
    assert word in first["cautions"][0]


def test_names_are_quoted_and_partitioned_ones_not_dropped_concurrently():
    assert drop_statement('a"b', "C d", False) == 'DROP INDEX CONCURRENTLY "a""b"."C d";'
    assert drop_statement("a", "b", True) == 'DROP INDEX "a"."b";'
