# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a source tree in which commands may do what they like, for a bounded time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._core.errors import BadInput
from .._core.lock_diff import StepEnded
from .._core.redaction import Redactor
from .processes import ChildProcess

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
_SHOWN_LINES = 40
_TAIL_BYTES = 65536


@contextlib.contextmanager
def copied(source: str, excludes: Sequence[str]) -> Iterator["Workspace"]:
    """The copy is gone afterwards. Links are copied as links."""
    with tempfile.TemporaryDirectory(prefix="runbook-dependencies-") as place:
        tree = os.path.join(place, "tree")
        _copy(source, tree, excludes)
        os.mkdir(os.path.join(place, "home"), 0o700)
        yield Workspace(place)


def _copy(source: str, tree: str, excludes: Sequence[str]) -> None:
    """Refused when a part of it cannot be read, or is no file: a copy that lacks something proves nothing."""
    try:
        shutil.copytree(source, tree, symlinks=True, ignore=shutil.ignore_patterns(*excludes) if excludes else None)
    except (shutil.Error, OSError) as error:
        parts = error.args[0] if isinstance(error, shutil.Error) else [(error.filename, "", error.strerror)]
        told = "; ".join(f"{name}: {why}" for name, unused, why in parts[:3])
        raise BadInput(
            f"{source} cannot be copied ({told}). Nothing was run.",
            hint="Leave it out (stack_release.dependencies.excludes), or make it readable.",
            option="source",
        ) from error


class Workspace:
    def __init__(self, place: str) -> None:
        self._tree = os.path.join(place, "tree")
        self._home = os.path.join(place, "home")

    def text(self, name: str) -> Optional[str]:
        return file_text(os.path.join(self._tree, name))

    def run(self, step: str, argv: Sequence[str], environment: Mapping[str, str], limits: Tuple[int, str]) -> StepEnded:
        """Runs one command in the copy, with a home of its own; at its deadline it ends with all that it started."""
        timeout, log = limits
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        started = time.monotonic()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            try:
                process = ChildProcess(
                    list(argv),
                    cwd=self._tree,
                    env={**kept, "HOME": self._home, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=handle,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise BadInput(f"{argv[0]}, the command of {step}, cannot be run: {error.strerror}.", option=step) from error
            exit_code = _await(process, timeout)
        return StepEnded(step, exit_code, round(time.monotonic() - started, 1), tuple(_last_lines(log, environment)), log)


def _await(process: ChildProcess, timeout: int) -> Optional[int]:
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Also what a command that ended left behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_lines(path: str, environment: Mapping[str, str]) -> List[str]:
    with open(path, "rb") as handle:
        handle.seek(max(0, os.path.getsize(path) - _TAIL_BYTES))
        said = handle.read().decode(errors="replace")
    shown = Redactor.of_environment(environment).text(said)
    return [line[:500] for line in shown.splitlines() if line.strip()][-_SHOWN_LINES:]


def file_text(path: str) -> Optional[str]:
    """Its text; None when there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def tree_state(root: str) -> Dict[str, Tuple[int, int, int]]:
    """Mode, size and time of every file and directory below it, by its name."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(path)
                found[os.path.relpath(path, root)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found
