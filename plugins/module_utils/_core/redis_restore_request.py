# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a restore of Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import BadInput
from .redis_keys_text import key_bytes
from .restore_names import is_run_id
from .restore_request import LATEST_VERIFIED


@dataclass(frozen=True)
class RedisRestoreRequest:
    """Times in seconds. ``dependents`` None are those that compose says depend on Redis."""

    state: str
    backup_dir: str = ""
    backup: str = ""
    file: str = ""
    restore_id: str = ""
    confirm: str = ""
    safety_backup: bool = True
    safety_max_age: int = 900
    allow_unverified: bool = False
    prove_restart: bool = True
    protected: Tuple[bytes, ...] = ()
    dependents: Optional[Tuple[str, ...]] = None
    recipients: Tuple[str, ...] = ()
    identity_file: str = ""
    stop_timeout: int = 120
    timeout: int = 14400
    undo_ttl: int = 259200
    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RedisRestoreRequest":
        """Raises BadInput for what cannot be meant."""
        encryption = params["encryption"] or {}
        same = ("state", "backup_dir", "file", "restore_id", "confirm", "safety_backup", "safety_max_age", "allow_unverified", "prove_restart")
        same += ("stop_timeout", "timeout", "undo_ttl")
        request = cls(
            **{name: params[name] for name in same},
            backup=params["backup"] or ("" if params["file"] else LATEST_VERIFIED),
            protected=tuple(key_bytes(text) for text in dict.fromkeys(params["protected_prefixes"])),
            dependents=None if params["dependents"] is None else tuple(dict.fromkeys(params["dependents"])),
            recipients=tuple(encryption.get("recipients") or ()),
            identity_file=encryption.get("identity_file") or "",
            given={"dir": params["data_dir"], "dbfilename": params["dbfilename"], "appendonly": params["appendonly"]},
        )
        request._check()
        return request

    @property
    def told(self) -> Dict[str, str]:
        """Settings that were given for a server that does not tell them."""
        return {name: value for name, value in self.given.items() if value}

    def _check(self) -> None:
        for name, least in (("safety_max_age", 0), ("stop_timeout", 1), ("timeout", 1), ("undo_ttl", 0)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} must be at least {least}, but is {getattr(self, name)}.", hint="Correct the option.")
        if b"" in self.protected:
            raise BadInput("An empty prefix in protected_prefixes would be every key.", hint="Take it out of the list.")
        if self.restore_id and not is_run_id(self.restore_id):
            raise BadInput(f"{self.restore_id!r} is not the id of a restore.", hint="Take it from the result of the restore.")
        for name in ("backup_dir", "file"):
            path = getattr(self, name)
            if path and not path.startswith("/"):
                raise BadInput(f"{name} must be an absolute path, but is {path!r}.", hint="Correct the option.")
        if self.state == "present" and not self.backup_dir:
            raise BadInput(
                "A restore needs backup_dir: for the backup, for the safety backup, and for its work.", hint="Set stack_backup.dir in the inventory."
            )
