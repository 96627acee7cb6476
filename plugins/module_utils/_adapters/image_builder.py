# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the images of one commit, from a clean tree, under names of ours."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, Mapping

from .._core.build_plan import build_project, buildable_services
from .._core.redaction import Redactor
from .._core.release_images import ImageBuildFailed
from .._core.stack import Stack
from .compose_cli import ComposeCli
from .files import make_private_directory, write_atomically
from .git import Repository

_SHOWN_LINES = 20


@dataclass(frozen=True)
class Build:
    """``config`` is compose's resolved project (it may hold secrets), ``tags`` the name for each image to build."""

    commit: str
    config: Mapping[str, Any]
    tags: Mapping[str, str]
    timeout: float


class ImageBuilder:
    def __init__(self, stack: Stack, repository: Repository) -> None:
        self._stack = stack
        self._repository = repository

    def services(self, config: Mapping[str, Any]) -> Dict[str, str]:
        """The services that are built from this repository, with their contexts."""
        return buildable_services(_with_real_contexts(config), self._repository.root)

    def build(self, build: Build, redactor: Redactor) -> None:
        """Builds all wanted images; raises ImageBuildFailed with the last lines."""
        with self._repository.worktree(build.commit) as tree, self._project_directory() as directory:
            project = build_project(_with_real_contexts(build.config), self._repository.root, tree, build.tags, build.commit)
            path = os.path.join(directory, "compose.json")
            write_atomically(path, json.dumps(project).encode(), keep_owner=False)
            stack = replace(self._stack, project_dir=directory, compose_files=(path,), profiles=(), env_file="none")
            done = ComposeCli(stack).run_unchecked(["build", *sorted(build.tags)], build.timeout)
        if done.exit_code != 0:
            lines = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
            tail = [redactor.text(line) for line in lines[-_SHOWN_LINES:]]
            raise ImageBuildFailed(
                f"Building {', '.join(sorted(build.tags))} from commit {build.commit[:12]} failed: {' | '.join(tail[-3:])}",
                hint="Nothing that runs was changed.",
                revision=build.commit,
                output=tail,
            )

    @contextmanager
    def _project_directory(self) -> Iterator[str]:
        """A directory for the project to build; its build arguments may be secret."""
        parent = self._stack.in_state("releases", ".build")
        make_private_directory(parent)
        directory = tempfile.mkdtemp(dir=parent)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _with_real_contexts(config: Mapping[str, Any]) -> Dict[str, Any]:
    """The project with build contexts that contain no links, as git names its own directory."""
    services = {}
    for name, body in (config.get("services") or {}).items():
        section = (body or {}).get("build") or {}
        context = str(section.get("context") or "")
        if os.path.isabs(context):
            body = {**body, "build": {**section, "context": os.path.realpath(context)}}
        services[name] = body
    return {**config, "services": services}
