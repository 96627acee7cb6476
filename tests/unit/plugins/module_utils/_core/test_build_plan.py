"""Only what lies in the repository is built, and from the sources of one commit."""

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.build_plan import build_project, buildable_services

CONFIG = {
    "services": {
        "api": {"image": "shop-api:v2", "build": {"context": "/src/shop/api", "dockerfile": "Dockerfile", "tags": ["shop-api:latest"]}},
        "web": {"build": {"context": "/src/shop", "dockerfile": "/src/shop/web/Dockerfile", "labels": {"team": "web"}, "args": {"V": "2"}}},
        "other": {"build": {"context": "/src/shopping"}},
        "remote": {"build": {"context": "https://example.org/x.git"}},
        "db": {"image": "db:15"},
        "empty": None,
    },
    "secrets": {"token": {"file": "/run/token"}},
}


def project(*services: str) -> dict:
    return build_project(CONFIG, "/src/shop", "/tree", {name: f"runbook.local/shop/{name}:building" for name in services}, "4f1c")


def test_services_are_built_whose_context_lies_in_the_repository():
    assert buildable_services(CONFIG, "/src/shop") == {"api": "/src/shop/api", "web": "/src/shop"}


def test_contexts_and_dockerfiles_lead_into_the_clean_tree():
    services = project("api", "web")["services"]
    assert services["api"]["build"]["context"] == "/tree/api"
    assert services["api"]["build"]["dockerfile"] == "Dockerfile"
    assert services["web"]["build"]["dockerfile"] == "/tree/web/Dockerfile"
    assert services["web"]["build"]["args"] == {"V": "2"}


def test_images_get_our_names_only_and_say_their_revision():
    api, web = project("api", "web")["services"].values()
    assert api["image"] == "runbook.local/shop/api:building"
    assert "tags" not in api["build"]
    assert web["build"]["labels"] == {"team": "web", "org.opencontainers.image.revision": "4f1c"}


def test_only_what_is_asked_for_is_built_and_secrets_go_along():
    assert list(project("web")["services"]) == ["web"]
    assert project("web")["secrets"] == CONFIG["secrets"]


def test_the_project_given_is_left_as_it_was():
    project("api")
    assert CONFIG["services"]["api"]["build"]["context"] == "/src/shop/api"
