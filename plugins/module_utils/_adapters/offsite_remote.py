# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restic and rclone have in common: a remote that holds backup sets."""

from __future__ import annotations

import os
from typing import Callable, ContextManager, Iterator, List, Optional, Protocol, Sequence, Tuple

from .._core.backup_catalogue import Backup
from .._core.backup_manifest import MANIFEST, MANIFEST_HASH, directory_name
from .._core.errors import OperationError
from .._core.offsite import RemoteSet
from .._core.offsite_endpoint import Endpoint
from .._core.offsite_errors import OffsiteRefused, OffsiteUnreachable
from .backup_notes import verification_files
from .tcp_client import Deadline, connect, resolve

_CONNECT_SECONDS = 10.0


class Remote(Protocol):
    """Sets of one stack. ``open`` lists them, and raises OffsiteUnreachable, OffsiteRefused or OffsitePasswordWrong; ``sets`` are those it found.

    ``each`` gives all files of a set in any order, each to be read to its end before the next. Reading raises OffsiteFailed at its end.
    ``vouches`` tells whether ``proven`` was written by who knew; else the results of verifications have to be read.
    """

    vouches: bool

    def open(self) -> None: ...

    def sets(self) -> List[RemoteSet]: ...

    def send(self, backup_dir: str, backup: Backup, moved: Callable[[int], None]) -> RemoteSet: ...

    def each(self, one: RemoteSet) -> Iterator[Tuple[str, Iterator[bytes]]]: ...

    def names(self, one: RemoteSet) -> List[str]: ...

    def read(self, one: RemoteSet, name: str) -> ContextManager[Iterator[bytes]]: ...


def place_of(stack: str, service: str, subject: str, backup_id: str = "") -> str:
    """Where a set lies below the directory of backups; the same at every remote."""
    return "/".join(part for part in (directory_name(stack), directory_name(service), directory_name(subject), backup_id) if part)


def place_of_backup(backup: Backup) -> str:
    manifest = backup.manifest
    return place_of(manifest.stack, manifest.service, manifest.subject, manifest.id)


def data_names(backup: Backup) -> List[str]:
    """What is sent before the manifest, which makes the set visible."""
    return [*(file.path for file in backup.manifest.files), MANIFEST_HASH, *verification_files(os.listdir(backup.directory))]


def all_names(backup: Backup) -> List[str]:
    return [*data_names(backup), MANIFEST]


def require_answer(remote: str, endpoint: Optional[Endpoint]) -> None:
    """The tools try again for many minutes where nothing answers."""
    if endpoint and not answers(endpoint):
        raise not_opened(remote, endpoint, "nothing was tried")


def not_opened(remote: str, endpoint: Optional[Endpoint], said: str) -> OperationError:
    """Tells a remote that does not answer from one that does not let us in."""
    if endpoint and not answers(endpoint):
        what = f"{endpoint.directory} is not a directory of this host" if endpoint.directory else f"{endpoint.name} does not answer"
        return OffsiteUnreachable(
            f"The remote {remote} cannot be reached: {what} ({said}). Nothing was changed.",
            hint="Look at the network, the mount and the address; a new repository of restic is made with initialize=true.",
            remote=remote,
        )
    return OffsiteRefused(
        f"The remote {remote} could not be opened: {said.rstrip('.')}. Nothing was changed.",
        hint="Look at the path and the credentials; a new repository of restic is made with initialize=true.",
        remote=remote,
    )


def answers(endpoint: Endpoint) -> bool:
    if endpoint.directory:
        return os.path.isdir(endpoint.directory)
    try:
        connect(endpoint.host, endpoint.port, Deadline(_CONNECT_SECONDS)).close()
    except (OSError, UnicodeError):
        return False
    return True


def is_known(host: str) -> bool:
    """Whether the resolver of this host has an address for it."""
    try:
        return bool(resolve(host, 0, Deadline(_CONNECT_SECONDS)))
    except (OSError, UnicodeError):
        return False


def missing_locally(backup: Backup, names: Sequence[str]) -> List[str]:
    return [name for name in names if not os.path.isfile(os.path.join(backup.directory, name))]
