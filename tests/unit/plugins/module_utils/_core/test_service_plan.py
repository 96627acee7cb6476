"""Every state against every situation a service can be found in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.service_samples import IMAGES, IN_ORDER, MODEL, container, instead, observed, settled, with_service

from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import ComposeModel
from ansible_collections.runbook.compose.plugins.module_utils._core.plan import Step
from ansible_collections.runbook.compose.plugins.module_utils._core.service_drift import Observed
from ansible_collections.runbook.compose.plugins.module_utils._core.service_plan import (
    CannotScale,
    ConfigurationPending,
    ImageMissing,
    Wanted,
    is_healthy,
    plan_services,
)

ALL = MODEL.names


def steps(seen, state, services=ALL, **more) -> list[tuple[str, str]]:
    plan, work = plan_services(seen, Wanted(state, tuple(services), **more))
    assert [step.target for step in plan.steps] == [item.service for item in work]
    return [(step.action, step.target) for step in plan.steps]


def test_nothing_there_is_created_in_the_order_of_dependencies():
    assert steps(observed(), "started") == [("create", name) for name in IN_ORDER]


def test_a_settled_stack_is_left_alone():
    plan, work = plan_services(observed(*settled()), Wanted("started", ALL))
    assert (plan.changed, work, plan.before) == (False, (), plan.after)


@pytest.mark.parametrize(
    ("containers", "step"),
    [
        ([container("app", 1), container("app", 2, config_hash="older")], Step("recreate", "app", "configuration changed")),
        ([container("app", 1, image_id="sha256:old"), container("app", 2)], Step("recreate", "app", "image changed")),
        ([container("app", 1, image_id="sha256:old", config_hash="older")], Step("recreate", "app", "configuration and image changed")),
        ([container("app", 1)], Step("scale", "app", "1 to 2")),
        ([container("app", 1), container("app", 2, state="exited", exit_code=0)], Step("start", "app", "not running")),
        ([container("app", 1), container("app", 2, state="created")], Step("start", "app", "not running")),
        ([container("app", 1), container("app", 2, state="paused")], Step("start", "app", "not running")),
        ([], Step("create", "app", "missing")),
    ],
)
def test_only_what_differs_is_touched(containers, step):
    plan, _work = plan_services(observed(*instead("app", *containers)), Wanted("started", ALL))
    assert plan.steps == (step,)
    assert plan.after["store"] == plan.before["store"]
    assert plan.after["app"] == {"state": "running", "containers": 2, "image": "b" * 12, "configuration": "hash-app"}


def test_containers_that_somebody_scaled_up_stay_and_are_recreated_all():
    three = [container("app", number, config_hash="older") for number in (1, 2, 3)]
    _plan, work = plan_services(observed(*instead("app", *three)), Wanted("started", ("app",)))
    assert [(item.action, item.replicas, item.replaces) for item in work] == [("recreate", 3, "changed")]
    assert steps(observed(*instead("app", *[container("app", number) for number in (1, 2, 3)])), "started") == []


def test_a_one_shot_that_ended_well_is_done_and_one_that_failed_is_started_again():
    assert steps(observed(*settled()), "started", ["migrate"]) == []
    assert steps(observed(*instead("migrate", container("migrate", exit_code=1))), "started") == [("start", "migrate")]


def test_a_service_that_the_files_scale_to_nothing_is_not_created():
    model = with_service("app", replicas=0)
    assert steps(observed(model=model), "started", ["app"]) == steps(observed(model=model), "recreated", ["app"]) == []


def test_an_image_that_is_not_there_is_refused_only_where_a_container_would_be_made():
    gone = {**IMAGES, "app:v1": None}
    assert steps(observed(*settled(), images=gone), "started") == []
    with pytest.raises(ImageMissing) as caught:
        steps(observed(*instead("app"), images=gone), "started")
    assert caught.value.details == {"images": ["app:v1"]}


def test_stop_and_removal_go_the_other_way():
    assert steps(observed(*settled()), "stopped") == [("stop", "edge"), ("stop", "app"), ("stop", "store")]
    assert steps(observed(*settled()), "absent") == [("remove", name) for name in reversed(IN_ORDER)]


def test_recreated_takes_all_chosen_whatever_they_are():
    seen = observed(*instead("app", container("app", 1, state="exited"), container("app", 2)))
    plan, work = plan_services(seen, Wanted("recreated", ("app", "store")))
    assert [(item.action, item.service, item.replaces) for item in work] == [("recreate", "store", "all"), ("recreate", "app", "all")]


def test_a_restart_leaves_one_shots_alone_and_applies_waiting_edits():
    assert steps(observed(*settled()), "restarted") == [("restart", "store"), ("restart", "app"), ("restart", "edge")]
    edited = observed(*settled(), model=with_service("edge", config_hash="newer"))
    assert steps(edited, "restarted", ["edge"]) == [("recreate", "edge")]
    assert steps(edited, "restarted", ["edge"], on_drift="ignore") == [("restart", "edge")]
    with pytest.raises(ConfigurationPending):
        steps(edited, "restarted", ["edge"], on_drift="fail")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"health": "unhealthy"}, [("restart", "store")]),
        ({"state": "exited", "exit_code": 1}, [("restart", "store")]),
        ({"health": "starting"}, []),
        ({"health": "healthy"}, []),
    ],
)
def test_a_restart_of_the_unhealthy_leaves_the_healthy_alone(changes, expected):
    seen = observed(*instead("store", container("store", **changes)))
    assert steps(seen, "restarted", restart_when="unhealthy") == expected


def test_scaling_touches_only_the_named_service():
    seen = observed(*instead("store"))
    plan, work = plan_services(seen, Wanted("scaled", ("app",), {"app": 3}))
    assert [(item.action, item.service, item.replicas, item.replaces, item.reason) for item in work] == [("scale", "app", 3, "none", "2 to 3")]
    assert list(plan.after) == ["app"]
    assert steps(seen, "scaled", ["app"], replicas={"app": 2}) == []


def test_scaling_with_waiting_edits_follows_on_drift():
    seen = observed(*settled(), model=with_service("app", config_hash="newer"))
    for on_drift, replaces in (("recreate", "changed"), ("ignore", "none")):
        _plan, work = plan_services(seen, Wanted("scaled", ("app",), {"app": 3}, on_drift=on_drift))
        assert work[0].replaces == replaces
    with pytest.raises(ConfigurationPending):
        steps(seen, "scaled", ["app"], replicas={"app": 3}, on_drift="fail")


@pytest.mark.parametrize("changes", [{"fixed_port": True}, {"fixed_name": True}])
def test_what_cannot_run_twice_is_refused_and_may_run_once_or_not_at_all(changes):
    seen = observed(*settled(), model=with_service("app", **changes))
    with pytest.raises(CannotScale):
        steps(seen, "scaled", ["app"], replicas={"app": 2})
    assert steps(seen, "scaled", ["app"], replicas={"app": 0}) == steps(seen, "scaled", ["app"], replicas={"app": 1}) == [("scale", "app")]


def test_a_one_shot_is_not_scaled():
    with pytest.raises(CannotScale):
        steps(observed(*settled()), "scaled", ["migrate"], replicas={"migrate": 2})


def test_what_an_interrupted_replacement_left_is_tidied():
    old = container("edge", id="old", config_hash="older")
    new = container("edge", id="new", name="0123456789ab_shop-edge-1", state="created")
    _plan, work = plan_services(observed(*instead("edge", old, new)), Wanted("started", ALL))
    assert [(item.action, item.leftovers) for item in work] == [("recreate", ("new",))]
    stopped = replace(old, state="exited")
    _plan, work = plan_services(observed(*instead("edge", stopped, new)), Wanted("started", ALL))
    assert [(item.action, item.leftovers) for item in work] == [("start", ("old",))]
    _plan, work = plan_services(observed(*instead("edge", replace(new, state="running"))), Wanted("started", ALL))
    assert [(item.action, item.reason) for item in work] == [("start", "left over from an interrupted run")]


def test_the_plan_names_settings_that_change_and_no_values():
    seen = Observed(with_service("edge", config_hash="newer"), settled(), IMAGES, {"edge": ("LOG_LEVEL",)})
    plan, _work = plan_services(seen, Wanted("started", ("edge",)))
    assert plan.after["edge"] == {"state": "running", "containers": 1, "image": "c" * 12, "configuration": "newer", "settings_changed": ["LOG_LEVEL"]}


def test_health_of_a_stack():
    assert is_healthy(observed(*settled()), ALL)
    assert not is_healthy(observed(*instead("app")), ALL)
    assert not is_healthy(observed(*instead("store", container("store", health="starting"))), ALL)
    assert not is_healthy(observed(*instead("migrate", container("migrate", state="running"))), ALL)
    assert is_healthy(observed(model=with_service("app", replicas=0)), ["app"])


def apply(seen: Observed, wanted: Wanted) -> Observed:
    """What the plan says, done to the data."""
    _plan, work = plan_services(seen, wanted)
    there = {name: seen.of(name) for name in ALL}
    for item in work:
        if item.action == "remove":
            there[item.service] = []
        elif item.action == "stop":
            there[item.service] = [replace(one, state="exited") for one in there[item.service]]
        elif item.action == "restart":
            there[item.service] = [replace(one, state="running", health="healthy") for one in there[item.service] if one.id not in item.leftovers]
        elif item.replaces == "none":
            kept = [replace(one, state="running", name=f"shop-{one.service}-{one.number}") for one in there[item.service] if one.id not in item.leftovers]
            extra = [container(item.service, 10 + number) for number in range(item.replicas)]
            there[item.service] = (kept + extra)[: item.replicas]
        else:
            there[item.service] = [container(item.service, number) for number in range(1, item.replicas + 1)]
    return replace(seen, containers=tuple(one for ones in there.values() for one in ones))


def found_containers(model: ComposeModel):
    one = st.builds(
        lambda service, number, changes: container(service, number, **changes),
        service=st.sampled_from(model.names),
        number=st.integers(1, 3),
        changes=st.fixed_dictionaries(
            {
                "state": st.sampled_from(["running", "exited", "created", "paused", "restarting", "dead"]),
                "exit_code": st.sampled_from([0, 1, 137]),
                "health": st.sampled_from(["none", "starting", "healthy", "unhealthy"]),
                "config_hash": st.sampled_from(["older", "hash-store", "hash-app", "hash-edge", "hash-migrate"]),
                "image_id": st.sampled_from([*IMAGES.values(), "sha256:old"]),
            }
        ),
    )
    return st.lists(one, max_size=6).map(lambda ones: tuple(replace(each, id=f"id{index}") for index, each in enumerate(ones)))


@given(
    containers=found_containers(MODEL),
    state=st.sampled_from(["started", "stopped", "absent", "scaled"]),
    chosen=st.sets(st.sampled_from(ALL), min_size=1),
    on_drift=st.sampled_from(["recreate", "ignore"]),
)
def test_after_the_plan_was_done_there_is_nothing_to_do(containers, state, chosen, on_drift):
    wanted = Wanted(state, tuple(sorted(chosen)), {name: 1 for name in chosen}, on_drift=on_drift)
    seen = observed(*containers)
    after = apply(seen, wanted)
    assert steps(after, state, sorted(chosen), replicas=wanted.replicas, on_drift=on_drift) == []
    others = [name for name in ALL if name not in chosen]
    assert [after.of(name) for name in others] == [seen.of(name) for name in others]


@given(containers=found_containers(MODEL))
def test_a_restart_of_the_unhealthy_is_done_once(containers):
    wanted = Wanted("restarted", ALL, restart_when="unhealthy")
    assert steps(apply(observed(*containers), wanted), "restarted", restart_when="unhealthy") == []
