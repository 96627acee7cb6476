# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who started a run, and from where."""

from __future__ import annotations

from typing import Any, Collection, Dict, Mapping

from .redaction import is_secret_name

# The variable that holds the address of the running job, by system.
_JOB_URLS = (
    ("gitlab", "CI_JOB_URL"),
    ("jenkins", "BUILD_URL"),
    ("buildkite", "BUILDKITE_BUILD_URL"),
    ("circleci", "CIRCLE_BUILD_URL"),
)


def who_runs(environment: Mapping[str, str], extra_vars: Mapping[str, Any], user: str, host: str) -> Dict[str, Any]:
    """The person as far as it is known: the AWX user, the one behind sudo, the login."""
    awx = _awx(environment, extra_vars)
    person = awx.get("user") or environment.get("RUNBOOK_OPERATOR") or environment.get("SUDO_USER") or user
    return {"user": person, "login": user, "host": host, "awx": awx, "ci": _ci(environment)}


def shown_variables(extra_vars: Mapping[str, Any], shown: Collection[str]) -> Dict[str, Any]:
    """The names of all extra variables, and the values of those on the list. A secret-looking name is never shown."""
    values = {
        name: value for name, value in sorted(extra_vars.items()) if name in shown and not is_secret_name(name)
    }
    return {"names": sorted(extra_vars), "values": values}


def _awx(environment: Mapping[str, str], extra_vars: Mapping[str, Any]) -> Dict[str, str]:
    def told(name: str) -> str:
        return str(extra_vars.get(f"awx_{name}", extra_vars.get(f"tower_{name}", "")))

    job = told("job_id") or environment.get("AWX_JOB_ID", "")
    if not job:
        return {}
    return {"job_id": job, "user": told("user_name"), "template": told("job_template_name"), "schedule": told("schedule_name")}


def _ci(environment: Mapping[str, str]) -> Dict[str, str]:
    if environment.get("GITHUB_RUN_ID"):
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        repository = environment.get("GITHUB_REPOSITORY", "")
        return {"system": "github", "url": f"{server}/{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"}
    for system, name in _JOB_URLS:
        if environment.get(name):
            return {"system": system, "url": environment[name]}
    return {}
