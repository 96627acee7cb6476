# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of an archive of files."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from .backup_manifest import is_id
from .backup_request import MIB, require_recipients
from .errors import BadInput
from .stack import Stack

PRESENT, PROVEN, RESTORED = "present", "verified", "restored"
CONFIG, APPLICATION = "config", "application"
SAFETY = "safety"
# Which backup is enough instead of a new one: one that is young, or one that is still what the files are.
YOUNG, SAME = "young", "same"
# Where backups have the name of a Compose service.
SERVICE = "files"


class FilesUnencrypted(BadInput):
    """An archive of configuration holds secrets, and would not be encrypted."""

    reason = "files_unencrypted"


@dataclass(frozen=True)
class FilesRequest:
    """``paths`` are absolute and below ``root``, to which the names in the archive are relative; without any, the stack tells. Times in seconds."""

    state: str
    backup_dir: str
    kind: str
    name: str
    paths: Tuple[str, ...] = ()
    root: str = "/"
    excludes: Tuple[str, ...] = ()
    purpose: str = "manual"
    reuse: str = YOUNG
    min_age: int = 0
    set_id: str = ""
    recipients: Tuple[str, ...] = ()
    identity_file: str = ""
    accept_unencrypted: bool = False
    backup: str = "latest"
    only: Tuple[str, ...] = ()
    into: str = ""
    validate: str = "compose"
    timeout: int = 3600
    floor_bytes: int = 0

    @classmethod
    def from_params(cls, params: Mapping[str, Any], stack: Stack) -> "FilesRequest":
        """Raises BadInput for what cannot be meant."""
        encryption = params["encryption"] or {}
        directory = posixpath.normpath(stack.project_dir)
        paths = tuple(dict.fromkeys(posixpath.normpath(stack.in_project(path)) for path in params["paths"]))
        if not paths and params["kind"] == APPLICATION:
            paths = (directory,)
        request = cls(
            paths=paths,
            root="/" if params["kind"] == CONFIG else posixpath.dirname(directory),
            name=params["name"] or params["kind"],
            excludes=tuple(params["excludes"]),
            only=tuple(posixpath.normpath(stack.in_project(path)) for path in params["only"]),
            recipients=tuple(encryption.get("recipients") or ()),
            identity_file=encryption.get("identity_file") or "",
            floor_bytes=params["space_floor_mb"] * MIB,
            **{name: params[name] for name in _PLAIN},
        )
        request._check()
        return request

    def relative(self, path: str) -> str:
        return posixpath.relpath(path, self.root)

    def _check(self) -> None:
        for name, least in (("min_age", 0), ("timeout", 1), ("floor_bytes", 0)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} must be at least {least}, but is {getattr(self, name)}.", hint="Correct the option.")
        for name in ("backup_dir", "root", *(("into",) if self.into else ())):
            if not getattr(self, name).startswith("/"):
                raise BadInput(f"{name} must be an absolute path, but is {getattr(self, name)!r}.", hint="Correct it.")
        outside = [path for path in self.paths if path == self.root or not path.startswith(self.root.rstrip("/") + "/")]
        if outside:
            raise BadInput(f"{', '.join(outside)} is not below {self.root}.", hint="Name files and directories below it.")
        if self.reuse == SAME and self.min_age:
            raise BadInput("min_age says how young a backup has to be, and reuse=same takes one of any age.", hint="Leave one of them out.")
        if self.set_id and not is_id(self.set_id):
            raise BadInput(f"{self.set_id!r} is not the id of a set.", hint="Take it from the result of the other backup.")
        require_recipients(self.recipients)
        if self.recipients and not self.identity_file:
            raise BadInput("What is encrypted has to be read back, and encryption.identity_file is not given.", hint="Give it.")
        saves = self.state == PRESENT or (self.state == RESTORED and not self.into)  # what is replaced is saved before
        if self.kind == CONFIG and saves and not self.recipients and not self.accept_unencrypted:
            raise FilesUnencrypted(
                "Configuration holds secrets, and encryption.recipients is empty: nothing was written.",
                hint="Set stack_backup.encryption, or accept_unencrypted=true where the disk of the backups is encrypted.",
            )
        if self.state == RESTORED and self.kind == APPLICATION and not self.into:
            raise BadInput("An application is restored beside the live one only.", hint="Give into, a directory that is empty or not there.")


_PLAIN = ("state", "backup_dir", "kind", "purpose", "reuse", "min_age", "set_id", "accept_unencrypted", "backup", "into", "validate", "timeout")
