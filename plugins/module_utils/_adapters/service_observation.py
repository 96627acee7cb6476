# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a stack say, and the containers and images that are there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Sequence, Tuple

from .._core.compose_model import ComposeModel
from .._core.container import Container
from .._core.service_drift import Observed, changed_keys
from .._core.stack import Stack
from . import engine_containers
from .compose_cli import ComposeCli
from .engine import Engine


def observe(stack: Stack, compose: ComposeCli, engine: Engine) -> Observed:
    """Everything that decisions about services need."""
    with ThreadPoolExecutor(max_workers=2) as pool:  # two independent questions: as long as the longer one
        model = pool.submit(compose.model)
        containers = pool.submit(engine.containers, stack.name)
        return _with_images(engine, model.result(), tuple(containers.result()))


def _with_images(engine: Engine, model: ComposeModel, containers: Tuple[Container, ...]) -> Observed:
    references = sorted({service.image for service in model.services})
    with ThreadPoolExecutor(max_workers=4) as pool:
        ids = list(pool.map(engine.image_id, references))
    return Observed(model, containers, dict(zip(references, ids)), _changed_keys(engine, model, containers))


def _changed_keys(engine: Engine, model: ComposeModel, containers: Sequence[Container]) -> Dict[str, Tuple[str, ...]]:
    """Names of settings that differ; asked only of containers that were made from other files."""
    found = {}
    for container in containers:
        service = next((one for one in model.services if one.name == container.service), None)
        if service and service.config_hash != container.config_hash:
            found[service.name] = changed_keys(service.environment_dict(), engine_containers.environment(engine, container.id))
    return found
