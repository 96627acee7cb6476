# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands: lists of words, a bounded time, closed standard input."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

from .._core.errors import TimedOut


@dataclass(frozen=True)
class Finished:
    """What a command that ended left behind."""

    argv: Sequence[str]
    exit_code: int
    stdout: str
    stderr: str


class ChildProcess(subprocess.Popen):
    """A child that does not outlive the block it was started in."""

    def __exit__(self, *raised: object) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(*raised)


def run(
    argv: Sequence[str],
    timeout: float,
    environment: Optional[Mapping[str, str]] = None,
    directory: Optional[str] = None,
) -> Finished:
    """Runs one command to its end; ``environment`` replaces the whole environment when given. ``timeout`` in seconds."""
    with ChildProcess(  # the argv is a list: no shell reads it
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if environment is None else dict(environment),
        cwd=directory,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            raise TimedOut(
                f"{os.path.basename(argv[0])} did not end within {timeout:g} s and was stopped.",
                hint="Look at the load of the host and at the engine's log.",
                command=list(argv[:3]),
                timeout=timeout,
            ) from expired
    return Finished(argv, process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))
