# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remote of a request: its secrets taken from where they are, and hidden in all that leaves this process."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Protocol

from .._core.backup_catalogue import OffsiteCopy, timestamp
from .._core.dotenv import parse_values
from .._core.errors import BadInput
from .._core.offsite import remote_key
from .._core.offsite_request import RESTIC, OffsiteRequest, environment_of
from .._core.redaction import MASK, Redactor, is_secret_name
from .._core.stack import Stack
from .backup_files import now_naive
from .backup_preflight import require_programs
from .backup_store import BackupBusy
from .files import alone, make_private_directory
from .offsite_process import ToolSettings
from .offsite_remote import Remote
from .rclone_remote import RcloneRemote
from .restic_remote import NO, WOULD, YES, ResticRemote

_PASSWORD_IN_URL = re.compile(r"(://[^/@:]*:)([^/@]+)@")


class Host(Protocol):
    check_mode: bool

    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...

    def show_as(self, option: str, value: Any) -> None: ...


class OffsiteContext:
    """``remote`` is not opened yet. ``key`` names it in files, ``shown`` for people."""

    def __init__(self, stack: Stack, params: Mapping[str, Any], host: Host) -> None:
        self.stack = stack
        self.host = host
        self.request = OffsiteRequest.from_params(params)
        environment = environment_of({**_variables(params["environment_file"]), **params["environment"]})
        password = self._password(params)
        secrets = [value for name, value in environment.items() if value and is_secret_name(name)]
        secrets += [match.group(2) for match in _PASSWORD_IN_URL.finditer(self.request.remote)]
        secrets += [password] if password else []
        host.hide(secrets, [value for value in environment.values() if value not in secrets])
        self.shown = _PASSWORD_IN_URL.sub(rf"\g<1>{MASK}@", self.request.remote)
        host.show_as("remote", self.shown)
        self.key = remote_key(self.request.tool, self.shown)
        self._redactor = Redactor(secrets)
        self.remote = self._remote(environment, password)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One run at a time for a remote: another one's unfinished files look like those of one that was cut off."""
        path = self.stack.in_state("offsite", f"{self.key}.lock")
        make_private_directory(os.path.dirname(path))

        def busy(holder: str) -> BackupBusy:
            return BackupBusy(f"Another run copies to or from {self.shown}: {holder}.", hint="Wait until it has ended, and run again.", remote=self.shown)

        with alone(path, busy):
            yield

    def note(self, problems: List[str]) -> OffsiteCopy:
        """What reading back has shown, for the file beside the manifest."""
        outcome = "failed" if problems else "passed"
        return OffsiteCopy(self.key, self.request.tool, self.shown, timestamp(now_naive()), outcome, tuple(problems))

    def require_program(self) -> None:
        require_programs([self.request.tool])

    def _remote(self, environment: Dict[str, str], password: str) -> Remote:
        request = self.request
        if request.tool == RESTIC:
            environment = {**environment, "RESTIC_REPOSITORY": request.remote}
            settings = ToolSettings("restic", environment, request.timeout, password, self._redactor)
            initialize = NO if not request.initialize else WOULD if self.host.check_mode else YES
            return ResticRemote(settings, request.remote, self.stack.name, initialize)
        return RcloneRemote(ToolSettings("rclone", environment, request.timeout, "", self._redactor), request.remote, self.stack.name)

    def _password(self, params: Mapping[str, Any]) -> str:
        password = params["password"] or ""
        if params["password_file"]:
            password = _private_text(params["password_file"], "password_file").split("\n", 1)[0].rstrip("\r")
        if self.request.tool == RESTIC and (not password or "\n" in password):
            raise BadInput("restic needs the password of its repository, one line.", hint="Give password or password_file.")
        if self.request.tool != RESTIC and password:
            raise BadInput(
                "password is that of a repository of restic.", hint="Give rclone its credentials by environment, environment_file or its own configuration."
            )
        return password


def _variables(path: str) -> Dict[str, str]:
    return parse_values(_private_text(path, "environment_file")) if path else {}


def _private_text(path: str, option: str) -> str:
    try:
        with open(path, encoding="utf-8") as handle:
            mode = stat.S_IMODE(os.fstat(handle.fileno()).st_mode)
            if mode & 0o077:
                raise BadInput(f"{option} {path} can be read by others than its owner (mode {mode:04o}).", hint=f"chmod 600 {path}")
            return handle.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{option} {path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.", hint="Correct the path.") from error
