"""The ledger as rows: what is live, what to go back to, and what each release was made of."""

from __future__ import annotations

from dataclasses import replace

from tests.support.release_samples import draft, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import ReleaseImage
from ansible_collections.runbook.compose.plugins.module_utils._core.release_history import history_table, migration_level, release_history


def test_the_current_the_staged_and_the_last_known_good_release_are_told():
    ledger = live_history("v1", "v2")
    ledger = replace(ledger.with_new(draft("v3", image="sha256:33")), staged="")
    rows = release_history(ledger, tuple(reversed(ledger.releases)))
    assert [(row["version"], row["place"]) for row in rows] == [("v3", ""), ("v2", "current"), ("v1", "last_known_good")]
    interrupted = replace(ledger, staged="0003")
    assert [row["place"] for row in release_history(interrupted, interrupted.releases)] == ["", "current", "staged"]


def test_digests_are_those_of_the_registry_where_there_is_one():
    images = {"api": ReleaseImage("shop:v1", "sha256:aaaa", "registry/shop@sha256:bbbb"), "edge": ReleaseImage("nginx:1", "sha256:cccc")}
    ledger = ledger_of(draft(images=images, created_by="ada", git_revision="4f1c2ab" * 5))
    row = release_history(ledger, ledger.releases)[0]
    assert row["digests"] == {"api": "registry/shop@sha256:bbbb", "edge": "sha256:cccc"}
    assert (row["by"], row["live_since"], row["times_live"], row["place"]) == ("ada", "", 0, "")
    assert "api=bbbb, edge=cccc" in history_table([row]) and "4f1c2ab4f1 " in history_table([row])


def test_the_level_is_the_last_migration_applied():
    applied = [{"version": "002", "name": "status", "kind": "additive"}, {"version": "003", "name": "channel", "kind": "additive"}]
    assert migration_level({"applied": applied, "pending": []}) == "003 channel"
    assert migration_level({"applied": [{"version": "7"}]}) == "7"
    assert migration_level({}) == migration_level(None) == ""


def test_an_empty_ledger_gives_only_the_heading():
    assert history_table([]).split() == ["id", "version", "verdict", "live", "since", "how", "by", "digests", "git", "schema", "settings"]
