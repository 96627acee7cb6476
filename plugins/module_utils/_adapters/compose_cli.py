# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Compose, version 2 or newer, for what only it can do: ``config``, ``up``, ``pull``, ``build``, ``run``."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .._core.compose_model import ComposeModel, parse_compose_model, parse_hashes
from .._core.errors import ComposeConfigInvalid, ComposeFailed, ComposeMissing, ComposeTooOld, ProjectMissing
from .._core.redaction import Redactor
from .._core.stack import Stack
from .processes import Finished, run

# Where the docker CLI looks for plugins (docker/cli, cli-plugins/manager), run directly to save a process.
_PLUGIN_DIRECTORIES = (
    "~/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_STANDARD_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_OVERRIDE_FILES = ("compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml")
# Only these reach compose: a variable exported in somebody's shell must not win over the env file.
_KEPT_VARIABLES = ("HOME", "PATH", "USER", "LANG", "SSH_AUTH_SOCK", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_CONFIG_SECONDS = 60


def find_compose() -> str:
    """The compose program of this host; refuses its absence and version 1 with what to do."""
    for directory in _PLUGIN_DIRECTORIES:
        plugin = os.path.join(os.path.expanduser(directory), "docker-compose")
        if os.access(plugin, os.X_OK):
            return plugin  # version 1 never was a plugin
    beside_python = os.path.join(os.path.dirname(sys.executable), "docker-compose")
    program = shutil.which("docker-compose") or (beside_python if os.access(beside_python, os.X_OK) else None)
    if program is None:
        raise ComposeMissing(
            "Docker Compose was not found on this host.",
            hint="Install the compose plugin (package docker-compose-plugin or docker-compose-v2), or docker-compose 2 or newer on PATH.",
        )
    _refuse_version_1(program)
    return program


def _refuse_version_1(program: str) -> None:
    answer = run([program, "version", "--short"], timeout=_CONFIG_SECONDS)
    version = re.match(r"v?(\d+)\.", answer.stdout.strip())
    if version is None or int(version.group(1)) < 2:
        raise ComposeTooOld(
            f"{program} is version {answer.stdout.strip() or 'unknown'}; version 2 or newer is needed.",
            hint="Install the compose plugin (package docker-compose-plugin or docker-compose-v2).",
            program=program,
        )


class ComposeCli:
    """Compose commands for one stack. ``env_path`` may name a candidate env file instead of the live one."""

    def __init__(self, stack: Stack, env_path: Optional[str] = None, compose_files: Optional[Sequence[str]] = None) -> None:
        self._stack = stack
        self._files = list(compose_files) if compose_files is not None else project_files(stack)
        self._env_path = env_path or stack.env_path
        self._program = find_compose()

    @property
    def files(self) -> List[str]:
        """The compose files in use, absolute."""
        return list(self._files)

    def model(self) -> ComposeModel:
        """The resolved project; raises ComposeConfigInvalid with compose's own complaint."""
        model, _config = self.model_and_config()
        return model

    def model_and_config(self) -> Tuple[ComposeModel, Dict]:
        """The resolved project, and compose's whole JSON of it (which holds secrets: keep it in memory)."""
        with ThreadPoolExecutor(max_workers=2) as pool:  # two independent processes: as long as the longer one
            config = pool.submit(self._config, ["--format", "json"])
            hashes = pool.submit(self._config, ["--hash", "*"])
            resolved = json.loads(config.result().stdout)
            return parse_compose_model(self._stack.name, resolved, parse_hashes(hashes.result().stdout)), resolved

    def up(self, services: Sequence[str], timeout: float, options: Sequence[str] = ()) -> Finished:
        """``up --detach --no-deps`` of the named services only, from images that are already here."""
        return self.command(["up", "--detach", "--no-deps", "--no-build", "--pull", "never", *options, *services], timeout)

    def command(self, words: Sequence[str], timeout: float, extra_environment: Optional[Mapping[str, str]] = None) -> Finished:
        """Any compose command; raises ComposeFailed with the end of its complaint, redacted."""
        done = self._run(words, timeout, extra_environment)
        if done.exit_code != 0:
            raise ComposeFailed(
                f"docker compose {words[0]} failed for stack {self._stack.name}: {self._complaint(done)}",
                hint="Nothing else was done after it.",
                command=list(words),
                exit_code=done.exit_code,
            )
        return done

    def run_unchecked(self, words: Sequence[str], timeout: float, extra_environment: Optional[Mapping[str, str]] = None) -> Finished:
        """Any compose command whose exit code is the caller's to judge (``run`` passes on the command's own)."""
        return self._run(words, timeout, extra_environment)

    def _config(self, words: Sequence[str]) -> Finished:
        done = self._run(["config", *words], _CONFIG_SECONDS)
        if done.exit_code != 0:
            raise ComposeConfigInvalid(
                f"The compose files of stack {self._stack.name} are not valid: {self._complaint(done)}",
                hint=f"Check {', '.join(self._files)} and {self._env_path}.",
                compose_files=self._files,
            )
        return done

    def invocation(self, words: Sequence[str]) -> Tuple[List[str], Dict[str, str]]:
        """The whole command line for these words, and the environment to run it in; for a caller that runs it itself."""
        argv = [self._program, "--ansi", "never", "--progress", "plain"]
        argv += ["--project-name", self._stack.name, "--project-directory", self._stack.project_dir]
        for file in self._files:
            argv += ["--file", file]
        for profile in self._stack.profiles:
            argv += ["--profile", profile]
        if os.path.exists(self._env_path):
            argv += ["--env-file", self._env_path]
        return [*argv, *words], self._environment()

    def _run(self, words: Sequence[str], timeout: float, extra_environment: Optional[Mapping[str, str]] = None) -> Finished:
        argv, environment = self.invocation(words)
        environment.update(extra_environment or {})
        return run(argv, timeout, environment=environment, directory=self._stack.project_dir)

    def _environment(self) -> Dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT_VARIABLES or name.lower() in ("http_proxy", "https_proxy", "no_proxy") or name.startswith("DOCKER_")
        }
        kept["DOCKER_CLI_HINTS"] = "false"
        if self._stack.docker_host:
            kept["DOCKER_HOST"] = self._stack.docker_host
        return kept

    def _complaint(self, done: Finished) -> str:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return Redactor().text(" | ".join(lines[-5:]) or f"exit code {done.exit_code}")


def project_files(stack: Stack) -> List[str]:
    """The stack's compose files: those declared, or those compose itself would find; all must exist."""
    if not os.path.isdir(stack.project_dir):
        raise ProjectMissing(
            f"The project directory {stack.project_dir} of stack {stack.name} does not exist.",
            hint="Check stack_project_dir in the inventory, or install the environment first (playbooks/deploy/install.yml).",
            project_dir=stack.project_dir,
        )
    if stack.compose_files:
        files = [stack.in_project(file) for file in stack.compose_files]
    else:
        files = _first_existing(stack, _STANDARD_FILES) + _first_existing(stack, _OVERRIDE_FILES)
    missing = [file for file in files if not os.path.isfile(file)]
    if missing or not files:
        raise ProjectMissing(
            f"Stack {stack.name} has no compose file at {', '.join(missing) or stack.project_dir}.",
            hint="Check stack_compose_files in the inventory.",
            missing=missing,
        )
    return files


def _first_existing(stack: Stack, names: Sequence[str]) -> List[str]:
    paths = [stack.in_project(name) for name in names]
    return [path for path in paths if os.path.isfile(path)][:1]
