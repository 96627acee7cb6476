"""service_rollout on a real stack under load: what users see, and what is left when something goes wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.modules import call
from tests.support.rollouts import PROBE, RolloutStack
from tests.support.stacks import docker, unique_name


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = RolloutStack(tmp_path_factory.mktemp("rollout"), unique_name("rollout"))
    try:
        yield made.up(2)
    finally:
        made.remove()


@pytest.fixture
def beside():
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool


def failed(result: dict, reason: str) -> dict:
    assert result["failed"] and result["reason"] == reason, result
    return result["details"]


def test_check_do_check_again_do_again_and_nobody_notices(stack):
    """As many as before, with connections that stay open and new ones, GET and POST."""
    stack.wants("v2")
    before = stack.names()
    planned = stack.rollout(check=True)
    assert [(one["action"], one["target"], one["detail"]) for one in planned["actions"]] == [("roll_out", "api", "configuration and image changed; beside")]
    assert (planned["changed"], planned["services"][0]["after"]["containers"], stack.names(), stack.open) == (True, 2, before, {})
    assert not (stack.project.state_dir / stack.name).exists(), "looking leaves nothing"
    with stack.under_load(post={"path": "/auth/login", "body": "{}"}) as seen:
        done = stack.rollout()
    assert done["changed"] and not done["failed"], done
    assert seen["errors"] == 0 and seen["requests"] > 50, seen
    traffic = done["traffic"]
    assert traffic["errors"] == 0 and traffic["requests"] > 30 and all(traffic["p99_ms"].values()), traffic
    rolled = done["rollouts"][0]
    assert (rolled["service"], rolled["how"], rolled["state"], rolled["cut"]) == ("api", "beside", "new", 0)
    assert sorted(rolled["old"]) == before and sorted(rolled["new"]) == stack.names()
    stack.require_settled("v2", 2)
    assert not stack.rollout(check=True)["changed"] and not stack.rollout()["changed"]


def test_a_new_version_that_never_becomes_healthy_gets_no_request(stack):
    """T113."""
    before = stack.names()
    stack.wants("bad")
    with stack.under_load() as seen:
        details = failed(stack.rollout(health_timeout=3), "health_timeout")
    assert seen["errors"] == 0 and details["traffic"]["errors"] == 0 and details["returned"]["state"] == "old", details
    assert stack.names() == before
    stack.wants("v2")
    stack.require_settled("v2", 2)
    assert not stack.rollout()["changed"]


def test_errors_that_only_users_see_bring_the_old_ones_back(stack):
    """T114: the new version is healthy, and fails where its health check does not look."""
    before = stack.names()
    stack.wants("v1", REDIS_HOST="127.0.0.1", READY_PATH="")
    post = {"path": "/auth/login", "body": '{"username": "a", "password": "b"}', "every": 2}
    budget = {"errors": 2}
    details = failed(stack.rollout(strategy="canary", steps=[50], hold=20, probe={**PROBE, "post": post, "budget": budget}), "error_budget_spent")
    assert details["percent"] == 50 and set(details["traffic"]["kinds"]) == {"status 503"}, details
    assert details["traffic"]["errors"] < 100, details  # in the 20 s that the step lasts it were twice as many
    assert stack.names() == before
    stack.wants("v2", REDIS_HOST="", READY_PATH="/health/ready")
    stack.require_settled("v2", 2)


def test_a_page_that_the_new_version_does_not_have_keeps_it_away_from_users(stack):
    before = stack.names()
    stack.wants("v1", READY_PATH="")
    with stack.under_load() as seen:
        said = stack.rollout(health_timeout=10, probe={**PROBE, "path": "/health/ready"})
    details = failed(said, "service_unhealthy")
    assert "(404)" in said["msg"] and seen["errors"] == details["traffic"]["errors"] == 0, said
    assert stack.names() == before
    stack.wants("v2", READY_PATH="/health/ready")


def test_a_canary_goes_in_steps_and_an_old_one_that_ends_meanwhile_costs_nothing(stack, beside):
    """T115. With 10 % on two of four, each old one has nine times the requests of a new one."""
    stack.wants("v1")
    old, known = stack.names(), len(stack.shifts())
    run = beside.submit(stack.rollout, strategy="canary", steps=[10], hold=6)
    stack.wait_for(lambda: stack.pinned.get("api") == [9, 9, 1, 1])
    docker("kill", old[0])
    done = run.result()
    assert not done["failed"] and done["rollouts"][0]["strategy"] == "canary", done
    assert "ended during the shift" in str(done["warnings"]), done
    assert stack.shifts()[known:][:4] == [[1, 1], [9, 9, 1, 1], [18, 1, 1], [1, 1]], "who gets requests in each step"
    stack.require_settled("v1", 2)


def test_a_step_that_is_too_slow_is_taken_back(stack):
    stack.wants("v2")
    details = failed(stack.rollout(watch=1, probe={**PROBE, "budget": {"p99_ms": 0.01}}), "error_budget_spent")
    assert details["percent"] == 100
    stack.wants("v1")
    stack.require_settled("v1", 2)


def test_a_request_longer_than_the_drain_is_told_and_still_answered(stack, beside):
    """T116: it ends within the grace period of its container."""
    stack.wants("v2")
    long = beside.submit(stack.ask, "/work?ms=9000")
    done = stack.rollout(drain_timeout=0.3, strategy="rolling")
    assert done["rollouts"][0]["cut"] >= 1 or long.done(), done
    assert long.result().status == 200
    stack.require_settled("v2", 2)


def test_two_colours_until_somebody_decides(stack):
    """T202, T203, T228. A bake time: nobody takes the idle colour for drift, addresses that change are followed, a new colour that is not well is no end."""
    stack.wants("v1")
    planned = stack.rollout(strategy="blue_green", bake=600, check=True)["actions"]
    assert planned[0]["detail"].endswith("the old stays for 600 s")
    done = stack.rollout(strategy="blue_green", bake=600)
    assert (done["rollouts"][0]["state"], stack.open["api"]["phase"], stack.version()) == ("baking", "baking", "v1"), done
    assert stack.versions() == ["v1", "v1", "v2", "v2"] and stack.pinned == {"api": [1, 1]}
    again = stack.rollout(strategy="blue_green")
    assert not again["changed"] and again["open"][0]["phase"] == "baking"
    looked = call("compose_info", stack.project.options)
    # Two were asked for by hand, where the file says one: that is all there is to say.
    assert looked["healthy"] and [one["problem"] for one in looked["problems"]] == ["too_many"], looked
    failed(call("compose_service", {**stack.project.options, "state": "recreated", "services": ["api"]}), "rollout_open")
    assert not stack.rollout(state="settled")["changed"]
    stack.restart_with_other_addresses()
    assert [one["action"] for one in stack.rollout(check=True)["actions"]] == ["follow"]
    assert stack.rollout(state="settled")["changed"] and stack.version() == "v1" and not stack.rollout(state="settled")["changed"]
    one = docker("inspect", "--format", "{{.Id}}", done["rollouts"][0]["new"][0]).strip()
    docker("kill", one)
    details = stack.rollout(state="finished", health_timeout=3)
    assert details["failed"] and details["reason"] == "service_exited" and "step=back" in details["msg"], details
    assert stack.open["api"]["phase"] == "baking" and len(stack.names()) == 4
    with stack.under_load() as seen:
        back = stack.rollout(state="switched_back")
    assert [one["action"] for one in back["actions"]] == ["switch_back"] and seen["errors"] == 0, (back, seen)
    assert back["rollouts"][0]["effect_ms"] < 5000
    stack.wants("v2")
    stack.require_settled("v2", 2)
    assert not stack.rollout(state="switched_back")["changed"] and not stack.rollout()["changed"]


def test_files_that_mean_the_idle_colour_are_the_way_back_and_a_bake_time_ends(stack):
    """A probe that fails already before judges nothing, and that is said."""
    stack.wants("v1")
    done = stack.rollout(strategy="blue_green", bake=0, probe={**PROBE, "timeout": 0.0001, "budget": {"errors": 0}})
    assert not done["failed"] and done["traffic"]["errors"] > 0 and "judged by health alone" in str(done["warnings"]), done
    stack.wants("v2")
    assert [one["action"] for one in stack.rollout(check=True)["actions"]] == ["switch_back"]
    stack.wants("v1")
    ended = stack.rollout(state="settled")
    assert [(one["action"], one["detail"]) for one in ended["actions"]] == [("finish", "its bake time is over")]
    stack.require_settled("v1", 2)
    failed(stack.rollout(state="switched_back"), "nothing_baking")
    assert not stack.rollout(state="finished")["changed"]


def test_nginx_that_refuses_its_configuration_stops_a_rollout_before_it_begins(stack):
    """T84."""
    before, site = stack.names(), stack.project.directory / "nginx.conf"
    good = site.read_text()
    stack.wants("v2")
    site.write_text(good.replace("server_tokens off;", "server_tokens maybe;"))
    failed(stack.rollout(), "edge_refused")
    site.write_text(good)
    stack.wants("v1")
    assert stack.names() == before
    stack.require_settled("v1", 2)


def test_what_cannot_run_beside_is_refused_or_announced(stack):
    before = stack.names()
    stack.edit(lambda services: services["api"].update(volumes=["uploads:/uploads"]))
    with (stack.project.directory / "compose.yaml").open("a") as file:
        file.write("volumes: {uploads: {}}\n")
    refused = stack.rollout()
    failed(refused, "cannot_run_beside")
    assert "uploads" in refused["msg"] and stack.names() == before, refused
    done = stack.rollout(fallback="stop_first")
    assert (done["failed"], done["rollouts"][0]["how"]) == (False, "stop_first") and "requests are lost" in str(done["warnings"]), done
    stack.require_settled("v1", 2)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"edge": None}, "edge_missing"),
        ({"services": ["nobody"]}, "unknown_service"),
        ({"strategy": "canary", "steps": [50, 10]}, "bad_input"),
        ({"probe": {"path": "no path"}}, "bad_input"),
        ({"probe": {"budget": {"errors": -1}}}, "bad_input"),
    ],
)
def test_bad_input_is_refused_before_anything_is_touched(stack, options, reason):
    before = stack.names()
    failed(stack.rollout(**options), reason)
    assert stack.names() == before
