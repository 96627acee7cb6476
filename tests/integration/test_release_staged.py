"""release, state=staged: the live files and names become those of a release, whatever happened to them meanwhile."""

from __future__ import annotations

import json
import stat

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._ansible.release_arguments import release_arguments
from tests.support.dying import dies_at
from tests.support.registry import Registry
from tests.support.release_stacks import SECRET, ReleaseStack, actions, build_image, image_exists, image_id, succeeded
from tests.support.stacks import docker, unique_name

MOST_STEPS = 20


@pytest.fixture
def stack(tmp_path):
    stack = ReleaseStack(tmp_path, unique_name("f-stage"))
    yield stack
    stack.remove()


def test_check_do_check_again_do_again(stack):
    release = succeeded(stack.register("v2"))["release"]["id"]
    planned = succeeded(stack.release("staged", check=True, release=release))
    assert "APP_VERSION=v1" in stack.env_path.read_text()
    assert stack.ledger()["staged"] == ""

    done = succeeded(stack.release("staged", release=release))
    assert actions(done) == actions(planned) == ["write", "stage"]
    assert (done["staged"], done["variables_changed"], done["services_changed"]) == (release, ["APP_VERSION"], ["store", "web"])
    assert "APP_VERSION=v2" in stack.env_path.read_text()
    assert stat.S_IMODE(stack.env_path.stat().st_mode) == 0o600
    assert SECRET not in json.dumps(done)

    for check in (True, False):
        again = succeeded(stack.release("staged", check=check, release=release))
        assert (again["changed"], again["staged"]) == (False, release)


def test_previous_comes_back_although_its_name_was_moved_and_then_deleted(stack):
    stack.go_live("v1")
    stack.go_live("v2")
    build_image(f"{stack.name}-web:v1", "an impostor under the old name")
    planned = succeeded(stack.release("staged", check=True, release="previous"))
    assert actions(planned) == ["tag", "write", "stage"]
    docker("rmi", f"{stack.name}-web:v1")

    succeeded(stack.release("staged", release="previous"))
    assert image_id(f"{stack.name}-web:v1") == stack.ids["v1"]
    stack.compose("up", "--detach")
    assert stack.running_image("web") == stack.ids["v1"]
    verified = succeeded(stack.release("verified", release="previous", how="rollback"))
    assert (verified["current"], verified["previous"]) == ("0001", "")
    assert [entry["verdict"] for entry in stack.ledger()["releases"]] == ["verified", "rolled_back"]


def test_restore_brings_compose_files_back_and_keeps_what_no_release_holds(stack):
    stack.go_live("v1")
    compose = stack.directory / "compose.yaml"
    original = compose.read_text()
    compose.write_text(original.replace("1000", "2000"))
    compose.chmod(0o640)
    stack.set_env(COLOUR="blue")
    done = succeeded(stack.release("staged", release="current"))
    assert actions(done) == ["write", "write", "stage"]
    assert compose.read_text() == original
    assert stat.S_IMODE(compose.stat().st_mode) == 0o640
    assert "COLOUR" not in stack.env_path.read_text()
    [superseded] = stack.releases_dir.glob("superseded-*")
    assert "COLOUR=blue" in (superseded / ".env").read_text()
    assert "2000" in (superseded / "compose.yaml").read_text()
    assert stat.S_IMODE((superseded / ".env").stat().st_mode) == 0o600


def test_a_compose_file_that_was_lost_comes_back(stack):
    stack.go_live("v1")
    (stack.directory / "compose.yaml").unlink()
    succeeded(stack.release("staged", release="current"))
    assert "1000" in (stack.directory / "compose.yaml").read_text()


def test_an_env_file_that_somebody_broke_is_replaced_by_the_one_of_the_release(stack):
    stack.go_live("v1")
    good = stack.env_path.read_text()
    stack.env_path.write_text(f"{good}this is = no 'env file\n")
    assert stack.register("v2")["reason"] == "env_file_malformed"
    succeeded(stack.release("staged", release="current"))
    assert stack.env_path.read_text() == good


def test_keep_takes_only_the_variables_of_releases(stack):
    stack.go_live("v1")
    stack.go_live("v2")
    stack.set_env(COLOUR="blue", API_KEY="rotated-since-then")
    done = succeeded(stack.release("staged", release="previous", configuration="keep"))
    assert done["variables_changed"] == ["APP_VERSION"]
    env = stack.env_path.read_text()
    assert "APP_VERSION=v1" in env and "COLOUR=blue" in env and "API_KEY=rotated-since-then" in env


def test_a_linked_env_file_stays_a_link(stack):
    real = stack.directory / "shop.env"
    stack.env_path.rename(real)
    stack.env_path.symlink_to("shop.env")
    succeeded(stack.register("v2"))
    succeeded(stack.release("staged", release="v2"))
    assert stack.env_path.is_symlink()
    assert "APP_VERSION=v2" in real.read_text()


def test_a_pinned_image_that_is_gone_is_pulled_by_its_digest_and_without_registry_refused(stack):
    compose = stack.directory / "compose.yaml"
    with Registry(stack.name) as registry:
        reference = f"{registry.address}/shop/web@{registry.manifest_digest}"
        compose.write_text(f"services:\n  web:\n    image: {reference}\n")
        kept = succeeded(stack.register("v1", acquire="pull"))["release"]["images"]["web"]["kept_as"]
        docker("rmi", "--force", registry.image_id)
        assert actions(succeeded(stack.release("staged", check=True, release="v1")))[0] == "pull"
        done = succeeded(stack.release("staged", release="v1"))
        assert actions(done)[0] == "pull"
        assert image_id(kept) == image_id(reference) == registry.image_id
        docker("rmi", "--force", registry.image_id)
    result = stack.release("staged", release="v1")
    assert result["reason"] == "image_pull_failed"
    assert not image_exists(kept)


def test_a_local_image_that_is_gone_is_refused_before_anything_changes(stack):
    succeeded(stack.register("v2"))
    docker("rmi", "--force", stack.ids["v2"])
    before = stack.env_path.read_bytes()
    result = stack.release("staged", release="v2")
    assert (result["reason"], result["details"]["images"]) == ("image_gone", [stack.ids["v2"]])
    assert stack.env_path.read_bytes() == before
    assert stack.ledger()["staged"] == ""


def test_a_breaking_migration_stops_the_way_back_until_it_is_accepted(stack):
    breaking = {"version": "004", "name": "rename_customer", "kind": "breaking"}
    first = {"version": "001", "name": "users", "kind": "additive"}
    stack.go_live("v1", schema={"applied": [first]})
    stack.go_live("v2", schema={"applied": [first], "pending": [breaking]}, backup_id="before-v2")
    now = {"applied": [first, breaking]}
    result = stack.release("staged", release="previous", schema=now)
    assert (result["reason"], result["details"]["migrations"]) == ("schema_incompatible", [breaking])
    assert "before-v2" in result["msg"]
    assert "APP_VERSION=v2" in stack.env_path.read_text()
    accepted = succeeded(stack.release("staged", release="previous", schema=now, on_incompatible_schema="accept"))
    assert "004 rename_customer" in json.dumps(accepted["warnings"])


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"release": "v9"}, "no_such_release"),
        ({"release": "previous"}, "no_release_to_roll_back_to"),
        ({"release": "0001", "compose_files": ["other.yaml"]}, "compose_files_differ"),
    ],
)
def test_what_cannot_be_staged_is_refused(stack, options, reason):
    succeeded(stack.register("v1"))
    (stack.directory / "other.yaml").write_text("services: {}\n")
    for check in (True, False):
        assert stack.release("staged", check=check, **options).get("reason") == reason


def test_a_failed_release_and_a_damaged_snapshot_are_refused(stack):
    succeeded(stack.register("v2"))
    (stack.releases_dir / "0001" / "env").write_text("APP_VERSION=v3\n")
    assert stack.release("staged", release="v2")["reason"] == "snapshot_damaged"
    succeeded(stack.release("failed", release="v2", verdict_reason="never healthy"))
    assert stack.release("staged", release="v2")["reason"] == "release_failed_before"


def test_killed_before_each_step_the_next_run_finishes(stack):
    stack.go_live("v1")
    defaults = {name: option.get("default") for name, option in release_arguments().options.items()}
    died = set()
    for step in range(1, MOST_STEPS):
        version, image = f"r{step}", ("v2", "v3")[step % 2]
        live = stack.env_path.read_bytes()
        wanted = {"version": version, "variables": {"APP_VERSION": image, "COLOUR": f"shade-{step}"}}
        own = {**defaults, **stack.options, "disk_free_min_mb": 1}
        before = dies_at(step, "release", {**own, "state": "registered", **wanted})
        assert stack.env_path.read_bytes() == live
        release = succeeded(stack.release("registered", **wanted))["release"]["id"]
        staging = dies_at(step, "release", {**own, "state": "staged", "release": release})
        assert stack.env_path.read_bytes() in (live, (stack.releases_dir / release / "env").read_bytes())
        succeeded(stack.release("staged", release=release))
        assert f"APP_VERSION={image}" in stack.env_path.read_text() and f"COLOUR=shade-{step}" in stack.env_path.read_text()
        assert stack.ledger()["staged"] == release
        assert (stack.ledger()["current"], len(stack.ledger()["releases"])) == ("0001", step + 1), "each registered once"
        if not before and not staging:
            break
        died |= {f"registered {before}", f"staged {staging}"}
    assert {f"registered {name}" for name in ("ReleaseFiles.keep", "ImageStore.tag", "ImageHolders.hold", "LedgerStore.save")} <= died
    assert {f"staged {name}" for name in ("ReleaseFiles.write_live", "LedgerStore.save")} <= died
