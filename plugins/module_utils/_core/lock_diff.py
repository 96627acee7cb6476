# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What refreshing dependencies changes: lock files before and after, and what audit and tests say of it."""

from __future__ import annotations

import difflib
import posixpath
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import BadInput, OperationError

LOCK, AUDIT, TEST = "lock", "audit", "test"
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\#,]+)", re.MULTILINE)
_MOST_LINES = 2000


class DependenciesFailed(OperationError):
    """The lock command failed, so there is nothing to review. The source is as it was."""

    reason = "dependencies_failed"


class DependenciesRefused(OperationError):
    """The audit or the tests speak against the refreshed dependencies. Their diff is there to be read; the source is as it was."""

    reason = "dependencies_refused"


class SourceChanged(OperationError):
    """A command wrote to the source tree, or somebody edited it meanwhile."""

    reason = "source_changed"


@dataclass(frozen=True)
class RefreshRequest:
    """What to run on a copy of ``source``; ``files`` are the lock files, relative to it."""

    source: str
    artefacts: str
    command: Tuple[str, ...]
    files: Tuple[str, ...]
    audit: Tuple[str, ...] = ()
    test: Tuple[str, ...] = ()
    excludes: Tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 1800

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RefreshRequest":
        for name in params["files"]:
            if name.startswith("/") or ".." in name.split("/") or posixpath.normpath(name) in (".", ""):
                raise BadInput(f"{name!r} is no file below the source.", hint="Name lock files relative to source.", option="files")
        if not params["command"] or not params["files"]:
            raise BadInput("command and files are needed: what is run, and which lock files it writes.", option="files")
        source, artefacts = posixpath.normpath(params["source"]), posixpath.normpath(params["artefacts"])
        if f"{artefacts}/".startswith(f"{source}/"):
            raise BadInput(f"artefacts ({artefacts}) lies in the source tree, which is never written to.", option="artefacts")
        return cls(
            source=source,
            artefacts=artefacts,
            command=tuple(params["command"]),
            files=tuple(params["files"]),
            audit=tuple(params["audit"]),
            test=tuple(params["test"]),
            excludes=tuple(params["excludes"]),
            environment={str(name): str(value) for name, value in params["environment"].items()},
            timeout=params["timeout"],
        )

    @property
    def steps(self) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
        return tuple((name, words) for name, words in ((LOCK, self.command), (AUDIT, self.audit), (TEST, self.test)) if words)


@dataclass(frozen=True)
class StepEnded:
    """How one command ended; ``exit_code`` is None when it was stopped at its deadline. ``log`` is where its output is."""

    step: str
    exit_code: Optional[int]
    seconds: float
    output: Tuple[str, ...]
    log: str

    @property
    def good(self) -> bool:
        return self.exit_code == 0

    def to_dict(self) -> Dict[str, Any]:
        return {**asdict(self), "output": list(self.output), "good": self.good}


def lock_diff(name: str, before: Optional[str], after: Optional[str]) -> Dict[str, Any]:
    """One lock file as a unified diff, and the packages whose pinned version differs."""
    old, new = (before or "").splitlines(), (after or "").splitlines()
    lines = list(difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", lineterm=""))
    shown = lines[:_MOST_LINES] + ([f"... {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else [])
    return {
        "file": name,
        "state": "unchanged" if before == after else "missing" if after is None else "new" if before is None else "changed",
        "added": sum(1 for line in lines[2:] if line.startswith("+")),
        "removed": sum(1 for line in lines[2:] if line.startswith("-")),
        "packages": package_changes(before or "", after or ""),
        "diff": "\n".join(shown),
    }


def package_changes(before: str, after: str) -> List[Dict[str, str]]:
    """Lines such as ``name==1.2``, by name; an empty version means that it was not there."""
    old, new = ({name.lower(): version for name, version in _PINNED.findall(text)} for text in (before, after))
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return [{"package": name, "before": old.get(name, ""), "after": new.get(name, "")} for name in names]


def judge_steps(ended: Sequence[StepEnded], facts: Mapping[str, Any]) -> None:
    """Raises for the first command that did not end well; the others were run all the same."""
    bad = [one for one in ended if not one.good]
    if not bad:
        return
    told = [f"{one.step} {'did not end in time' if one.exit_code is None else f'ended with exit code {one.exit_code}'}" for one in bad]
    said = " | ".join(bad[0].output[-3:])
    kind = DependenciesFailed if any(one.step == LOCK for one in bad) else DependenciesRefused
    raise kind(
        f"{' and '.join(told)}: {said or 'it printed nothing'}",
        hint="The source is as it was. Read the whole output (details.artefacts).",
        steps=[one.to_dict() for one in ended],
        **facts,
    )


def refuse_changed_source(before: Mapping[str, Any], after: Mapping[str, Any], source: str) -> None:
    touched = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if touched:
        raise SourceChanged(
            f"{source} is not what it was before: {', '.join(touched[:5])}{' and more' if len(touched) > 5 else ''}.",
            hint="Look who wrote there. A lock command gets a copy as its directory and has to stay in it.",
            touched=touched[:50],
        )
