# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nginx says about its own configuration, in a container of the stack or on the host."""

from __future__ import annotations

from typing import Sequence, Tuple

from .._core.container_command import CommandRequest, ServiceNotRunning
from .._core.errors import OperationError
from .._core.redaction import Redactor
from .engine import Engine
from .engine_exec import run_in_container
from .processes import run

_SECONDS = 20.0
_MOST_BYTES = 8 * 1024 * 1024
_DUMP = ("nginx", "-T")


class NginxRefused(OperationError):
    """nginx does not accept its own files, or is not there."""

    reason = "nginx_refused"


def dump_of_service(engine: Engine, project: str, service: str) -> Tuple[str, str]:
    """All its files, and the name of the container."""
    running = [container for container in engine.containers(project) if container.service == service and container.running]
    if not running:
        raise ServiceNotRunning(f"No container of {service} runs.", hint="Start it (playbooks/service/state.yml).", service=service)
    request = CommandRequest(service, _DUMP, timeout=_SECONDS, read_only=True, max_bytes=_MOST_BYTES)
    ended = run_in_container(engine, running[0], request)
    _require_success(running[0].name, ended.exit_code, ended.stderr.text(Redactor()))
    return ended.stdout.text(Redactor()), running[0].name


def dump_of_host(program: Sequence[str] = _DUMP) -> Tuple[str, str]:
    """The same for an nginx of the host."""
    try:
        finished = run(list(program), _SECONDS)
    except OSError as error:
        raise NginxRefused(f"nginx cannot be run on this host ({error.strerror}).", hint="Name the service of the stack that runs it.") from error
    _require_success("the host", finished.exit_code, finished.stderr)
    return finished.stdout, ""


def _require_success(where: str, exit_code: object, errors: str) -> None:
    if exit_code != 0:
        lines = [line for line in errors.splitlines() if line.strip()][-3:]
        raise NginxRefused(f"nginx of {where} does not accept its own files: {' '.join(lines)}", hint="Correct the file that it names.", exit_code=exit_code)
