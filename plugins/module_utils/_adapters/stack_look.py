# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there: for the plan of a window, and for the decision what becomes of one whose run is gone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._core.compose_model import ComposeModel
from .._core.container import Container
from .._core.errors import OperationError
from .._core.release_report import find_drift
from .._core.service_status import DRIFT, FAILING, Expectation, find_problems
from .._core.stack import Stack
from .._core.window_expiry import Evidence
from .compose_cli import ComposeCli
from .engine import Engine
from .ledger_store import LedgerStore


class StackLook:
    """One look at files, containers and ledger of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def observed(self) -> Dict[str, Any]:
        """What a plan is made for. It holds no value of any setting, and nothing that changes by itself."""
        model, containers = self._model_and_containers()
        ledger = LedgerStore(self._stack).load()
        current = ledger.current_release
        services = {name: _service(model, containers, name) for name in sorted({*model.names, *(one.service for one in containers)})}
        return {"release": ledger.current, "version": current.version if current else "", "staged": ledger.staged, "services": services}

    def evidence(self) -> Evidence:
        """What cannot be looked at is neither healthy nor settled."""
        try:
            return self._evidence()
        except OperationError as error:
            return Evidence(healthy=False, settled=False, problems=(str(error),))

    def _evidence(self) -> Evidence:
        model, containers = self._model_and_containers()
        engine, ledger = Engine.connect(self._stack), LedgerStore(self._stack).load()
        means: Mapping[str, Optional[str]] = {image: engine.image_id(image) for image in sorted({service.image for service in model.services})}
        found = find_problems(Expectation(model, means), containers)
        current = ledger.current_release
        drift = find_drift(current, containers) if current else []
        between = [f"release {ledger.staged} was put in place and never proven"] if ledger.staged else []
        between += [f"{one['service']}: {one['problem']}" for one in drift]
        between += [problem.message for problem in found if problem.severity == DRIFT]
        failing = [problem.message for problem in found if problem.severity == FAILING]
        return Evidence(not failing, not between, tuple([*failing, *between]))

    def _model_and_containers(self) -> Tuple[ComposeModel, List[Container]]:
        with ThreadPoolExecutor(max_workers=2) as pool:
            asked = pool.submit(ComposeCli(self._stack).model)
            containers = Engine.connect(self._stack).containers(self._stack.name)
            return asked.result(), containers


def _service(model: ComposeModel, containers: List[Container], name: str) -> Dict[str, Any]:
    own = [one for one in containers if one.service == name]
    return {
        "files": model.service(name).config_hash if name in model.names else "",
        "images": sorted({one.image_id for one in own}),
        "containers": sorted(one.config_hash for one in own),
    }
