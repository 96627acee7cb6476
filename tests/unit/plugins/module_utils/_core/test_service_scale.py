"""Which containers leave, what the edge does meanwhile, and who has to have answered."""

from __future__ import annotations

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core.container import Container
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_traffic import Backend, Pool
from ansible_collections.runbook.compose.plugins.module_utils._core.service_scale import (
    OWNER,
    PoolPinned,
    ReplicaNotReached,
    counted,
    refuse_pinned,
    require_all,
    split,
    without_leaving,
)

ONE, TWO, TEN = (Container(id=f"id{number}", name=f"shop-api-{number}", service="api", number=number) for number in (1, 2, 10))


def test_the_newest_leave():
    scaling = split([TEN, ONE, TWO], 2)
    assert (scaling.staying, scaling.leaving) == ((ONE, TWO), (TEN,))
    assert split([ONE], 3).leaving == ()
    assert split([ONE, TWO], 0).leaving == (ONE, TWO)


def test_who_leaves_gets_nothing_new_and_who_has_no_address_is_left_out():
    pool = without_leaving(split([ONE, TWO, TEN], 2), 3000, {"id1": "10.0.0.1", "id10": "10.0.0.3"}, "2026-11-22T08:00:00Z")
    assert pool == Pool((Backend("id1", "10.0.0.1", 3000), Backend("id10", "10.0.0.3", 3000, 0)), "2026-11-22T08:00:00Z", OWNER)


def test_a_pool_that_somebody_else_chose_is_left_alone():
    chosen = Pool((Backend("id1", "10.0.0.1", 3000),), "2026-11-22T08:00:00Z", "service_rollout")
    with pytest.raises(PoolPinned, match="service_rollout chose, until 2026-11-22T08:00:00Z"):
        refuse_pinned("api", chosen)
    with pytest.raises(PoolPinned, match="somebody chose"):
        refuse_pinned("api", Pool(chosen.backends))
    refuse_pinned("api", Pool(chosen.backends, "", OWNER))
    refuse_pinned("api", Pool())


def test_every_container_has_to_have_answered():
    counts = counted({"id2": "shop-api-2", "id1": "shop-api-1"}, ["id1", "", "id1", "other"])
    assert counts == {"shop-api-1": 2, "shop-api-2": 0}
    with pytest.raises(ReplicaNotReached, match="shop-api-2 answered none of 2 requests") as told:
        require_all("api", counts, "X-Served-By")
    assert told.value.details["answered"] == counts
    require_all("api", {"shop-api-1": 1}, "X-Served-By")
