# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a copy elsewhere, checked before anything is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from .errors import BadInput
from .offsite_endpoint import rclone_name

RESTIC, RCLONE = "restic", "rclone"
PRESENT, CHECKED, FETCHED = "present", "checked", "fetched"
_RESTIC_REMOTE = re.compile(r"/.*|[a-z0-9]+:.+", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class OffsiteRequest:
    """``timeout`` in seconds for each command of the tool; ``data_percent`` is the part of the data that a check reads."""

    state: str
    backup_dir: str
    tool: str
    remote: str
    backups: Tuple[str, ...] = ()
    services: Tuple[str, ...] = ()
    subjects: Tuple[str, ...] = ()
    every: bool = False
    required_state: str = "verified"
    data_percent: int = 100
    accept_unencrypted: bool = False
    initialize: bool = False
    timeout: int = 14400
    floor_bytes: int = 0

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "OffsiteRequest":
        """Raises BadInput for what cannot be meant."""
        plain = ("state", "backup_dir", "tool", "remote", "required_state", "data_percent", "accept_unencrypted", "initialize", "timeout")
        request = cls(
            **{name: params[name] for name in plain},
            **{name: tuple(params[name]) for name in ("backups", "services", "subjects")},
            every=params["which"] == "every",
            floor_bytes=params["space_floor_mb"] * 2**20,
        )
        request._check()
        return request

    @property
    def about(self) -> Dict[str, Tuple[str, ...]]:
        return {"services": self.services, "subjects": self.subjects}

    def _check(self) -> None:
        if not self.backup_dir.startswith("/"):
            raise BadInput(f"backup_dir must be an absolute path, but is {self.backup_dir!r}.", hint="Set stack_backup.dir in the inventory.")
        for name, least, most in (("timeout", 1, None), ("data_percent", 1, 100), ("floor_bytes", 0, None)):
            value = getattr(self, name)
            if value < least or (most is not None and value > most):
                raise BadInput(f"{name} must be at least {least}{f' and at most {most}' if most else ''}, but is {value}.", hint="Correct the option.")
        if not self._is_remote():
            raise BadInput(
                f"{self.remote!r} is no remote of {self.tool}.",
                hint="Give an absolute path, or for restic an address such as sftp:user@host:/path or s3:https://host/bucket,"
                " and for rclone NAME:path; NAME is described in the environment (RCLONE_CONFIG_NAME_TYPE) or in rclone's configuration.",
            )
        if self.initialize and self.tool != RESTIC:
            raise BadInput("initialize makes a repository of restic; rclone has none.", hint="Leave it out.")

    def _is_remote(self) -> bool:
        if not self.remote.isprintable():
            return False
        return bool(_RESTIC_REMOTE.fullmatch(self.remote)) if self.tool == RESTIC else self.remote.startswith("/") or bool(rclone_name(self.remote))


def environment_of(given: Mapping[str, Any]) -> Dict[str, str]:
    """Variables for the tool, as text. Raises BadInput for what can be none, and for a password that has an option of its own."""
    found = {}
    for name, value in given.items():
        if not _VARIABLE.fullmatch(str(name)) or isinstance(value, (dict, list)) or "\0" in str(value):
            raise BadInput(f"environment has {name!r}, which cannot be a variable with a text as its value.", hint="Correct it.")
        if name in ("RESTIC_PASSWORD", "RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD_COMMAND", "RESTIC_REPOSITORY", "RESTIC_REPOSITORY_FILE"):
            raise BadInput(f"{name} does not belong into environment.", hint="Use password, password_file and remote.")
        found[str(name)] = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return found
