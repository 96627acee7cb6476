"""Releases that must not go out: each is refused or undone, the version before answers, and the reason is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.modules import ROOT, call
from tests.support.operated import OperatedStack
from tests.support.stacks import docker, unique_name

VERSIONS = ("v1", "v2", "v3", "v4", "bad", "broken")


class OwnImages(OperatedStack):
    """The API has an image of a name of its own: a tag that is given to another image is no business of the tests beside this one."""

    def __init__(self, directory: Path, name: str) -> None:
        self.image = f"{name}/api"
        for version in VERSIONS:
            docker("tag", f"runbook-api:{version}", f"{self.image}:{version}")
        declared = yaml.safe_load((ROOT / "inventories/local/group_vars/stack/stack.yml").read_text())["stack_environment"]
        super().__init__(directory, name, stack_environment={**declared, "API_IMAGE": self.image})

    def remove(self) -> None:
        super().remove()
        docker("rmi", "--force", *docker("images", "--format", "{{.Repository}}:{{.Tag}}", self.image).split())


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    operated = OwnImages(tmp_path_factory.mktemp("faults"), unique_name("faults"))
    try:
        operated.must("deploy/install", version="v1")
        operated.must("deploy/release", version="v2")
        yield operated
    finally:
        operated.remove()


def refused(stack: OperatedStack, reason: str, **variables: object):
    """A release of something that has to fail while v2 goes on answering."""
    played = stack.play("deploy/release", **variables)
    assert played.code != 0, played.output
    assert played.reason == reason, (played.reason, played.message)
    assert stack.version() == "v2"
    assert stack.lease_is_free()
    assert stack.ledger()["drift"] == []
    return played


@pytest.mark.parametrize(("version", "reason", "seconds"), [("bad", "health_timeout", 6), ("broken", "service_exited", 120)])
def test_a_release_that_does_not_work_is_undone(stack, version, reason, seconds):
    played = refused(stack, reason, version=version, deploy_health_timeout=seconds)
    assert stack.verdicts()[version] == "failed"
    assert "runs again and answers" in played.message


def test_a_failed_release_cannot_be_chosen(stack):
    played = stack.play("incident/rollback", to="bad")
    assert played.code != 0
    assert played.reason == "release_failed_before", played.message
    assert stack.version() == "v2"


def test_a_missing_image_is_refused_before_anything_is_touched(stack):
    before = stack.project.containers("api")[0]["Id"]
    played = refused(stack, "image_missing", version="v99")
    assert "v99" in played.message
    assert stack.project.containers("api")[0]["Id"] == before


def test_too_little_disk_is_refused_before_anything_is_touched(stack):
    before = stack.project.containers("api")[0]["Id"]
    refused(stack, "disk_budget", version="v3", deploy_disk_free_min_mb=10**9)
    assert stack.project.containers("api")[0]["Id"] == before


def test_an_unhealthy_target_is_refused(stack):
    redis = stack.project.containers("redis")[0]["Id"]
    docker("stop", "--time", "2", redis)
    try:
        played = stack.play("deploy/release", version="v3")
        assert played.code != 0
        assert "is not healthy" in played.message
        assert "redis" in played.message
    finally:
        docker("start", redis)
        stack.must("service/state", state="started")
    assert stack.version() == "v2"


def test_a_held_lease_is_refused_with_who_and_until_when(stack):
    path = stack.project.state_dir / stack.name / "leases" / "operation.json"
    held = call("operation_lease", {**stack.project.options, "state": "held", "owner": "alice@elsewhere", "operation": "deploy v9", "expires_after": 3600})
    played = stack.play("deploy/release", version="v3")
    assert played.code != 0
    assert "alice@elsewhere" in played.message and "deploy v9" in played.message and "s left" in played.message
    assert json.loads(path.read_text())["holder"]["owner"] == "alice@elsewhere"
    broken = stack.must("health/check")  # looking needs no lease
    assert broken.code == 0
    call("operation_lease", {**stack.project.options, "state": "free", "lease_token": held["lease"]["token"]})
    assert stack.version() == "v2"


def test_a_malformed_env_file_is_refused_without_its_content(stack):
    text = stack.project.env_path.read_text()
    stack.project.env_path.write_text(text + "this line=is 'not closed\n")
    try:
        played = stack.play("deploy/release", version="v3")
        assert played.code != 0
        assert "not closed" not in played.message
    finally:
        stack.project.env_path.write_text(text)
    assert stack.version() == "v2"


def test_a_rollback_works_after_the_tag_was_taken_away_and_given_to_another_image(stack):
    stack.must("deploy/release", version="v3")
    right = docker("image", "inspect", "--format", "{{.Id}}", f"{stack.image}:v2").strip()
    docker("tag", f"{stack.image}:bad", f"{stack.image}:v2")
    try:
        stack.must("incident/rollback")
        assert stack.version() == "v2"
        assert stack.project.containers("api")[0]["Image"] == right
    finally:
        docker("tag", right, f"{stack.image}:v2")


def test_a_migration_that_fails_leaves_the_old_release_untouched(stack):
    before = stack.project.containers("api")[0]["Id"]
    env = stack.project.env_path.read_text()
    # v4's migration is the one that is pending here; it fails halfway.
    variables = {"APP_VERSION": "v4", "MIGRATION_FAIL": "1"}
    refused(stack, "command_failed", version="v4", deploy_variables=variables, deploy_breaking_migrations="accept")
    assert stack.project.containers("api")[0]["Id"] == before
    assert stack.project.env_path.read_text() == env


def test_a_breaking_migration_is_refused_and_once_accepted_there_is_no_way_back_by_release(stack):
    played = stack.play("deploy/release", version="v4")
    assert played.code != 0 and "not additive" in played.message
    assert stack.version() == "v2"
    stack.must("deploy/release", version="v4", deploy_breaking_migrations="accept")
    assert stack.version() == "v4"
    back = stack.play("incident/rollback")
    assert back.code != 0
    assert back.reason == "schema_incompatible", back.message
    assert "rename_customer" in back.message
    assert stack.version() == "v4"
