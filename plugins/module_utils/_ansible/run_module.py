# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only way from Ansible into an operation and back."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, ContextManager, Dict, Iterable, Mapping, Protocol

from ansible.module_utils.basic import AnsibleModule

from .._adapters.lease_store import fenced
from .._core.errors import OperationError
from .._core.plan import Plan
from .._core.stack import Stack
from .argument_spec import ArgumentSpec


class Host(Protocol):
    """What an operation may ask of its surroundings."""

    check_mode: bool

    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...

    def show_as(self, option: str, value: Any) -> None: ...


class Operation(Protocol):
    """``plan`` looks and decides and changes nothing; ``apply`` does just what the plan says.

    ``apply`` returns the facts that only acting can tell; they are added to the plan's own.
    """

    def plan(self) -> Plan: ...

    def apply(self, plan: Plan) -> Dict[str, Any]: ...


class ModuleHost:
    """The surroundings of an operation that runs as an Ansible module."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self.check_mode: bool = module.check_mode

    def warn(self, message: str) -> None:
        self._module.warn(message)

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None:
        """Masks ``secrets`` in all that leaves the module, and no longer masks ``harmless`` values of hidden options."""
        self._module.no_log_values.difference_update(harmless)
        self._module.no_log_values.update(secrets)

    def show_as(self, option: str, value: Any) -> None:
        """Shows ``value`` instead of what was given for ``option`` where the result repeats how the module was called."""
        self._module.params[option] = value


def run_module(arguments: ArgumentSpec, prepare: Callable[[Dict[str, Any], Host], Operation]) -> None:
    """Runs one operation: plan, then (outside check mode) apply; errors become ``fail_json`` here and nowhere else."""
    module = AnsibleModule(supports_check_mode=True, **arguments.to_kwargs())
    acted: Dict[str, Any] = {}
    try:
        operation = prepare(module.params, ModuleHost(module))
        # The lease is kept while planning too: looking (a probe with a deadline, samples over a period) can take long.
        with contextlib.nullcontext() if module.check_mode else _fence(module.params, operation):
            plan = operation.plan()
            result = plan.to_result(with_diff=module._diff)
            if not module.check_mode:
                acted = {"changed": plan.changed, "actions": result["actions"]}
                result.update(operation.apply(plan))
    except OperationError as error:
        module.fail_json(**{**acted, **error.to_result()})
    module.exit_json(**result)


def _fence(params: Mapping[str, Any], operation: Operation) -> ContextManager[None]:
    """A run that took the operation lease may act only while it still holds it; what changes the lease itself is exempt."""
    token = params.get("lease_token")
    if not token or getattr(operation, "is_fence", False):
        return contextlib.nullcontext()
    return fenced(Stack.from_params(params), token)
