"""What people read about releases."""

from __future__ import annotations

from dataclasses import replace

from tests.support.release_samples import draft, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.container import Container
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import ReleaseImage
from ansible_collections.runbook.compose.plugins.module_utils._core.release_report import find_drift, release_table, wrong_images


def container(service: str, image_id: str, **changes) -> Container:
    return Container(id="c", name=f"shop-{service}-1", service=service, image_id=image_id, **changes)


RELEASE = draft(images={"api": ReleaseImage("a:1", "sha256:aa"), "db": ReleaseImage("d:1", "sha256:dd")})


def test_no_drift_when_all_containers_are_of_the_release():
    assert find_drift(RELEASE, [container("api", "sha256:aa"), container("db", "sha256:dd")]) == []


def test_each_kind_of_drift_has_its_word():
    running = [container("api", "sha256:bb"), container("api", "sha256:aa", state="exited", exit_code=1)]
    assert [(item["service"], item["problem"]) for item in find_drift(RELEASE, running)] == [
        ("api", "wrong_image"),
        ("api", "not_running"),
        ("db", "missing"),
    ]


def test_a_service_that_ended_well_has_not_drifted():
    assert find_drift(RELEASE, [container("api", "sha256:aa", state="exited"), container("db", "sha256:dd")]) == []


def test_only_running_containers_can_run_a_wrong_image():
    old = container("api", "sha256:bb", state="exited", exit_code=1)
    assert wrong_images(RELEASE, [old]) == []
    assert wrong_images(RELEASE, [old, container("api", "sha256:cc")])[0]["running_image_id"] == "sha256:cc"


def test_the_table_marks_the_current_and_the_staged_release():
    ledger = replace(live_history("v1").with_new(draft("v2", image="sha256:0123456789abcdef", git_revision="4f1c2ab" * 5)), staged="0002")
    lines = release_table(ledger, tuple(reversed(ledger.releases))).splitlines()
    assert lines[0].split() == ["id", "version", "verdict", "live", "since", "by", "images", "git"]
    assert lines[1].startswith(">  0002  v2")
    assert "api=0123456789ab" in lines[1] and lines[1].endswith("4f1c2ab4f1")
    assert lines[2].startswith("*  0001  v1")
    assert "2026-11-21T04:00:00Z  ada" in lines[2]


def test_an_empty_ledger_gives_only_the_heading():
    assert release_table(ledger_of(), ()).splitlines() == ["  id  version  verdict  live since  by  images  git"]
