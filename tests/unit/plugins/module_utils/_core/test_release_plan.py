"""What registering a release decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.release_samples import draft, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import ComposeModel, Dependency, ServiceDefinition
from ansible_collections.runbook.compose.plugins.module_utils._core.container import Container
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import FAILED
from ansible_collections.runbook.compose.plugins.module_utils._core.release_plan import (
    DiskBudget,
    adopted_version,
    changed_services,
    judge_running,
    parse_version,
    plan_registration,
    refuse_full_disk,
)

MODEL = ComposeModel(
    "shop",
    (
        ServiceDefinition("api", "shop-api:v1", config_hash="h1", depends_on=(Dependency("migrate", "service_completed_successfully"),)),
        ServiceDefinition("migrate", "shop-api:v1", config_hash="h2"),
        ServiceDefinition("worker", "shop-api:v1", config_hash="h3", replicas=0),
    ),
)
IMAGES = {"api": "shop-api:v1", "migrate": "shop-api:v1", "worker": "shop-api:v1"}


def container(service: str = "api", **changes) -> Container:
    values = {"id": "c1", "name": f"shop-{service}-1", "image_id": "sha256:aa", "image_reference": "shop-api:v1", "config_hash": "h1"}
    return Container(service=service, **{**values, **changes})


def test_something_new_gets_the_next_id_and_remembers_the_current_release():
    registration = plan_registration(live_history("v1"), draft("v2", image="sha256:bb", fingerprint="f9"))
    assert registration.is_new
    assert (registration.entry.id, registration.entry.previous) == ("0002", "0001")


def test_the_same_images_and_configuration_as_now_are_no_new_release():
    registration = plan_registration(live_history("v1"), draft("v1", image="sha256:01", fingerprint="f1"))
    assert (registration.is_new, registration.already_current, registration.entry.id) == (False, True, "0001")


@pytest.mark.parametrize("change", [{"image": "sha256:bb"}, {"fingerprint": "f9"}])
def test_another_image_or_another_configuration_is_a_new_release(change):
    wanted = {"image": "sha256:01", "fingerprint": "f1", **change}
    assert plan_registration(live_history("v1"), draft("v1", **wanted)).is_new


def test_what_an_interrupted_run_registered_is_used_again():
    ledger = live_history("v1").with_new(draft("v2", image="sha256:bb"))
    registration = plan_registration(ledger, draft("v2", image="sha256:bb"))
    assert (registration.is_new, registration.already_current, registration.entry.id) == (False, False, "0002")


def test_a_failed_release_is_registered_anew():
    ledger = ledger_of(draft("v2", verdict=FAILED))
    assert plan_registration(ledger, draft("v2")).entry.id == "0002"


def test_healthy_containers_of_the_live_files_are_good():
    assert judge_running(MODEL, [container()], IMAGES).good
    assert judge_running(MODEL, [container(health="healthy"), container("migrate", state="exited")], IMAGES).good


@pytest.mark.parametrize(
    "containers, reason",
    [
        ([], "api has no container"),
        ([container(state="exited")], "shop-api-1 is exited"),
        ([container(health="unhealthy")], "shop-api-1 is unhealthy"),
        ([container(health="starting")], "shop-api-1 is starting"),
        ([container(image_reference="shop-api:v0")], "shop-api-1 was made from shop-api:v0 and the files now say shop-api:v1"),
    ],
)
def test_anything_else_is_not_taken_for_a_good_release(containers, reason):
    health = judge_running(MODEL, containers, IMAGES)
    assert not health.good
    assert health.reason == reason


def test_what_runs_is_named_after_what_is_asked_for_when_it_is_just_that():
    assert adopted_version({"api": "a:v1"}, {"api": "a:v1"}, "v1") == "v1"
    assert adopted_version({"api": "a:v1", "db": "db:15"}, {"api": "a:v2", "db": "db:15"}, "v2") == "v1"
    assert adopted_version({"api": "a:v1", "web": "w:7"}, {"api": "a:v2", "web": "w:8"}, "v2") == "adopted"


def test_services_change_by_image_by_configuration_or_by_not_being_there():
    ids = {"api": "sha256:aa", "migrate": "sha256:aa", "gone": "sha256:aa"}
    assert changed_services(MODEL, [container(), container("migrate", config_hash="h2")], ids) == ()
    assert changed_services(MODEL, [container(config_hash="old"), container("migrate", config_hash="h2")], ids) == ("api",)
    assert changed_services(MODEL, [container(), container("migrate", config_hash="h2", image_id="sha256:bb")], ids) == ("migrate",)
    assert changed_services(MODEL, [], {"api": "sha256:aa"}) == ("api",)


def test_a_service_that_needs_no_container_has_not_changed():
    assert changed_services(MODEL, [], {"migrate": "sha256:aa", "worker": "sha256:aa"}) == ()


@pytest.mark.parametrize("version", ["", "current", "previous", "a b", "-v", "v" * 129, "v1\n"])
def test_a_version_that_cannot_name_a_release_is_refused(version):
    with pytest.raises(BadInput):
        parse_version(version)


@pytest.mark.parametrize("version", ["v2", "2026.11.21+4", "feature/x@4f1c", "0007"])
def test_usual_versions_are_accepted(version):
    assert parse_version(version) == version


def test_a_full_disk_is_refused_and_an_unknown_one_is_not():
    with pytest.raises(DiskBudget) as caught:
        refuse_full_disk(99.6, 100, "/var/lib/docker")
    assert caught.value.details == {"directory": "/var/lib/docker", "free_mb": 99, "disk_free_min_mb": 100}
    refuse_full_disk(100, 100, "/var/lib/docker")
    refuse_full_disk(None, 100, "/var/lib/docker")


def test_the_draft_of_the_current_release_is_not_changed_by_its_id():
    ledger = live_history("v1")
    assert ledger.entry("0001").runs_what(replace(ledger.entry("0001"), id="", verdict=FAILED))


@pytest.mark.parametrize(("known", "brought", "kept"), [("", "b1", "b1"), ("b1", "", "b1"), ("b1", "b2", "b2")])
def test_a_pending_release_learns_of_its_backup(known, brought, kept):
    ledger = live_history("v1").with_new(draft("v2", image="sha256:bb", backup_id=known))
    registration = plan_registration(ledger, draft("v2", image="sha256:bb", backup_id=brought))
    assert (registration.entry.id, registration.is_new, registration.entry.backup_id) == ("0002", False, kept)


def test_the_current_release_keeps_the_backup_from_before_its_own_deploy():
    current = live_history("v1")
    assert plan_registration(current, draft("v1", image="sha256:01", fingerprint="f1", backup_id="b9")).entry.backup_id == ""
