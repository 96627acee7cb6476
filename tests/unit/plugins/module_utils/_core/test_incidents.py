"""What is open on a stack is told in words, and refused without a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.edge_traffic import Attack, Backend, Maintenance, Pool, Traffic
from ansible_collections.runbook.compose.plugins.module_utils._core.incidents import (
    IncidentOpen,
    Restore,
    of_edge,
    of_release,
    of_restores,
    of_rollouts,
    require_none,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import Release, ReleaseFile
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout import Rollout

SINCE = "2026-11-22T02:00:00Z"


def test_a_stack_at_rest_has_none():
    release = Release("0001", "v1", ReleaseFile("/srv/shop/.env", ""), verdict="verified")
    assert [*of_release(None), *of_release(release), *of_rollouts({}), *of_restores([]), *of_edge(Traffic(), [])] == []
    require_none("shop", [], "")


def test_each_is_told_with_what_it_is_about():
    release = Release("0002", "v2", ReleaseFile("/srv/shop/.env", ""), verdict="failed")
    assert list(of_release(release)) == ["release 0002 (v2) runs and was judged as failed"]
    assert list(of_release(replace(release, verdict_reason="slow")))[0].endswith("as failed: slow")
    (rollout,) = of_rollouts({"api": Rollout("api", "blue_green", "baking", ("a",), SINCE)})
    assert "blue_green rollout of api" in rollout and "baking" in rollout
    cut, damaged = of_restores([Restore("the restore 7 of shop of postgres", "swapping"), Restore("a restore of redis (restore-8.json)")])
    assert cut == "the restore 7 of shop of postgres was cut off when it was swapping" and "cannot be read" in damaged


def test_an_edge_that_is_steered_is_one_unless_a_rollout_does_it():
    pool = Pool((Backend("a" * 64, "172.20.0.2", 3000), Backend("b" * 64, "172.20.0.3", 3000, 0)), "", "bob")
    traffic = Traffic({"api": pool}, Maintenance(SINCE, "alice", since=SINCE), Attack(1, 2, since=SINCE))
    closed, limited, steered = of_edge(traffic, [])
    assert (closed, limited) == (f"the edge is closed by alice since {SINCE}", f"the edge limits clients because of an attack since {SINCE}")
    assert steered == "the edge is steered for api by bob, and bbbbbbbbbbbb gets no requests"
    assert len(list(of_edge(traffic, ["api"]))) == 2


def test_a_reason_lets_it_pass():
    with pytest.raises(IncidentOpen) as refused:
        require_none("shop", ["one", "two"], " ")
    assert "one; two" in str(refused.value) and refused.value.details["incidents"] == ["one", "two"]
    require_none("shop", ["one"], "it is what mends it")
