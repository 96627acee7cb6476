"""What a test run gets of the live stack, and what not."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core import isolated_project as isolated
from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import ComposeModel, ServiceDefinition
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, UnknownService

CONFIG = {
    "services": {
        "api": {
            "image": "shop-api:v2",
            "command": ["serve", "$$HOME"],
            "environment": {"REDIS_PASSWORD": "pa$$word", "MODE": "live"},
            "ports": [{"published": "80", "target": 3000}],
            "networks": {"front": None},
            "network_mode": "host",
            "extra_hosts": ["db=10.0.0.1"],
            "labels": {"traefik.enable": "true"},
            "container_name": "api",
            "depends_on": {"postgres": {"condition": "service_healthy"}},
            "privileged": True,
            "volumes": [
                {"type": "bind", "source": "/srv/shop/app.conf", "target": "/etc/app.conf"},
                {"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock", "read_only": True},
                {"type": "volume", "source": "uploads", "target": "/uploads"},
            ],
        },
        "redis": {"image": "redis:7", "healthcheck": {"test": ["CMD", "redis-cli", "ping"]}, "volumes": [{"type": "volume", "source": "d", "target": "/data"}]},
        "postgres": {"image": "postgres:15"},
    },
    "networks": {"front": {"external": True}},
    "volumes": {"d": {"name": "shop_d"}},
}
ISOLATION = isolated.Isolation("api", ("redis",), {"api": "sha256:aa", "redis": "sha256:bb"}, {"MODE": "te$t"})


def made() -> dict:
    return isolated.isolated_project(CONFIG, ISOLATION, lambda path: path.endswith(".conf"))


def test_only_the_service_and_its_stores_are_there_with_one_network_that_leads_nowhere():
    project = made()
    assert set(project) == {"services", "networks"} and set(project["services"]) == {"api", "redis"}
    assert project["networks"] == {"default": {"internal": True, "labels": {"runbook.tests": "1"}}}


def test_nothing_that_reaches_outside_is_kept():
    api = made()["services"]["api"]
    assert set(api) == {"image", "command", "environment", "pull_policy", "labels", "volumes"}
    assert (api["image"], api["command"], api["labels"]) == ("sha256:aa", ["serve", "$$HOME"], {"runbook.tests": "1"})
    assert api["environment"] == {"REDIS_PASSWORD": "pa$$word", "MODE": "te$$t"}


def test_files_are_there_to_read_and_data_is_empty():
    assert made()["services"]["api"]["volumes"] == [
        {"type": "bind", "source": "/srv/shop/app.conf", "target": "/etc/app.conf", "read_only": True},
        {"type": "volume", "target": "/var/run/docker.sock"},
        {"type": "volume", "target": "/uploads"},
    ]
    assert made()["services"]["redis"]["volumes"] == [{"type": "volume", "target": "/data"}]
    assert made()["services"]["redis"]["healthcheck"] == CONFIG["services"]["redis"]["healthcheck"]


def test_stores_are_other_services_of_the_files():
    model = ComposeModel("shop", (ServiceDefinition("api", "a"), ServiceDefinition("redis", "r")))
    assert isolated.choose_stores(model, "api", ["redis", "redis"]) == ("redis",)
    with pytest.raises(BadInput):
        isolated.choose_stores(model, "api", ["api"])
    with pytest.raises(UnknownService):
        isolated.choose_stores(model, "api", ["cache"])


def test_somebody_elses_project_is_left_alone():
    isolated.refuse_foreign("shop-tests", [{"runbook.tests": "1"}])
    with pytest.raises(isolated.LiveReached):
        isolated.refuse_foreign("shop-tests", [{"runbook.tests": "1"}, {}])


def test_the_proof_fails_for_any_other_network():
    isolated.refuse_networks("shop-tests", ("shop-tests_default",), True)
    for networks, internal in ((("shop-tests_default",), False), (("shop-tests_default", "shop_default"), True), ((), True)):
        with pytest.raises(isolated.LiveReached):
            isolated.refuse_networks("shop-tests", networks, internal)
