# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A git repository on the host, read without changing its working tree."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Dict, Iterator, Sequence

from .._core.errors import BadInput, OperationError
from .files import make_private_directory
from .processes import Finished, run

_GIT_SECONDS = 120
# Nothing that lies in the repository may run code, whoever owns it.
_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")


class RepositoryUnreadable(BadInput):
    """There is no git, no repository, or git refuses to read it."""

    reason = "repository_unreadable"


class RepositoryDirty(OperationError):
    """Files under version control were edited and not committed."""

    reason = "repository_dirty"


class RevisionUnknown(BadInput):
    """The repository does not have this revision."""

    reason = "revision_unknown"


class Repository:
    """Worktrees are made below ``worktrees``, a private directory of ours."""

    def __init__(self, path: str, worktrees: str) -> None:
        self._path = path
        self._worktrees = worktrees
        if shutil.which("git") is None:
            raise RepositoryUnreadable("git is not installed on this host.", hint="Install git, or deploy an image that is built elsewhere.")
        top = self._git("rev-parse", "--show-toplevel")
        if top.exit_code != 0:
            raise RepositoryUnreadable(
                f"{path} is not a git repository that this user can read: {_complaint(top)}",
                hint="Check source.repository, and who owns it.",
                repository=path,
            )
        self.root = top.stdout.strip()

    def refuse_dirty(self) -> None:
        """Edits that are not committed would not be in the build, although somebody may believe so."""
        status = self._checked("status", "--porcelain", "--untracked-files=no")
        edited = [line[3:] for line in status.stdout.splitlines()]
        if edited:
            raise RepositoryDirty(
                f"{self.root} has edits that are not committed: {', '.join(edited[:5])}{' ...' if len(edited) > 5 else ''}.",
                hint="Commit them or put them aside. A release is built from a commit only, never from a working tree.",
                repository=self.root,
                files=edited[:50],
            )

    def resolve(self, revision: str) -> str:
        """The full id of a commit."""
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if found.exit_code != 0:
            raise RevisionUnknown(
                f"{self.root} has no revision {revision!r}.",
                hint="Fetch it first (git fetch), or check its name.",
                repository=self.root,
                revision=revision,
            )
        return found.stdout.strip()

    @contextlib.contextmanager
    def worktree(self, commit: str) -> Iterator[str]:
        """A clean tree of one commit, away from the user's own; always removed."""
        self.remove_stale()
        make_private_directory(self._worktrees)
        tree = os.path.join(self._worktrees, f"{commit[:12]}-{os.getpid()}")
        try:
            self._checked("worktree", "add", "--detach", "--force", tree, commit)
            yield tree
        finally:
            self._remove(tree)

    def remove_stale(self) -> None:
        """Removes trees that a killed run left, and what git remembers of them."""
        for name in sorted(os.listdir(self._worktrees)) if os.path.isdir(self._worktrees) else []:
            if not _is_alive(name.rpartition("-")[2]):
                self._remove(os.path.join(self._worktrees, name))

    def _remove(self, tree: str) -> None:
        shutil.rmtree(tree, ignore_errors=True)
        self._checked("worktree", "prune")

    def _checked(self, *words: str) -> Finished:
        done = self._git(*words)
        if done.exit_code != 0:
            raise RepositoryUnreadable(f"git {words[0]} failed in {self._path}: {_complaint(done)}", repository=self._path)
        return done

    def _git(self, *words: str) -> Finished:
        return run(["git", *_SAFE, "-C", self._path, *words], _GIT_SECONDS, environment=_environment())


def _environment() -> Dict[str, str]:
    """Without GIT_DIR and the like, which would lead to another repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _complaint(done: Finished) -> str:
    lines: Sequence[str] = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.exit_code}"


def _is_alive(pid: str) -> bool:
    return pid.isdigit() and os.path.isdir(f"/proc/{pid}")
