"""Whether a replica may become the primary, decided without servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_failover import (
    Limits,
    Primary,
    Replica,
    fork_of,
    lag_of,
    parse_control,
    plan_failover,
    recovery_of_the_old,
    stopped_end,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_failover_errors import (
    LossUnknown,
    ReplicaBehind,
    ReplicaUnfit,
    TwoPrimaries,
)

LIMITS = Limits(max_lag_bytes=100, max_lag_seconds=30)
RUNNING = Primary("postgres", "running", "always", False, False, "7", 1000, ("10.0.0.3",))
STOPPED = Primary("postgres", "exited", "no", False, None, "7", 1000)
MARKED = replace(STOPPED, marked=True)
REPLICA = Replica("replica", True, "7", 1, received=1000, replayed=1000, replay_age=900.0, addresses=("10.0.0.3",))
PROMOTED = replace(REPLICA, in_recovery=False, timeline=2, replay_age=None)


def steps(primary: Primary, replica: Replica, limits: Limits = LIMITS) -> list[str]:
    return [step.action for step in plan_failover(primary, replica, limits).steps]


def test_a_running_primary_is_stopped_first():
    plan = plan_failover(RUNNING, REPLICA, LIMITS)
    assert [(step.action, step.target) for step in plan.steps] == [("fence", "postgres"), ("promote", "replica")]
    assert (plan.before, plan.after) == ({"postgres": "running", "replica": "replica"}, {"postgres": "exited", "replica": "primary"})
    assert (plan.facts["promoted"], plan.facts["lag_bytes"], plan.facts["lost_bytes"], plan.facts["lag_seconds"]) == (False, 0, 0, 0.0)


@pytest.mark.parametrize("primary", [STOPPED, replace(MARKED, restart_policy="unless-stopped")])
def test_a_stopped_primary_that_could_come_back_is_fenced(primary):
    assert steps(primary, REPLICA) == ["fence", "promote"]
    assert steps(primary, PROMOTED) == ["fence"]


@pytest.mark.parametrize("primary", [MARKED, replace(MARKED, container_state="running", in_recovery=True), replace(MARKED, end=None)])
def test_a_failover_that_is_done_stays(primary):
    plan = plan_failover(primary, PROMOTED, LIMITS)
    assert (plan.changed, plan.facts["promoted"], plan.facts["primary"]) == (False, True, "replica")


@pytest.mark.parametrize(
    ("primary", "replica", "error"),
    [
        (RUNNING, replace(REPLICA, system_identifier="8"), ReplicaUnfit),
        (RUNNING, replace(PROMOTED, system_identifier="8"), ReplicaUnfit),
        (RUNNING, replace(REPLICA, addresses=("10.0.0.4",)), ReplicaUnfit),
        (RUNNING, replace(REPLICA, synchronous_standby_names="*"), ReplicaUnfit),
        (RUNNING, replace(REPLICA, default_read_only=True), ReplicaUnfit),
        (RUNNING, replace(REPLICA, may_promote=False), ReplicaUnfit),
        (replace(RUNNING, in_recovery=True, end=None), REPLICA, ReplicaUnfit),
        (MARKED, replace(PROMOTED, timeline=1), ReplicaUnfit),
        (RUNNING, PROMOTED, TwoPrimaries),
        (RUNNING, replace(REPLICA, replayed=899), ReplicaBehind),
        (RUNNING, replace(REPLICA, replayed=999, replay_age=31.0), ReplicaBehind),
        (replace(STOPPED, end=None), REPLICA, LossUnknown),
        (replace(RUNNING, in_recovery=None, end=None, system_identifier=""), REPLICA, LossUnknown),
        (Primary("postgres", "absent"), REPLICA, LossUnknown),
        # It was promoted by somebody else, and the primary went on: what it wrote since then is not there.
        (STOPPED, replace(PROMOTED, received=800, replayed=800), ReplicaBehind),
        (replace(STOPPED, end=None), PROMOTED, LossUnknown),
    ],
)
def test_the_gate_is_closed(primary, replica, error):
    with pytest.raises(error):
        plan_failover(primary, replica, LIMITS)


def test_an_unknown_loss_is_said_when_it_is_accepted():
    plan = plan_failover(replace(STOPPED, end=None), REPLICA, replace(LIMITS, unknown_loss="accept"))
    assert (plan.changed, plan.facts["lag_bytes"], plan.facts["lost_bytes"], plan.facts["lag_seconds"]) == (True, None, None, 900.0)


def test_only_what_was_not_received_is_lost():
    lag = lag_of(STOPPED, replace(REPLICA, received=990, replayed=950))
    assert (lag.bytes, lag.missing, lag.seconds) == (50, 10, 900.0)
    # After a restart without its primary, a replica tells only what it replayed.
    assert lag_of(STOPPED, replace(REPLICA, received=0)).missing == 0


def test_the_end_of_a_log_is_known_only_after_a_clean_stop():
    text = "pg_control version number:            1300\nDatabase cluster state:               {}\nLatest checkpoint location:           0/3000028\n"
    assert stopped_end(parse_control(text.format("shut down"))) == 0x3000028
    assert stopped_end(parse_control(text.format("in production"))) is None
    assert stopped_end({}) is None


def test_where_a_timeline_left_the_one_before():
    assert fork_of("1\t0/3000100\tno recovery target specified\n\n2\t0/5000028\tno recovery target specified\n") == 0x5000028
    assert (fork_of(None), fork_of("")) == (0, 0)


@pytest.mark.parametrize(("lost", "word"), [(0, "may follow"), (10, "pg_rewind"), (None, "pg_rewind")])
def test_how_the_old_primary_comes_back(lost, word):
    assert word in recovery_of_the_old("postgres", "replica", lost)
