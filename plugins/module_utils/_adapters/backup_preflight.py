# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be right on the target before a backup begins."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Iterable, Optional, Sequence

from .._core.backup_errors import BackupNoSpace, BackupOnSameDisk, ProgramMissing, RecipientInvalid
from .._core.errors import BadInput
from .archive_writer import COMPRESS, encrypt_command, free_bytes
from .postgres_service import PostgresService
from .processes import ChildProcess

_AGE_SECONDS = 10


def require_programs(names: Iterable[str]) -> None:
    missing = sorted({name for name in names if shutil.which(name) is None})
    if missing:
        raise ProgramMissing(
            f"This host has no {' and no '.join(missing)}.",
            hint=f"Install it with the distribution's packages (Debian and Ubuntu: apt-get install {' '.join(missing)}).",
            programs=missing,
        )


def require_encryption(recipients: Sequence[str], identity_file: str) -> None:
    """Lets age itself look at the recipients: a typing error must not be found after the dump."""
    if identity_file and not os.path.isfile(identity_file):
        raise BadInput(f"encryption.identity_file {identity_file} is not a file on this host.", hint="Correct it, or leave it out.")
    for recipient in recipients:
        command = encrypt_command([recipient])
        with ChildProcess(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as age:
            said = age.communicate(timeout=_AGE_SECONDS)[1].decode(errors="replace")
        if age.returncode != 0:
            raise RecipientInvalid(
                f"age does not accept the recipient {recipient}: {' '.join(said.split())}", hint="Correct encryption.recipients.", recipient=recipient
            )


def programs_for(recipients: Sequence[str], identity_file: str) -> Sequence[str]:
    return [COMPRESS[0], *(["age"] if recipients or identity_file else [])]


def require_space(backup_dir: str, needed: int, floor: int) -> None:
    """For all databases of a run together, as far as that can be known before."""
    free = free_bytes(existing(backup_dir))
    if free < needed + floor:
        raise BackupNoSpace(
            f"The disk of {backup_dir} has {free >> 20} MiB free; about {needed >> 20} MiB are needed, and {floor >> 20} MiB must stay free."
            " Nothing was begun.",
            hint="Make room, or let retention remove old backups (playbooks/backup/retention.yml).",
            free_bytes=free,
            needed_bytes=needed,
            floor_bytes=floor,
        )


def data_mount(service: PostgresService, data_directory: str) -> Optional[str]:
    """The directory of this host that holds the server's data, None when they are in the container's own layer."""
    mount = service.mount(data_directory)
    return str(mount["Source"]) if mount and mount.get("Source") else None


def require_other_disk(backup_dir: str, data: str) -> None:
    """A disk that dies must not take both; and a backup that fills its disk must not stop the server."""
    if os.path.exists(data) and os.stat(existing(backup_dir)).st_dev == os.stat(data).st_dev:
        raise BackupOnSameDisk(
            f"{backup_dir} is on the same disk as the server's data ({data}).",
            hint="Choose a directory on another disk, or set allow_same_disk=true and copy the backups elsewhere (playbooks/backup/copy.yml).",
            data=data,
        )


def existing(path: str) -> str:
    """The path, or the nearest directory above it that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
