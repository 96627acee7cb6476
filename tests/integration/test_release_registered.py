"""release, state=registered: everything is found and kept, and nothing live changes."""

from __future__ import annotations

import json
import stat

import pytest
from tests.support.modules import start
from tests.support.registry import Registry
from tests.support.release_stacks import SECRET, ReleaseStack, actions, image_exists, image_id, succeeded
from tests.support.stacks import docker, unique_name


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """For tests that are refused, or that need no history of their own."""
    stack = ReleaseStack(tmp_path_factory.mktemp("shared"), unique_name("f-reg-shared"))
    yield stack
    stack.remove()


@pytest.fixture
def stack(tmp_path):
    stack = ReleaseStack(tmp_path, unique_name("f-reg"))
    yield stack
    stack.remove()


def test_check_do_check_again_do_again(stack):
    stack.up()
    env, started = stack.env_path.read_bytes(), stack.containers("web")[0]["State"]["StartedAt"]

    planned = succeeded(stack.register("v2", check=True))
    assert planned["changed"]
    assert not stack.ledger_path.exists()

    done = succeeded(stack.register("v2"))
    assert actions(done) == actions(planned) == ["adopt", "register"]
    assert done["release"]["verdict"] == "pending"
    assert done["release"]["images"]["web"]["id"] == stack.ids["v2"]
    assert done["services_changed"] == planned["services_changed"] == ["web"]
    assert done["variables_changed"] == ["APP_VERSION"]
    assert done["acquired"] == {"store": "present", "web": "present"}
    assert (done["current"], done["previous"], done["release"]["previous"]) == ("0001", "", "0001")

    for check in (True, False):
        again = succeeded(stack.register("v2", check=check))
        assert (again["changed"], again["release"]["id"]) == (False, "0002")

    assert stack.env_path.read_bytes() == env
    assert stack.containers("web")[0]["State"]["StartedAt"] == started
    assert stack.running_image("web") == stack.ids["v1"]


def test_a_pending_release_learns_of_the_backup_before_its_deploy(stack):
    stack.up()
    succeeded(stack.register("v2"))
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        told = succeeded(stack.register("v2", backup_id="20261121T031000Z-000042-7f3a", check=check))
        assert (told["changed"], actions(told)) == (changed, ["record_backup"] if changed else [])
    assert stack.ledger()["releases"][-1]["backup_id"] == "20261121T031000Z-000042-7f3a"
    assert not succeeded(stack.register("v2"))["changed"]  # nobody who knows of none takes it away


def test_what_ran_is_adopted_with_its_own_files_and_images(stack):
    stack.up()
    succeeded(stack.register("v2"))
    adopted, registered = stack.ledger()["releases"]
    assert (adopted["origin"], adopted["version"], adopted["verdict"]) == ("adopted", "v1", "verified")
    assert adopted["images"]["web"]["id"] == stack.ids["v1"]
    assert "APP_VERSION=v1" in (stack.releases_dir / "0001" / "env").read_text()
    assert "APP_VERSION=v2" in (stack.releases_dir / "0002" / "env").read_text()
    assert image_id(registered["images"]["web"]["kept_as"]) == stack.ids["v2"]
    assert image_id(adopted["images"]["web"]["kept_as"]) == stack.ids["v1"]


def test_records_are_private_and_hold_no_secret_but_the_env_snapshot(stack):
    result = succeeded(stack.register("v2"))
    assert SECRET not in json.dumps(result)
    holders = [path for path in stack.state_dir.rglob("*") if path.is_file() and SECRET in path.read_text()]
    assert holders == [stack.releases_dir / "0001" / "env"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    for directory in (stack.state_dir / stack.name, stack.releases_dir, stack.releases_dir / "0001"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_what_runs_is_not_trusted_when_it_is_down_or_when_the_files_name_something_else(stack):
    stack.up()
    stack.compose("stop", "--timeout", "1", "store")
    first = succeeded(stack.register("v2"))
    assert first["current"] == ""
    adopted = stack.ledger()["releases"][0]
    assert adopted["verdict"] == "pending"
    assert "store-1 is exited" in adopted["verdict_reason"]

    stack.compose("up", "--detach")
    assert succeeded(stack.register("v3"))["current"] == "0001"
    assert [entry["id"] for entry in stack.ledger()["releases"]] == ["0001", "0002", "0003"]


def test_an_edited_env_file_is_not_taken_for_what_runs(stack):
    stack.up()
    stack.set_env(APP_VERSION="v2")
    assert succeeded(stack.register("v3"))["current"] == ""
    assert "files now say" in stack.ledger()["releases"][0]["verdict_reason"]


def test_the_release_that_is_current_is_no_new_one(stack):
    stack.go_live("v2")
    before = stack.ledger_path.read_bytes()
    again = succeeded(stack.register("v2"))
    assert (again["changed"], again["already_current"], again["release"]["id"]) == (False, True, again["current"])
    assert stack.ledger_path.read_bytes() == before
    renamed = succeeded(stack.release("registered", version="v2-again"))
    assert renamed["already_current"]
    assert renamed["services_changed"] == []
    assert "does not reach the compose files" in json.dumps(renamed["warnings"])


def test_the_current_release_is_put_right_where_files_or_containers_left_it(stack):
    stack.go_live("v1")
    stack.set_env(APP_VERSION="v2")
    edited = succeeded(stack.register("v1"))
    assert (edited["release"]["id"], edited["already_current"], edited["variables_changed"]) == ("0001", False, ["APP_VERSION"])
    stack.up("web")
    succeeded(stack.release("staged", release="current"))
    drifted = succeeded(stack.register("v1"))
    assert (drifted["release"]["id"], drifted["already_current"], drifted["services_changed"]) == ("0001", False, ["web"])
    stack.up("web")
    succeeded(stack.release("verified", release="current"))
    assert succeeded(stack.register("v1"))["already_current"]


def test_two_at_once_get_entries_of_their_own(stack):
    options = {**stack.options, "disk_free_min_mb": 1, "state": "registered"}
    running = [start("release", {**options, "version": name, "variables": {"APP_VERSION": name}}) for name in ("v1", "v2", "v3")]
    assert [process.wait(timeout=300) for process in running] == [0, 0, 0]
    entries = stack.ledger()["releases"]
    assert [entry["id"] for entry in entries] == ["0001", "0002", "0003"]
    for entry in entries:
        assert image_id(entry["images"]["web"]["kept_as"]) == stack.ids[entry["version"]]
        assert f"APP_VERSION={entry['version']}" in (stack.releases_dir / entry["id"] / "env").read_text()


def test_another_configuration_is_a_new_release_and_a_comment_is_not(stack):
    stack.go_live("v2")
    stack.env_path.write_text(stack.env_path.read_text() + "# a remark\n")
    assert succeeded(stack.register("v2"))["already_current"]
    stack.set_env(COLOUR="blue")
    changed = succeeded(stack.register("v2"))
    assert (changed["already_current"], changed["services_changed"]) == (False, ["web"])


def test_a_lost_name_of_ours_is_given_back(stack):
    kept = succeeded(stack.register("v2"))["release"]["images"]["web"]["kept_as"]
    docker("rmi", kept)
    again = succeeded(stack.register("v2"))
    assert again["actions"] == [{"action": "tag", "target": kept, "detail": stack.ids["v2"]}]
    assert image_id(kept) == stack.ids["v2"]


def test_an_interrupted_registration_leaves_no_trace_that_matters(stack):
    stack.releases_dir.mkdir(parents=True)
    (stack.releases_dir / ".0001.partial" / "compose").mkdir(parents=True)
    (stack.releases_dir / "0001").mkdir()
    (stack.releases_dir / "0001" / "env").write_text("half")
    docker("tag", stack.ids["v3"], f"runbook.local/{stack.name}/web:0001")
    assert succeeded(stack.register("v2"))["release"]["id"] == "0001"
    assert image_id(f"runbook.local/{stack.name}/web:0001") == stack.ids["v2"]
    assert "APP_VERSION=v2" in (stack.releases_dir / "0001" / "env").read_text()


def test_only_the_chosen_services_are_part_of_the_release(shared):
    assert list(succeeded(shared.register("v2", check=True, services=["web"]))["release"]["images"]) == ["web"]


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"version": "v9", "variables": {"APP_VERSION": "v9"}}, "image_missing"),
        ({"disk_free_min_mb": 10**9}, "disk_budget"),
        ({"services": ["nope"]}, "unknown_service"),
        ({"version": "current"}, "bad_input"),
        ({"variables": {"API_KEY": "not-here"}}, "bad_input"),
        ({"schema": {"applied": ["001"]}}, "bad_input"),
        ({"compose_files": ["missing.yaml"]}, "project_missing"),
        ({"project_dir": "/nonexistent"}, "project_missing"),
        ({"docker_host": "unix:///nonexistent.sock"}, "engine_unreachable"),
        ({"acquire": "build", "source": {"repository": "/nonexistent", "revision": "HEAD"}}, "repository_unreadable"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_written(shared, options, reason):
    for check in (True, False):
        result = shared.register(**{"version": "v2", "check": check, **options})
        assert (result["failed"], result.get("reason")) == (True, reason)
    assert not shared.ledger_path.exists()
    assert not image_exists(f"runbook.local/{shared.name}/web:0001")


def test_every_missing_image_is_named_with_what_to_do(shared):
    result = shared.register("v9")
    assert result["details"]["images"] == {"web": f"{shared.name}-web:v9"}
    assert "acquire=pull" in result["msg"]


def test_a_secret_among_the_variables_is_refused_and_not_shown(shared):
    result = shared.register("v2", variables={"API_KEY": SECRET})
    assert (result["reason"], result["details"]["names"]) == ("bad_input", ["API_KEY"])
    assert SECRET not in json.dumps(result)


def test_a_broken_compose_file_is_refused_without_the_secret(stack):
    (stack.directory / "compose.yaml").write_text("services:\n  web:\n    image: x\n    mem_limit: ${API_KEY}\n")
    result = stack.register("v2")
    assert result["reason"] == "compose_config_invalid"
    assert SECRET not in json.dumps(result)
    assert not stack.ledger_path.exists()


def test_a_damaged_ledger_is_never_overwritten(stack):
    succeeded(stack.register("v2"))
    stack.ledger_path.write_text('{"format": 1, "rel')
    result = stack.register("v3")
    assert (result["reason"], result["details"]["path"]) == ("ledger_unreadable", str(stack.ledger_path))
    assert stack.ledger_path.read_text() == '{"format": 1, "rel'


def test_a_missing_image_is_pulled_once(stack):
    with Registry("pulled") as registry:
        reference = f"{registry.address}/shop/web:v1"
        (stack.directory / "compose.yaml").write_text(f"services:\n  web:\n    image: {reference}\n")
        try:
            planned = succeeded(stack.register("v1", check=True, acquire="pull"))
            assert actions(planned) == ["pull", "register"]
            assert not image_exists(reference)
            done = succeeded(stack.register("v1", acquire="pull"))
            image = done["release"]["images"]["web"]
            assert (image["id"], image["digest"]) == (registry.image_id, f"{registry.address}/shop/web@{registry.manifest_digest}")
            assert done["acquired"] == {"web": "pulled"}
            assert not succeeded(stack.register("v1", acquire="pull"))["changed"]
        finally:
            docker("rmi", "--force", reference)


def test_an_image_that_no_registry_gives_is_a_failed_pull(stack):
    with Registry("other") as registry:
        for reference in (f"{registry.address}/shop/web:v404", "127.0.0.1:1/shop/web:v1"):
            (stack.directory / "compose.yaml").write_text(f"services:\n  web:\n    image: {reference}\n")
            result = stack.register("v1", acquire="pull")
            assert (result["reason"], result["details"]["reference"]) == ("image_pull_failed", reference)
    assert not stack.ledger_path.exists()
