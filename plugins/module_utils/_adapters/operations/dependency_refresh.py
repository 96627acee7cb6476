# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refreshes lock files in a copy of a source tree, and shows what that changes."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping

from ..._core.errors import BadInput, StateUnwritable
from ..._core.lock_diff import LOCK, RefreshRequest, StepEnded, judge_steps, lock_diff, refuse_changed_source
from ..._core.plan import Plan, facts_only
from ..files import make_private_directory, write_atomically
from ..workspace import Workspace, copied, file_text, tree_state


class DependencyRefresh:
    def __init__(self, request: RefreshRequest) -> None:
        self._request = request

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "DependencyRefresh":
        return cls(RefreshRequest.from_params(params))

    def plan(self) -> Plan:
        """Nothing of the source changes, so there is no step; in check mode nothing is run."""
        if not os.path.isdir(self._request.source):
            raise BadInput(f"{self._request.source} is no directory. Nothing was run.", hint="Check stack_release.dependencies.source.", option="source")
        if f"{os.path.realpath(self._request.artefacts)}/".startswith(f"{os.path.realpath(self._request.source)}/"):
            raise BadInput("artefacts lies in the source tree, which is never written to.", option="artefacts")
        return facts_only({"ran": False, "files": [], "steps": [], "newer": [], "artefacts": self._request.artefacts})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        request = self._request
        self._make_artefacts()
        before = tree_state(request.source)
        ended: List[StepEnded] = []
        with copied(request.source, request.excludes) as workspace:
            for step, argv in request.steps:
                log = os.path.join(request.artefacts, f"{step}.log")
                ended.append(workspace.run(step, argv, request.environment, (request.timeout, log)))
                if step == LOCK and not ended[-1].good:
                    break
            files = [self._compare(workspace, name) for name in request.files]
        refuse_changed_source(before, tree_state(request.source), request.source)
        facts = {"files": files, "artefacts": request.artefacts, "newer": [one["file"] for one in files if one["state"] != "unchanged"]}
        judge_steps(ended, facts)
        return {**facts, "ran": True, "steps": [one.to_dict() for one in ended]}

    def _make_artefacts(self) -> None:
        try:
            make_private_directory(self._request.artefacts)
        except OSError as error:
            raise StateUnwritable(
                f"{self._request.artefacts} cannot be made: {error.strerror}.", hint="Choose another place.", path=self._request.artefacts
            ) from error

    def _compare(self, workspace: Workspace, name: str) -> Dict[str, Any]:
        """The diff; the refreshed file and its diff are kept beside the logs, under the file's own name."""
        after = workspace.text(name)
        compared = lock_diff(name, file_text(os.path.join(self._request.source, name)), after)
        if compared["state"] in ("new", "changed") and after is not None:
            place = os.path.join(self._request.artefacts, "refreshed", name)
            make_private_directory(os.path.dirname(place))
            write_atomically(place, after.encode())
            write_atomically(f"{place}.diff", f"{compared['diff']}\n".encode())
        return compared
