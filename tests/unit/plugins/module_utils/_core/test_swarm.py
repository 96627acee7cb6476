"""Services of a swarm: what is read of them, which are meant, and what is asked for."""

from __future__ import annotations

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core import swarm
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, UnknownService

SPEC = {
    "Name": "shop_api",
    "Labels": {"com.docker.stack.namespace": "shop"},
    "TaskTemplate": {"ContainerSpec": {"Image": "registry:5000/shop/api:v1@sha256:1ad1", "Env": ["A=1"]}, "ForceUpdate": 2},
    "Mode": {"Replicated": {"Replicas": 3}},
}
ANSWER = {"ID": "a1", "Version": {"Index": 18}, "Spec": SPEC, "UpdateStatus": {"State": "paused", "Message": "because"}}


def service(name: str, **facts: object) -> swarm.SwarmService:
    return swarm.SwarmService(id=name, name=f"shop_{name}", short=name, **facts)


def test_a_service_is_read():
    found = swarm.parse_service("shop", ANSWER)
    assert found == swarm.SwarmService("a1", "shop_api", "api", 18, "registry:5000/shop/api:v1@sha256:1ad1", "replicated", 3, 2, "paused", "because")
    assert (found.repository, found.tag) == ("registry:5000/shop/api", "v1")


def test_a_service_that_counts_by_itself_and_one_without_a_tag():
    found = swarm.parse_service("other", {"ID": "a", "Spec": {"Name": "x", "Mode": {"Global": {}}, "TaskTemplate": {"ContainerSpec": {"Image": "r:5000/x"}}}})
    assert (found.mode, found.replicas, found.short, found.update_state, found.version) == ("global", 0, "x", "", 0)
    assert (found.repository, found.tag) == ("r:5000/x", "")
    job = swarm.parse_service("shop", {"ID": "a", "Spec": {"Name": "x", "Mode": {"ReplicatedJob": {}}}})
    with pytest.raises(BadInput, match="runs to its end"):
        swarm.refuse_jobs([job])
    swarm.refuse_jobs([found])
    with pytest.raises(BadInput, match="no containers"):
        swarm.refuse_jobs([swarm.parse_service("shop", {"ID": "p", "Spec": {"Name": "x", "TaskTemplate": {"PluginSpec": {"Name": "y"}}}})])


def test_a_task_is_read_with_the_name_of_its_node():
    answer = {
        "ID": "t1",
        "ServiceID": "a1",
        "Slot": 2,
        "NodeID": "n1",
        "DesiredState": "shutdown",
        "Status": {"State": "failed", "Err": "boom", "Timestamp": "2026-11-22T07:00:00Z", "ContainerStatus": {"ExitCode": 137}},
        "Spec": {"ForceUpdate": 1, "ContainerSpec": {"Image": "api:v1"}},
    }
    expected = swarm.SwarmTask("t1", "a1", 2, "node-1", "failed", "shutdown", "api:v1", 1, "boom", 137, "2026-11-22T07:00:00Z")
    assert swarm.parse_task(answer, {"n1": "node-1"}) == expected
    assert swarm.parse_task({"ID": "t2"}, {}).node == ""


def test_services_of_a_stack_are_those_with_its_label_or_its_name():
    labelled = {"Spec": {"Name": "odd", "Labels": {"com.docker.stack.namespace": "shop"}}}
    named = {"Spec": {"Name": "shop_web", "Labels": None}}
    # Stack shop_extra is another one, although its services' names begin alike.
    other = {"Spec": {"Name": "shop_extra_web", "Labels": {"com.docker.stack.namespace": "shop_extra"}}}
    assert swarm.of_stack("shop", [named, {"Spec": {"Name": "shopping_api"}}, ANSWER, other, labelled]) == (labelled, ANSWER, named)
    assert swarm.of_stack("shop_extra", [named, ANSWER, other]) == (other,)


def test_names_are_short_or_whole_and_stay_in_order():
    api, web = service("api"), service("web")
    assert swarm.chosen("shop", [api, web], ["web", "shop_api", "api"]) == (web, api)
    assert swarm.chosen("shop", [api, web], []) == (api, web)


def test_an_unknown_name_is_told_with_those_that_are_there():
    with pytest.raises(UnknownService, match="would be called shop_wep") as refused:
        swarm.chosen("shop", [service("api"), service("web")], ["api", "wep"])
    assert refused.value.hint == "It has shop_api, shop_web."
    with pytest.raises(UnknownService, match="no service of stack shop"):
        swarm.chosen("shop", [], ["api"])


@pytest.mark.parametrize(("state", "busy"), [("updating", True), ("rollback_started", True), ("paused", False), ("completed", False), ("", False)])
def test_an_update_under_way_is_not_disturbed(state, busy):
    if busy:
        with pytest.raises(swarm.SwarmUpdateRunning, match="shop_api"):
            swarm.refuse_busy([service("api", update_state=state)])
    else:
        swarm.refuse_busy([service("api", update_state=state)])


def test_what_runs_once_on_every_node_is_not_scaled():
    swarm.refuse_unscalable([service("api")])
    with pytest.raises(swarm.CannotScaleInSwarm, match="once on every node"):
        swarm.refuse_unscalable([service("api"), service("agent", mode="global")])


def test_specifications_differ_in_one_thing_and_the_first_stays():
    image, count, again = swarm.with_image(SPEC, "api:v2"), swarm.with_replicas(SPEC, 5), swarm.forced(SPEC)
    assert image["TaskTemplate"]["ContainerSpec"] == {"Image": "api:v2", "Env": ["A=1"]}
    assert count["Mode"] == {"Replicated": {"Replicas": 5}} and count["TaskTemplate"] == SPEC["TaskTemplate"]
    assert again["TaskTemplate"]["ForceUpdate"] == 3
    assert SPEC["TaskTemplate"]["ContainerSpec"]["Image"].startswith("registry") and SPEC["TaskTemplate"]["ForceUpdate"] == 2
    assert swarm.forced({"TaskTemplate": {}})["TaskTemplate"] == {"ForceUpdate": 1}
