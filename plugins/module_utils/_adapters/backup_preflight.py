# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be right on the target before a backup begins."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Iterable, Sequence

from .._core.backup_errors import BackupNoSpace, BackupOnSameDisk, ProgramMissing, RecipientInvalid
from .._core.backup_request import AUTO, DIRECTORY, EXEC, HELPER, BackupRequest
from .._core.errors import BadInput
from .._core.service_login import environment_of
from .archive_writer import COMPRESS, encrypt_command, free_bytes
from .engine import Engine
from .postgres_service import PostgresService
from .processes import ChildProcess
from .server_container import ServerContainer

_AGE_SECONDS = 10
_DATA_DIRECTORY = "/var/lib/postgresql/data"


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


def require_way(engine: Engine, request: BackupRequest) -> None:
    """Helpers write into a directory of this host, and throwaway servers read from one; only the engine's own stream comes from afar."""
    if engine.is_local:
        return
    if request.transport == HELPER or request.format == DIRECTORY or request.wanted_level > 0 or request.state == "verified":
        raise BadInput(
            "The Docker engine is on another host: it sees no directory of this one.",
            hint="Run this on that host; or back up with transport=auto, format=auto and verify=none, and verify where the engine is.",
        )


def through_engine(engine: Engine, request: BackupRequest) -> bool:
    return request.transport == EXEC or (request.transport == AUTO and not engine.is_local)


def postgres_data(service: PostgresService, said: str) -> str:
    """The data directory: as the server said, else as the container was told, else as images have it."""
    environment = environment_of((service.inspected.get("Config") or {}).get("Env") or [])
    return said or environment.get("PGDATA") or _DATA_DIRECTORY


def disk_warning(service: ServerContainer, data_directory: str, request: BackupRequest) -> str:
    """Raises BackupOnSameDisk: a disk that dies must not take both, and a backup that fills its disk must not stop the server.

    A sentence when that cannot be told, or when the data are nowhere safe; empty else.
    """
    mount = service.mount(data_directory)
    if mount is None or not mount.get("Source"):
        return "The server's data are not on a volume: they are lost when its container is removed."
    data = str(mount["Source"])
    if request.allow_same_disk:
        return ""
    try:
        same = os.stat(existing(request.backup_dir)).st_dev == os.stat(data).st_dev
    except OSError as error:
        return f"Whether {request.backup_dir} is on the disk of the server's data ({data}) cannot be told: {error.strerror}."
    if same:
        raise BackupOnSameDisk(
            f"{request.backup_dir} is on the same disk as the server's data ({data}).",
            hint="Choose a directory on another disk, or set allow_same_disk=true and copy the backups elsewhere (playbooks/backup/copy.yml).",
            data=data,
        )
    return ""


def require_parallel(request: BackupRequest) -> None:
    """The container's workers write as root."""
    if request.format == DIRECTORY and os.geteuid() != 0:
        raise BadInput("format=directory needs root on the target, which reads what the container's workers wrote.", hint="Use become, or format=custom.")


def room_for_parallel(directory: str) -> int:
    """Bytes, none for those who could not read the result."""
    return free_bytes(directory) if os.geteuid() == 0 else 0


def existing(path: str) -> str:
    """The path, or the nearest directory above it that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
