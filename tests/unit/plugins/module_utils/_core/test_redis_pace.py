"""How large the next batch is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_pace import TARGET_SECONDS, Pace


def test_it_shrinks_at_once_and_grows_slowly():
    pace = Pace()
    pace.took(10 * TARGET_SECONDS)
    assert pace.size == 100
    pace.took(TARGET_SECONDS / 100)
    assert pace.size == 151
    assert (pace.batches, pace.largest) == (2, 1000)


def test_what_fits_stays():
    pace = Pace()
    pace.took(TARGET_SECONDS * 0.9)
    assert pace.size == 1000


def test_a_steady_server_is_asked_for_what_it_can_do_in_time():
    pace = Pace()
    for unused in range(30):
        pace.took(pace.size * 2e-6)
    assert 1900 <= pace.size <= 2600


@given(st.lists(st.floats(min_value=0, max_value=60), max_size=40))
def test_it_stays_within_its_bounds(times):
    pace = Pace()
    for seconds in times:
        pace.took(seconds)
        assert 10 <= pace.size <= 5000
