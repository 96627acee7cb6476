"""A release to a swarm: which image is meant, and how it stands in the ledger."""

from __future__ import annotations

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core import release_selection
from ansible_collections.runbook.compose.plugins.module_utils._core import swarm_release as releases
from ansible_collections.runbook.compose.plugins.module_utils._core.container import Container
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import Ledger, Release, ReleaseFile, ReleaseImage, parse_ledger
from ansible_collections.runbook.compose.plugins.module_utils._core.release_plan import plan_registration
from ansible_collections.runbook.compose.plugins.module_utils._core.release_report import find_drift
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm import SwarmService
from ansible_collections.runbook.compose.plugins.module_utils._core.verdicts import adopt

API = SwarmService("a", "shop_api", "api", image="registry:5000/shop/api:v1@sha256:1ad1")
WEB = SwarmService("w", "shop_web", "web", image="web:v1")
ABOUT = releases.Draft("v2", "2026-11-22T07:00:00Z", "ada")


def test_the_version_is_the_tag_of_the_repository_that_a_service_has_or_is_given():
    assert releases.references([API, WEB], {"web": "other/web"}, "v2") == {"api": "registry:5000/shop/api:v2", "web": "other/web:v2"}


@pytest.mark.parametrize(
    ("repositories", "version"),
    [({}, "v2:x"), ({}, ""), ({}, "-v2"), ({}, "shop/v2"), ({"absent": "x"}, "v2"), ({"web": "UPPER WORDS"}, "v2"), ({"web": ["x"]}, "v2")],
)
def test_what_names_no_image_is_refused(repositories, version):
    with pytest.raises(BadInput):
        releases.references([API, WEB], repositories, version)


def test_an_image_is_named_by_its_digest_where_there_is_one():
    image = releases.pinned("shop/api:v2", "sha256:2be2")
    assert image == ReleaseImage("shop/api:v2", "sha256:2be2", "shop/api:v2@sha256:2be2")
    assert releases.image_of(image) == "shop/api:v2@sha256:2be2"
    by_name = releases.pinned("shop/api:v2", "")
    assert (by_name.id, releases.image_of(by_name)) == ("shop/api:v2", "shop/api:v2")
    assert releases.running_image(API) == ReleaseImage("registry:5000/shop/api:v1", "sha256:1ad1", API.image)


def test_only_what_differs_changes_in_the_order_of_the_services():
    images = {"web": releases.pinned("web:v2", ""), "api": releases.running_image(API), "gone": releases.pinned("x:1", "")}
    assert releases.to_change([API, WEB], images) == ((WEB, "web:v2"),)


def test_what_runs_is_adopted_and_the_same_again_is_not_new():
    ledger = Ledger(salt="x").with_new(releases.adopted_draft([API], ABOUT))
    entry = ledger.releases[0]
    assert (entry.version, entry.of_swarm, entry.images["api"].id) == ("v1", True, "sha256:1ad1")
    ledger = adopt(ledger, entry, ABOUT.at, ABOUT.by)
    same = plan_registration(ledger, releases.draft({"api": releases.running_image(API)}, ABOUT))
    assert (same.already_current, same.entry.id) == (True, "0001")
    moved = plan_registration(ledger, releases.draft({"api": releases.pinned("registry:5000/shop/api:v1", "sha256:9999")}, ABOUT))
    assert (moved.is_new, moved.entry.id, moved.entry.previous) == (True, "0002", "0001")
    assert parse_ledger(ledger.to_dict(), "x").current_release.of_swarm
    assert releases.adopted_draft([API, SwarmService("b", "shop_b", "b", image="b:v7")], ABOUT).version == "adopted"


def test_a_release_of_one_engine_is_not_brought_to_the_other():
    of_swarm = releases.draft({}, ABOUT)
    of_compose = Release(id="0001", version="v1", env=ReleaseFile("/srv/shop/.env", "x"))
    releases.refuse_of_compose(of_swarm)
    release_selection.refuse_of_swarm(of_compose)
    for refuse, release in ((releases.refuse_of_compose, of_compose), (release_selection.refuse_of_swarm, of_swarm)):
        with pytest.raises(release_selection.ReleaseOfOtherEngine):
            refuse(release)


def test_containers_of_one_engine_say_nothing_of_a_release_to_a_swarm():
    release = releases.draft({"api": releases.pinned("shop/api:v2", "sha256:2be2")}, ABOUT)
    assert find_drift(release, []) == []
    assert find_drift(release, [Container(id="c", name="c", service="api", image_id="sha256:other")]) == []
