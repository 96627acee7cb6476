# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of scheduled_job, and those of the modules that it may run."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._core.errors import BadInput
from .argument_spec import ArgumentSpec, stack_arguments
from .backup_copy_arguments import backup_copy_arguments
from .backup_files_arguments import backup_files_arguments
from .backup_keeping_arguments import backup_info_arguments, backup_retention_arguments
from .edge_arguments import edge_arguments
from .edge_traffic_arguments import edge_traffic_arguments
from .host_info_arguments import host_info_arguments
from .maintenance_window_arguments import maintenance_window_arguments
from .postgres_arguments import postgres_arguments
from .postgres_backup_arguments import postgres_backup_arguments
from .postgres_maintenance_arguments import postgres_maintenance_arguments
from .postgres_pitr_arguments import postgres_pitr_arguments
from .redis_backup_arguments import redis_backup_arguments
from .service_rollout_arguments import service_rollout_arguments

# The same names as operations/schedulable.py has; each with what its module hands to run_module.
SPECS: Dict[str, Callable[[], ArgumentSpec]] = {
    "backup_copy": backup_copy_arguments,
    "backup_files": backup_files_arguments,
    "backup_info": backup_info_arguments,
    "backup_retention": backup_retention_arguments,
    "edge_traffic": edge_traffic_arguments,
    "host_info": host_info_arguments,
    "maintenance_window": maintenance_window_arguments,
    "postgres_backup": postgres_backup_arguments,
    "postgres_maintenance": lambda: postgres_arguments().merged_with(postgres_maintenance_arguments()),
    "postgres_pitr": lambda: postgres_arguments().merged_with(postgres_pitr_arguments()),
    "redis_backup": redis_backup_arguments,
    "service_rollout": lambda: stack_arguments().merged_with(edge_arguments()).merged_with(service_rollout_arguments()),
}


def scheduled_job_arguments() -> ArgumentSpec:
    """Which module, with which options, when, and where its files go."""
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "name": {"type": "str", "required": True},
                "module": {"type": "str", "choices": sorted(SPECS)},
                "options": {"type": "dict", "default": {}},
                "calendar": {"type": "str"},
                "timeout": {"type": "int", "default": 21600},
                "scheduler": {"type": "str", "choices": ["auto", "systemd", "cron"], "default": "auto"},
                "lib_dir": {"type": "path", "default": "/usr/local/lib/runbook"},
                "unit_dir": {"type": "path", "default": "/etc/systemd/system"},
                "cron_dir": {"type": "path", "default": "/etc/cron.d"},
            }
        )
    )


def with_job_params(params: Mapping[str, Any], host: Any) -> Dict[str, Any]:
    """The same, and under ``job_params`` all arguments of the module that is to run, as Ansible would hand them to it."""
    if params["state"] == "absent" or not params["module"]:
        return {**params, "job_params": {}}
    spec = SPECS[params["module"]]()
    _refuse_secrets(params, spec, host)
    # The lease belongs to this run, and the job has none.
    shared = {name: params[name] for name in stack_arguments().options if name != "lease_token"}
    repeated = sorted(set(params["options"]) & {*shared, "lease_token"})
    if repeated:
        raise BadInput(f"options repeats what describes the stack: {', '.join(repeated)}.", hint="Leave it out there.", repeated=repeated)
    result = ArgumentSpecValidator(**spec.to_kwargs()).validate({**shared, **params["options"]})
    if result.error_messages:
        raise BadInput(f"The options for {params['module']} are not right: {'; '.join(result.error_messages)}.", hint="Correct options.", name=params["name"])
    return {**params, "job_params": result.validated_parameters}


def _refuse_secrets(params: Mapping[str, Any], spec: ArgumentSpec, host: Any) -> None:
    """They would lie on the disk of the target for good."""
    found = dict(_secrets(spec.options, params["options"]))
    host.hide(list(found.values()))
    secret = sorted(found)
    if secret:
        raise BadInput(
            f"A job cannot be given {', '.join(secret)}: it would be written to the target.",
            hint="Leave it out: the job reads it from the environment of the service's container.",
            secret=secret,
        )


def _secrets(options: Mapping[str, Any], given: Any) -> Iterator[Tuple[str, str]]:
    """Dotted names and values of what is given for secret options, at any depth."""
    for name, option in options.items():
        value = given.get(name) if isinstance(given, Mapping) else None
        if value and option.get("no_log"):
            yield name, str(value)
        for inner, secret in _secrets(option.get("options") or {}, value):
            yield f"{name}.{inner}", secret
