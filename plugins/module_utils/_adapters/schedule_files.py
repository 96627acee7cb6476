# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of scheduled jobs: compared with what they are to be, and brought there."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import stat
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from .._core.schedule import Job
from .files import make_private_directory, read_text, write_atomically


@dataclass(frozen=True)
class _File:
    content: Optional[bytes]
    mode: int
    shown: str  # what a diff shows of it, where that is not its text


class Files:
    """What is to be and what is not to be, in the order in which it is done."""

    def __init__(self) -> None:
        self._wanted: Dict[str, _File] = {}
        self._found: Dict[str, _File] = {}

    def want(self, path: str, content: bytes, mode: int, shown: str = "") -> None:
        self._wanted[path] = _File(content, mode, shown)
        self._found[path] = _read(path, shown)

    def refuse(self, path: str, shown: str = "") -> None:
        self._wanted[path] = _File(None, 0, shown)
        self._found[path] = _read(path, shown)

    def steps(self) -> List[Tuple[str, str]]:
        different = [(path, wanted) for path, wanted in self._wanted.items() if wanted != self._found[path]]
        return [("write" if wanted.content is not None else "remove", path) for path, wanted in different]

    def before(self) -> Dict[str, str]:
        return {path: _shown(file) for path, file in self._found.items() if file.content is not None}

    def after(self) -> Dict[str, str]:
        return {path: _shown(file) for path, file in self._wanted.items() if file.content is not None}

    def apply(self) -> List[str]:
        """The paths that changed. What is new is there before what is old goes."""
        changed = [path for _action, path in self.steps()]
        for path in sorted(changed, key=lambda path: self._wanted[path].content is None):
            wanted = self._wanted[path]
            if wanted.content is None:
                os.unlink(path)
                continue
            if wanted.mode & 0o077:
                os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            else:
                make_private_directory(os.path.dirname(path))
            write_atomically(path, wanted.content, wanted.mode)
        return changed


def archives_without_a_job(job: Job, wanted: str) -> List[str]:
    """Code in the stack's directory that no job runs any more, once this one is as it is to be."""
    used = {job.code_path(wanted)} if wanted else set()
    for path in glob.glob(os.path.join(glob.escape(os.path.dirname(job.job_path)), "*.json")):
        if path != job.job_path:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                used.add(json.loads(read_text(path) or "")["code"])
    return sorted(set(glob.glob(glob.escape(os.path.dirname(job.code_path("x"))) + "/*.pyz")) - used)


def last_run(job: Job) -> Optional[Dict[str, Any]]:
    """How it ended; None when there was none yet. One that died without a word is said to have died."""
    try:
        status: Dict[str, Any] = json.loads(read_text(job.status_path) or "")
    except ValueError:
        return None
    if status.get("outcome") == "running" and not os.path.exists(f"/proc/{status.get('process')}"):
        status["outcome"] = "died"
    return status


def _read(path: str, shown: str) -> _File:
    try:
        with open(path, "rb") as handle:
            return _File(handle.read(), stat.S_IMODE(os.fstat(handle.fileno()).st_mode), shown)
    except (FileNotFoundError, NotADirectoryError):
        return _File(None, 0, shown)


def _shown(file: _File) -> str:
    return file.shown or (file.content or b"").decode(errors="replace")
