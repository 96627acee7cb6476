# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A short-lived container of a service's own image: what it runs, what it may see, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Tuple

from .errors import OperationError

LABEL_MADE, HELPER = "runbook.made", "helper"
LABEL_STACK = "runbook.stack"
LABEL_OWNER = "runbook.helper.owner"  # <host>:<process id> of the module that waits for it


class HelperFailed(OperationError):
    """A program in a helper container ended with an error."""

    reason = "helper_failed"


@dataclass(frozen=True)
class Mount:
    """A directory of the host inside the helper."""

    host_path: str
    path: str
    writable: bool = False


@dataclass(frozen=True)
class HelperTask:
    """``network`` is none, or container:ID to share a container's network. Nothing here may be a secret; see ``files``.

    ``files`` (path to content) are put into the container before it starts, readable by its root only, and go with it.
    """

    purpose: str
    argv: Tuple[str, ...]
    network: str = "none"
    mounts: Tuple[Mount, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = "0:0"
    shm_bytes: int = 256 * 2**20
    tmpfs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HelperEnded:
    exit_code: int
    oom_killed: bool
    stdout: str
    stderr: str

    def require_success(self, what: str, hint: str = "") -> None:
        """Raises HelperFailed with the last lines of stderr, unless the program ended with 0."""
        if self.exit_code != 0:
            lines = self.stderr.strip().splitlines()[-5:] or self.stdout.strip().splitlines()[-5:]
            cause = "it was killed for want of memory" if self.oom_killed else " | ".join(lines) or "it gave no reason"
            raise HelperFailed(f"{what} failed (exit code {self.exit_code}): {cause}", hint=hint, exit_code=self.exit_code, stderr=lines)
