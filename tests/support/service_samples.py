"""A small stack as data: a store, an application that needs it and a one-shot migration, an edge before them."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import ComposeModel, Dependency, ServiceDefinition
from ansible_collections.runbook.compose.plugins.module_utils._core.container import Container
from ansible_collections.runbook.compose.plugins.module_utils._core.service_drift import Observed

STORE = ServiceDefinition("store", "store:7", config_hash="hash-store", healthcheck=True)
MIGRATE = ServiceDefinition("migrate", "app:v1", config_hash="hash-migrate", depends_on=(Dependency("store"),))
APP = ServiceDefinition(
    "app",
    "app:v1",
    config_hash="hash-app",
    replicas=2,
    depends_on=(Dependency("store", "service_healthy"), Dependency("migrate", "service_completed_successfully")),
)
EDGE = ServiceDefinition("edge", "edge:1", config_hash="hash-edge", depends_on=(Dependency("app"),), fixed_port=True)
MODEL = ComposeModel("shop", (APP, EDGE, MIGRATE, STORE))
IMAGES = {"store:7": "sha256:" + "a" * 64, "app:v1": "sha256:" + "b" * 64, "edge:1": "sha256:" + "c" * 64}
IN_ORDER = ["store", "migrate", "app", "edge"]


def container(of: str, number: int = 1, **changes: object) -> Container:
    """A container that is what the files ask for."""
    definition = MODEL.service(of)
    right = Container(
        id=f"{of}-{number}",
        name=f"shop-{of}-{number}",
        service=of,
        number=number,
        state="exited" if of == "migrate" else "running",
        health="healthy" if of == "store" else "none",
        image_id=IMAGES[definition.image],
        config_hash=definition.config_hash,
    )
    return replace(right, **changes)


def settled(model: ComposeModel = MODEL) -> tuple[Container, ...]:
    """Every service as the files ask for."""
    return tuple(container(service.name, number) for service in model.services for number in range(1, service.replicas + 1))


def observed(*containers: Container, model: ComposeModel = MODEL, images: dict | None = None) -> Observed:
    return Observed(model, containers, IMAGES if images is None else images)


def with_service(service: str, **changes: object) -> ComposeModel:
    """The model with one service changed."""
    return ComposeModel("shop", tuple(replace(one, **changes) if one.name == service else one for one in MODEL.services))


def instead(service: str, *containers: Container) -> tuple[Container, ...]:
    """The settled stack with other containers of one service."""
    return tuple(one for one in settled() if one.service != service) + containers
