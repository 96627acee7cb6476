# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of a release in its own image, with stores of their own, in a network that leads nowhere."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..._core.compose_model import ComposeModel
from ..._core.container_command import CommandRequest, CommandTimedOut, Ended
from ..._core.errors import EngineFailed
from ..._core.isolated_project import Isolation, choose_stores, isolated_project, refuse_foreign, refuse_networks, tests_project
from ..._core.plan import Plan, facts_only
from ..._core.redaction import Redactor
from ..._core.release_images import ImageMissing
from ..._core.release_selection import find_release
from ..._core.stack import Stack
from ..._core.suite_results import SuiteCounts, SuiteRequest, SuiteUnreadable, counted, judge_suite
from ..clock import utc_now
from ..compose_cli import ComposeCli
from ..container_file import read_container_file
from ..engine import Engine
from ..files import make_private_directory, write_atomically
from ..junit_file import junit_cases
from ..ledger_store import LedgerStore
from ..memory_file import memory_file
from ..one_off import OneOffContainer

_KEPT_RUNS = 10
_DOWN_SECONDS = 60
_JUNIT_BYTES = 4 * 1024 * 1024
_OUTPUT_BYTES = 1024 * 1024


@dataclass
class Left:
    """What was read of the container before it went."""

    networks: Tuple[str, ...] = ()
    junit: Optional[str] = None


class ReleaseTests:
    def __init__(self, stack: Stack, request: SuiteRequest) -> None:
        self._stack = stack
        self._request = request
        self._engine = Engine.connect(stack)
        self._left = Left()

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "ReleaseTests":
        return cls(Stack.from_params(params), SuiteRequest.from_params(params))

    def plan(self) -> Plan:
        request = self._request
        model, self._config = ComposeCli(self._stack).model_and_config()
        stores = choose_stores(model, request.service, request.stores)
        self._release, image = self._image(model)
        images = {name: self._image_id(model.service(name).image) for name in stores}
        self._isolation = Isolation(request.service, stores, {**images, request.service: self._image_id(image)}, request.environment)
        self._project = tests_project(self._stack.name)
        self._redactor = Redactor.of_environment({**model.service(request.service).environment_dict(), **request.environment})
        refuse_foreign(self._project, [answer["Config"].get("Labels") or {} for answer in self._engine.inspect_project(self._project)])
        return facts_only({**self._facts(), "ran": False})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        """However it ends, the project of the tests is gone afterwards."""
        file = isolated_project(self._config, self._isolation, os.path.isfile)
        with ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="runbook-tests-"))
            path = stack.enter_context(memory_file("compose", json.dumps(file).encode()))
            own = Stack(self._project, directory, (path,), state_dir=self._stack.state_dir, docker_host=self._stack.docker_host)
            compose = ComposeCli(own)
            compose.command(["down", "--volumes", "--remove-orphans", "--timeout", "1"], _DOWN_SECONDS)  # of a run that was killed
            stack.callback(compose.command, ["down", "--volumes", "--remove-orphans", "--timeout", "1"], _DOWN_SECONDS)
            self._start_stores(compose)
            ended = self._run(own)
        kept = self._keep(ended)
        return {**self._facts(), **self._judged(ended, kept), "ran": True}

    def _facts(self) -> Dict[str, Any]:
        isolation = self._isolation
        return {"service": isolation.service, "release": self._release, "images": dict(isolation.images), "project": self._project}

    def _image(self, model: ComposeModel) -> Tuple[str, str]:
        """The release's image; without a ledger the one that the files name."""
        ledger = LedgerStore(self._stack).load()
        if not self._request.release and not ledger.current:
            return "", model.service(self._request.service).image
        release = find_release(ledger, self._request.release or "current")
        image = release.images.get(self._request.service)
        return release.id, image.id if image else model.service(self._request.service).image

    def _image_id(self, reference: str) -> str:
        found = self._engine.image_id(reference)
        if found is None:
            raise ImageMissing(f"The image {reference} is not on this host. No test was run.", hint="Pull or build it first.", image=reference)
        return found

    def _start_stores(self, compose: ComposeCli) -> None:
        if self._isolation.stores:
            seconds = self._request.store_timeout
            words = ["up", "--detach", "--no-build", "--pull", "never", "--wait", "--wait-timeout", str(seconds)]
            compose.command([*words, *self._isolation.stores], seconds + _DOWN_SECONDS)

    def _run(self, own: Stack) -> Ended:
        request = self._request
        asked = CommandRequest(request.service, request.command, one_off=True, timeout=request.timeout, max_bytes=_OUTPUT_BYTES)
        container = OneOffContainer(own, self._engine, asked)
        container.before_removal = self._look
        ended = container.run()
        with self._engine.calling(f"inspect the network of {self._project}"):
            network = self._engine.client.inspect_network(f"{self._project}_default")
        refuse_networks(self._project, self._left.networks, bool(network.get("Internal")))
        return ended

    def _look(self, name: str) -> None:
        found = self._engine.inspect(name) or {}
        networks = tuple(sorted((found.get("NetworkSettings") or {}).get("Networks") or {}))
        junit = None
        if self._request.junit:
            try:
                junit = read_container_file(self._engine, name, self._request.junit, _JUNIT_BYTES)
            except EngineFailed:  # there is no such file
                junit = None
        self._left = Left(networks, junit)

    def _keep(self, ended: Ended) -> Dict[str, str]:
        """The output and the JUnit file of the last runs, on the target."""
        directory = self._stack.in_state("tests")
        make_private_directory(directory)
        name = f"{utc_now().strftime('%Y%m%dT%H%M%SZ')}-{self._release or 'unreleased'}"
        said = f"{ended.stdout.text(self._redactor)}\n{ended.stderr.text(self._redactor)}\n"
        texts = {"log": said, **({"xml": self._redactor.text(self._left.junit)} if self._left.junit is not None else {})}
        for ending, text in texts.items():
            write_atomically(os.path.join(directory, f"{name}.{ending}"), text.encode())
        for ending in ("log", "xml"):
            for old in sorted(file for file in os.listdir(directory) if file.endswith(f".{ending}"))[:-_KEPT_RUNS]:
                os.unlink(os.path.join(directory, old))
        return {"output_file": os.path.join(directory, f"{name}.log"), "junit_file": os.path.join(directory, f"{name}.xml") if "xml" in texts else ""}

    def _judged(self, ended: Ended, kept: Mapping[str, str]) -> Dict[str, Any]:
        said: List[str] = ended.stdout.last_lines(self._redactor) + ended.stderr.last_lines(self._redactor)
        if ended.exit_code is None:
            raise CommandTimedOut(
                f"The tests did not end within {self._request.timeout} s and were stopped.",
                hint="The live stack was not touched. Give them more time (timeout), or look where they hang.",
                output=said,
                **kept,
            )
        counts = self._counts(kept) if self._request.junit and (self._left.junit is not None or ended.exit_code == 0) else None
        judge_suite(ended.exit_code, counts, said, kept)
        told = counts.to_dict() if counts else {}
        return {**kept, "exit_code": ended.exit_code, "duration_ms": ended.duration_ms, "counts": told, "networks": list(self._left.networks)}

    def _counts(self, kept: Mapping[str, str]) -> SuiteCounts:
        if self._left.junit is None:
            raise SuiteUnreadable(
                f"The tests ended well and left no {self._request.junit}: nothing says that any was run.",
                hint="Let the command write its JUnit file there, or take junit out of the inventory.",
                **kept,
            )
        return counted(junit_cases(self._left.junit, self._request.junit))
