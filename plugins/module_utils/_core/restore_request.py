# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a restore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from .backup_request import is_ours
from .errors import BadInput
from .masking import Masking
from .restore_names import is_run_id

LATEST_VERIFIED = "latest-verified"
SWAP, REPLACE = "swap", "replace"
_NEED_A_DATABASE = ("present", "undone", "redone")


@dataclass(frozen=True)
class RestoreRequest:
    """Times in seconds. For ``dependents`` None see ``services_to_stop``."""

    state: str
    database: str = ""
    backup_dir: str = ""
    backup: str = ""
    backup_stack: str = ""
    file: str = ""
    restore_id: str = ""
    confirm: str = ""
    confirm_replace: str = ""
    mode: str = SWAP
    safety_backup: bool = True
    safety_max_age: int = 900
    allow_unverified: bool = False
    allow_foreign: bool = False
    roles: str = "needed"
    dependents: Optional[Tuple[str, ...]] = None
    fence_timeout: int = 10
    jobs: int = 0
    assertions: Tuple[str, ...] = ()
    masking: Masking = Masking()
    recipients: Tuple[str, ...] = ()
    identity_file: str = ""
    timeout: int = 14400
    undo_ttl: int = 259200

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RestoreRequest":
        """Raises BadInput for what cannot be meant."""
        encryption = params["encryption"] or {}
        same = ("state", "database", "backup_dir", "file", "restore_id", "confirm", "confirm_replace", "mode", "safety_backup", "safety_max_age")
        same += ("allow_unverified", "allow_foreign", "roles", "fence_timeout", "jobs", "timeout", "undo_ttl", "backup_stack")
        request = cls(
            **{name: params[name] for name in same},
            backup=params["backup"] or ("" if params["file"] else LATEST_VERIFIED),
            dependents=None if params["dependents"] is None else tuple(dict.fromkeys(params["dependents"])),
            assertions=tuple(params["assertions"]),
            masking=Masking.of(params["masking"], params["masking_checks"]),
            recipients=tuple(encryption.get("recipients") or ()),
            identity_file=encryption.get("identity_file") or "",
        )
        request._check()
        return request

    @property
    def services_to_stop(self) -> Optional[Tuple[str, ...]]:
        """None are those that compose says depend on Postgres: without being told, only a replacement, which takes long, stops anything."""
        if self.dependents is None and not (self.state == "present" and self.mode == REPLACE):
            return ()
        return self.dependents

    def _check(self) -> None:
        for name, least in (("safety_max_age", 0), ("fence_timeout", 1), ("jobs", 0), ("timeout", 1), ("undo_ttl", 0)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} must be at least {least}, but is {getattr(self, name)}.", hint="Correct the option.")
        if self.state in _NEED_A_DATABASE and not self.database:
            raise BadInput(f"state={self.state} needs the name of a database.", hint="Give 'database'.")
        if self.database in ("template0", "template1") or is_ours(self.database):
            raise BadInput(f"{self.database} is not a database that can be restored.", hint="Give the name of the real one.")
        if self.restore_id and not is_run_id(self.restore_id):
            raise BadInput(f"{self.restore_id!r} is not the id of a restore.", hint="Take it from the result of the restore.")
        if self.state == "present":
            self._check_source()

    def _check_source(self) -> None:
        if self.backup and not self.backup_dir:
            raise BadInput("A backup can be found only below backup_dir.", hint="Set stack_backup.dir in the inventory, or give a 'file'.")
        if self.backup_stack and self.file:
            raise BadInput("A file is of no stack: 'backup_stack' says where a backup is taken from.", hint="Give one of the two.")
        if self.safety_backup and not self.backup_dir:
            raise BadInput("The safety backup needs backup_dir.", hint="Give it, or set safety_backup=false.")
        for name in ("backup_dir", "file"):
            path = getattr(self, name)
            if path and not path.startswith("/"):
                raise BadInput(f"{name} must be an absolute path, but is {path!r}.", hint="Correct the option.")
        if self.mode == REPLACE and not self.safety_backup:
            raise BadInput("mode=replace keeps no database to undo to, so it needs the safety backup.", hint="Leave safety_backup at true.")
