"""release, the verdicts and pruning, and release_info."""

from __future__ import annotations

import json

import pytest
from tests.support.modules import call
from tests.support.release_stacks import SECRET, ReleaseStack, actions, build_image, image_exists, succeeded
from tests.support.stacks import docker, prune, unique_name


@pytest.fixture
def stack(tmp_path):
    stack = ReleaseStack(tmp_path, unique_name("f-verdict"))
    yield stack
    stack.remove()


def info(stack: ReleaseStack, **options: object) -> dict:
    return call("release_info", {**stack.options, **options})


def events(stack: ReleaseStack) -> list[str]:
    lines = (stack.state_dir / stack.name / "journal.ndjson").read_text().splitlines()
    return [f"{event['event']} {event['release']}" for event in map(json.loads, lines)]


def test_verified_check_do_check_again_do_again(stack):
    succeeded(stack.register("v1"))
    assert stack.release("verified", release="v1")["reason"] == "release_not_staged"
    succeeded(stack.release("staged", release="v1"))
    stack.up()
    planned = succeeded(stack.release("verified", check=True, release="v1"))
    assert (actions(planned), planned["current"]) == (["verify"], "0001")
    assert stack.ledger()["current"] == ""
    done = succeeded(stack.release("verified", release="v1"))
    assert actions(done) == ["verify"]
    assert done["release"]["activations"][0]["by"] == "ada@test"
    for check in (True, False):
        assert not succeeded(stack.release("verified", check=check, release="v1"))["changed"]
    assert events(stack) == ["release_registered 0001", "release_staged 0001", "release_verified 0001"]


def test_a_release_that_does_not_run_cannot_be_verified(stack):
    stack.up()
    succeeded(stack.register("v2"))
    succeeded(stack.release("staged", release="v2"))
    result = stack.release("verified", release="v2")
    assert result["reason"] == "running_images_differ"
    assert result["details"]["drift"][0]["running_image_id"] == stack.ids["v1"]
    assert stack.ledger()["current"] == "0001"


def test_failed_check_do_check_again_do_again(stack):
    succeeded(stack.register("v2"))
    reason = "It was not healthy within 60 s."
    assert succeeded(stack.release("failed", check=True, release="v2", verdict_reason=reason))["changed"]
    assert stack.ledger()["releases"][0]["verdict"] == "pending"
    done = succeeded(stack.release("failed", release="v2", verdict_reason=reason))
    assert (actions(done), done["release"]["verdict_reason"]) == (["fail"], reason)
    for check in (True, False):
        assert not succeeded(stack.release("failed", check=check, release="v2", verdict_reason=reason))["changed"]
    assert succeeded(stack.register("v2"))["release"]["id"] == "0002"


def test_a_failed_deploy_goes_back_and_is_never_chosen_again(stack):
    stack.go_live("v1")
    succeeded(stack.register("v2"))
    succeeded(stack.release("staged", release="v2"))
    stack.up()
    assert info(stack)["previous"] == "0001"
    succeeded(stack.release("staged", release="current"))
    stack.up()
    succeeded(stack.release("failed", release="v2", verdict_reason="errors"))
    back = succeeded(stack.release("verified", release="current", how="automatic_rollback"))
    assert (back["current"], back["staged"]) == ("0001", "")
    assert [activation["how"] for activation in back["release"]["activations"]] == ["deploy", "automatic_rollback"]
    assert stack.release("staged", release="previous")["reason"] == "no_release_to_roll_back_to"
    assert stack.release("verified", release="v2")["reason"] == "release_failed_before"


def test_rolled_back_check_do_check_again_do_again(stack):
    stack.go_live("v1")
    stack.go_live("v2")
    assert succeeded(stack.release("rolled_back", check=True, release="0001", verdict_reason="insecure"))["changed"]
    assert succeeded(stack.release("rolled_back", release="0001", verdict_reason="insecure"))["previous"] == ""
    for check in (True, False):
        assert not succeeded(stack.release("rolled_back", check=check, release="0001"))["changed"]
    assert stack.release("staged", release="0001")["reason"] == "release_rolled_back_before"


@pytest.mark.parametrize(
    "state, options, reason",
    [
        ("failed", {"release": "current", "verdict_reason": "bad"}, "release_is_current"),
        ("rolled_back", {"release": "current"}, "release_is_current"),
        ("rolled_back", {"release": "v2"}, "verdict_refused"),
        ("failed", {"release": "v2", "verdict_reason": " "}, "bad_input"),
        ("verified", {"release": "v9"}, "no_such_release"),
        ("pruned", {"keep": 0}, "bad_input"),
    ],
)
def test_what_the_table_does_not_allow_is_refused(stack, state, options, reason):
    stack.go_live("v1")
    succeeded(stack.register("v2"))
    before = stack.ledger_path.read_bytes()
    for check in (True, False):
        assert stack.release(state, check=check, **options).get("reason") == reason
    assert stack.ledger_path.read_bytes() == before


def test_options_that_a_state_needs_are_required(stack):
    assert "version" in stack.release("registered")["msg"]
    assert "release" in stack.release("staged")["msg"]
    assert "verdict_reason" in stack.release("failed", release="v1")["msg"]


def test_pruned_check_do_check_again_do_again(stack):
    for version in ("v1", "v2", "v3"):
        stack.go_live(version)
    (stack.releases_dir / "0099").mkdir()
    docker("tag", stack.ids["v1"], f"runbook.local/{stack.name}/web:building-4f1c2ab")
    planned = succeeded(stack.release("pruned", check=True, keep=2))
    assert len(stack.ledger()["releases"]) == 3
    done = succeeded(stack.release("pruned", keep=2))
    assert done["actions"] == planned["actions"]
    assert done["pruned"] == ["0001"]
    names = ("store:0001", "web:0001", "web:building-4f1c2ab")
    assert done["freed_tags"] == [f"runbook.local/{stack.name}/{name}" for name in names]
    assert done["removed_images"] == []
    assert image_exists(f"{stack.name}-web:v1")
    assert sorted(path.name for path in stack.releases_dir.iterdir()) == ["0002", "0003", "ledger.json", "ledger.lock"]
    for check in (True, False):
        assert not succeeded(stack.release("pruned", check=check, keep=2))["changed"]


def test_an_image_goes_only_with_its_last_name_and_only_when_asked_for(stack):
    for version in ("v1", "v2", "v3"):
        stack.go_live(version)
    docker("rmi", f"{stack.name}-web:v1")
    kept = f"runbook.local/{stack.name}/web:0001"
    succeeded(stack.release("pruned", keep=1))
    assert image_exists(kept)
    done = succeeded(stack.release("pruned", keep=1, images="remove_unused"))
    assert (done["freed_tags"], done["removed_images"]) == ([kept], [stack.ids["v1"]])
    assert done["removed_image_bytes"] > 0
    assert not image_exists(stack.ids["v1"])
    assert image_exists(f"runbook.local/{stack.name}/web:0002")


def test_an_image_whose_name_was_taken_survives_every_prune_as_long_as_its_release_is_kept(stack):
    stack.go_live("v1")
    stack.go_live("v2")
    build_image(f"{stack.name}-web:v1", "an impostor under the old name")
    own = ("image", "--all", "--filter", f"label=runbook.test={stack.name}-v1")
    prune(*own)
    assert image_exists(f"runbook.local/{stack.name}/web:0001")
    # What the engine may remove is what nobody holds: without the holder, the same prune takes it.
    docker("rm", f"runbook-hold-{stack.name}.web.0001")
    prune(*own)
    assert not image_exists(stack.ids["v1"])
    assert stack.release("staged", release="previous")["reason"] == "image_gone"


def test_a_holder_is_no_part_of_the_stack_comes_back_and_goes_with_its_release(stack):
    stack.go_live("v1")
    stack.go_live("v2")
    holder = f"runbook-hold-{stack.name}.web.0002"
    assert docker("inspect", "--format", "{{.State.Status}} {{len .Mounts}}", holder).split() == ["created", "0"]
    assert holder not in stack.compose("ps", "--all").stdout
    docker("rm", holder)
    for check in (True, False):
        assert actions(succeeded(stack.register("v2", check))) == ["hold"]
    for check in (True, False):
        assert not succeeded(stack.register("v2", check))["changed"]
    stack.go_live("v3")
    assert "let_go" in actions(succeeded(stack.release("pruned", keep=1)))
    holders = docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=runbook.holds={stack.name}").split()
    assert sorted(holders) == sorted(f"runbook-hold-{stack.name}.{service}.{entry}" for service in ("store", "web") for entry in ("0002", "0003"))


def test_info_shows_what_is_live_and_what_drifted(stack):
    empty = info(stack)
    assert (empty["releases"], empty["current"], empty["drift"], empty["changed"]) == ([], "", [], False)
    stack.go_live("v1")
    stack.go_live("v2")
    shown = info(stack)
    assert [entry["id"] for entry in shown["releases"]] == ["0002", "0001"]
    assert (shown["current"], shown["previous"], shown["drift"]) == ("0002", "0001", [])
    assert {"reference": f"runbook.local/{stack.name}/web:0001", "id": stack.ids["v1"], "held": True} in shown["kept_images"]
    assert shown["table"].splitlines()[1].startswith("*  0002  v2       verified")
    assert SECRET not in json.dumps(shown)
    assert [entry["version"] for entry in info(stack, release="previous")["releases"]] == ["v1"]
    assert len(info(stack, limit=1)["releases"]) == 1

    stack.set_env(APP_VERSION="v1")
    stack.up("web")
    stack.compose("rm", "--stop", "--force", "store")
    assert [(item["service"], item["problem"]) for item in info(stack)["drift"]] == [("store", "missing"), ("web", "wrong_image")]


def test_info_refuses_what_is_not_there(stack):
    assert info(stack, release="v1")["reason"] == "no_such_release"
    assert info(stack, limit=0)["reason"] == "bad_input"
    stack.releases_dir.mkdir(parents=True)
    stack.ledger_path.write_text("[]")
    assert info(stack)["reason"] == "ledger_unreadable"
