"""The traffic model: what ends when, by which clock, and what of it comes back from a record."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.edge_errors import EdgeStateDamaged
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_traffic import (
    Allowed,
    Attack,
    Backend,
    Maintenance,
    Pool,
    Traffic,
    ends_of,
    expired,
    iso,
    parse_traffic,
    with_present,
    without_expired,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.lease import Moment

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
HERE = Moment(NOW, 1000.0, "boot-1")
LATER = iso(NOW + timedelta(minutes=10))
ONE, TWO = Backend("a" * 64, "172.20.0.2", 3000, 3), Backend("b" * 64, "172.20.0.3", 3000)
FULL = Traffic(
    {"api": Pool((ONE, TWO), LATER, "rollout")},
    Maintenance(LATER, "ada", "Back soon", "a notice", False, False, iso(NOW)),
    Attack(5, 10, LATER),
    (Allowed("192.0.2.7", LATER), Allowed("198.51.100.0/24")),
)


def moved(seconds: float, wall: float | None = None, boot: str = "boot-1") -> Moment:
    """Later by the clock that nobody can set; ``wall`` is by how much the other one is."""
    return Moment(NOW + timedelta(seconds=seconds if wall is None else wall), 1000.0 + seconds, boot)


def test_a_record_comes_back_as_it_was():
    assert parse_traffic(FULL.to_dict()) == FULL and parse_traffic(Traffic().to_dict()) == Traffic()


@pytest.mark.parametrize("value", [None, [], {}, {"pools": {}}, {**FULL.to_dict(), "attack": {"speed": 1}}, {**FULL.to_dict(), "pools": {"api": {}}}])
def test_a_damaged_record_is_told(value):
    with pytest.raises(EdgeStateDamaged):
        parse_traffic(value)


def test_each_part_ends_at_its_time_and_what_has_none_stays():
    ends = ends_of(FULL, {}, HERE)
    assert set(ends) == {"pool:api", "maintenance", "attack", "allowed:192.0.2.7"}
    assert without_expired(FULL, ends, moved(599)) == FULL
    assert without_expired(FULL, ends, moved(600)) == Traffic(allowed=(Allowed("198.51.100.0/24"),))


def test_a_closed_edge_that_stays_is_ended_by_nobody_but_its_owner():
    stays = Traffic(maintenance=Maintenance(LATER, "window", stays=True))
    assert stays.ends() == {} and without_expired(stays, ends_of(stays, {}, HERE), moved(10**6)) == stays


@pytest.mark.parametrize(
    ("now", "over"), [(moved(601, wall=-3600), True), (moved(10, wall=3600), False), (moved(5, 601, "boot-2"), True), (moved(900, 5, "boot-2"), False)]
)
def test_within_one_boot_no_clock_that_is_set_ends_or_prolongs_anything(now, over):
    assert bool(expired(ends_of(FULL, {}, HERE), now)) is over


def test_a_known_end_counts_from_when_it_was_set_and_a_moved_one_from_now():
    ends = ends_of(FULL, {}, HERE)
    assert ends_of(FULL, ends, moved(300)) == ends
    longer = FULL.with_maintenance(Maintenance(iso(NOW + timedelta(hours=1))))
    assert ends_of(longer, ends, moved(300))["maintenance"].boottime == 1000.0 + 3600


def test_pools_follow_their_containers_and_rest_when_none_serves():
    drained = Traffic({"api": Pool((Backend(ONE.container_id, "172.20.0.2", 3000, 0), TWO))})
    followed = with_present(drained, {ONE.container_id: "172.20.0.9", TWO.container_id: "172.20.0.3"})
    assert [one.address for one in followed.pool("api").backends] == ["172.20.0.9", "172.20.0.3"]
    assert with_present(drained, {ONE.container_id: "172.20.0.9"}) == with_present(drained, {}) == Traffic()


def test_parts_change_one_by_one():
    assert FULL.at_rest("api").pools == {} and FULL.at_rest("api").maintenance == FULL.maintenance
    assert FULL.with_allowed(Allowed("192.0.2.7", "", "bob")).allowed == (Allowed("192.0.2.7", "", "bob"), Allowed("198.51.100.0/24"))
    assert FULL.with_pool("api", Pool()) == FULL.at_rest("api") and FULL.pool("web") == Pool()
    assert FULL.pool("api").serving == (ONE, TWO)
