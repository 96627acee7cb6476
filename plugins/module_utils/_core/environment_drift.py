# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that the files give now against those a running container has, without showing secrets."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .redaction import Redactor, fingerprint, is_secret_name
from .service_status import DRIFT, FAILING, Problem


def compare_environment(files: Mapping[str, str], container: Mapping[str, str], salt: str) -> List[Dict[str, Any]]:
    """One row for each key of the files: presence, length and fingerprint.

    Only keys that hold no secret have a ``value``, in which passwords of URLs and copies of secrets are masked.
    """
    redactor = Redactor.of_environment(files).merged_with(Redactor.of_environment(container))
    rows = []
    for name in sorted(files):
        wanted, running = files[name], container.get(name)
        row: Dict[str, Any] = {
            "key": name,
            "secret": is_secret_name(name),
            "in_container": running is not None,
            "equal": wanted == running,
            "length": len(wanted),
            "fingerprint": fingerprint(wanted, salt) if wanted else "",
        }
        if not row["secret"]:
            row["value"] = redactor.text(wanted)
        rows.append(row)
    return rows


def environment_problems(service: str, container: str, rows: Sequence[Mapping[str, Any]]) -> List[Problem]:
    """Keys whose value in the container is not the one of the files: the container was not made from them."""
    differing = [row["key"] for row in rows if not row["equal"]]
    if not differing:
        return []
    message = f"{container} does not have the files' value of {', '.join(differing)}."
    return [Problem(service, container, "environment_drift", DRIFT, message, "playbooks/service/state.yml")]


def empty_required(service: str, files: Mapping[str, str], required: Sequence[str]) -> List[Problem]:
    """Required keys that this service declares and that are empty."""
    empty = [name for name in required if name in files and not files[name]]
    message = f"{service} has no value for {', '.join(empty)}."
    return [Problem(service, "", "required_key_empty", FAILING, message, "playbooks/service/configure.yml")] if empty else []
