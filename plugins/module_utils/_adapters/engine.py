# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine through its API (the ``docker`` SDK, imported only when an engine is needed)."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, Optional

from .._core.container import LABEL_PROJECT, Container, parse_container
from .._core.errors import EngineFailed, EngineUnreachable, LibraryMissing
from .._core.stack import Stack

_API_SECONDS = 60


class Engine:
    """One connection to one engine. Calls raise EngineUnreachable or EngineFailed, nothing of the SDK's."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address

    @classmethod
    def connect(cls, stack: Stack, timeout: float = _API_SECONDS) -> "Engine":
        """Connects to the stack's engine (``docker_host``, else DOCKER_HOST, else the local socket) and asks it one thing."""
        docker = _import_docker()
        settings: Dict[str, Any] = docker.utils.kwargs_from_env()
        if stack.docker_host:
            settings["base_url"] = stack.docker_host
        address = settings.get("base_url") or "unix:///var/run/docker.sock"
        engine = cls(None, address)
        with engine.calling("connect"):
            engine._client = docker.APIClient(version="auto", timeout=timeout, **settings)
        return engine

    @property
    def client(self) -> Any:
        """The SDK's APIClient, for adapters beside this one; use it inside ``calling``."""
        return self._client

    @property
    def is_local(self) -> bool:
        """Whether it is reached through a socket of this host, so that both see the same files."""
        return self._address.startswith(("unix://", "http+unix://", "/"))

    @contextlib.contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Translates the SDK's and the transport's errors into ours; ``what`` names the request for people."""
        docker = _import_docker()
        import requests

        try:
            yield
        except docker.errors.APIError as error:
            raise EngineFailed(
                f"The Docker engine at {self._address} could not {what}: {error.explanation or error}",
                hint="Look at the engine's log (journalctl -u docker).",
                status=error.status_code,
            ) from error
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            raise EngineUnreachable(
                f"The Docker engine at {self._address} does not answer ({what}).",
                hint="Check that it runs (systemctl status docker) and that this user may use it.",
                engine=self._address,
                cause=type(error).__name__,
            ) from error

    def info(self) -> Dict[str, Any]:
        """The engine's own description (``GET /info``)."""
        with self.calling("describe itself"):
            return self._client.info()

    def containers(self, project: str, one_off: bool = False) -> List[Container]:
        """The stack's containers in any state, sorted by service and number; one-off ones only when asked for."""
        found = [parse_container(answer) for answer in self.inspect_project(project)]
        chosen = [container for container in found if one_off or not container.one_off]
        return sorted(chosen, key=lambda container: (container.service, container.number))

    def inspect_project(self, project: str) -> List[Dict[str, Any]]:
        """The engine's whole description of each container of a project (it holds secrets: keep it in memory)."""
        with self.calling(f"list the containers of {project}"):
            listed = self._client.containers(all=True, filters={"label": f"{LABEL_PROJECT}={project}"})
        answers = [self.inspect(item["Id"]) for item in listed]
        return [answer for answer in answers if answer is not None]

    def inspect(self, container: str) -> Optional[Dict[str, Any]]:
        """One container's description, or None when it is gone (it may go between two calls)."""
        with self.calling(f"inspect container {container[:12]}"):
            return _none_when_missing(lambda: self._client.inspect_container(container))

    def image(self, reference: str) -> Optional[Dict[str, Any]]:
        """An image's description, or None when it is not on this host."""
        with self.calling(f"inspect image {reference}"):
            return _none_when_missing(lambda: self._client.inspect_image(reference))

    def image_id(self, reference: str) -> Optional[str]:
        """``sha256:...`` of an image, or None when it is not on this host."""
        image = self.image(reference)
        return image["Id"] if image else None


def _none_when_missing(ask: Any) -> Any:
    docker = _import_docker()
    try:
        return ask()
    except docker.errors.NotFound:
        return None


def _import_docker() -> Any:
    try:
        import docker
    except ImportError as error:
        raise LibraryMissing(
            "The Python library 'docker' is missing on this host.",
            hint="Install it for the interpreter Ansible uses there (package python3-docker, or pip install docker).",
            library="docker",
        ) from error
    return docker
