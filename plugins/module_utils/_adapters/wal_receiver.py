# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container that receives a server's log, on the engine."""

from __future__ import annotations

import io
import tarfile
from typing import List, Mapping, Optional, Tuple

from .._core.helper_container import LABEL_MADE, LABEL_STACK
from .._core.pitr_state import PitrNotPossible
from .._core.wal_receiver import LABEL_SERVICE, MADE_RECEIVER, PASSFILE, SCRIPT, SCRIPT_FILE, Receiver, Wanted, parse_receiver
from .engine import Engine

_STOP_SECONDS = 10
_LOG_LINES = 5


class WalReceiver:
    """At most one for a service of a stack, found by its labels."""

    def __init__(self, engine: Engine, stack: str, service: str) -> None:
        self._engine = engine
        self._labels = [f"{LABEL_MADE}={MADE_RECEIVER}", f"{LABEL_STACK}={stack}", f"{LABEL_SERVICE}={service}"]

    def look(self) -> Optional[Receiver]:
        with self._engine.calling("list the receivers of logs"):
            found = self._engine.client.containers(all=True, filters={"label": self._labels})
        inspected = self._engine.inspect(found[0]["Id"]) if found else None
        return parse_receiver(inspected) if inspected else None

    def start(self, wanted: Wanted, passfile: bytes) -> None:
        """In place of one that is there. The password goes into a file of the container that only its own user can read."""
        self.remove()
        owner = tuple(int(part) for part in wanted.owner.split(":"))
        with self._engine.calling(f"make the container {wanted.name}"):
            client = self._engine.client
            made = client.create_container_from_config(wanted.settings(), name=wanted.name)["Id"]
            try:
                client.put_archive(made, "/", _packed({SCRIPT_FILE: SCRIPT, PASSFILE: passfile}, (owner[0], owner[1])))
                client.start(made)
            except BaseException:
                client.remove_container(made, force=True, v=True)
                raise

    def remove(self) -> None:
        """What it has received is durable whenever it ends."""
        receiver = self.look()
        if receiver is not None:
            with self._engine.calling("remove the receiver of the log"):
                self._engine.client.stop(receiver.id, timeout=_STOP_SECONDS)
                self._engine.client.remove_container(receiver.id, force=True, v=True)

    def last_lines(self) -> List[str]:
        """What it said last; it never says a password."""
        receiver = self.look()
        if receiver is None:
            return []
        with self._engine.calling("read the log of the receiver"):
            said = self._engine.client.logs(receiver.id, tail=_LOG_LINES)
        return said.decode(errors="replace").strip().splitlines()


def owner_of(engine: Engine, container: str, data_directory: str) -> Tuple[int, int]:
    """The uid and gid that the server's files have inside its container."""
    path = f"{data_directory}/PG_VERSION"
    with engine.calling(f"look at {path}"):
        pieces, _status = engine.client.get_archive(container, path)
        packed = b"".join(pieces)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.next()
    if member is None:
        raise PitrNotPossible(f"{path} of the server's container cannot be looked at.", hint="Check its data directory.")
    return member.uid, member.gid


def _packed(files: Mapping[str, bytes], owner: Tuple[int, int]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode, (entry.uid, entry.gid) = len(content), 0o600, owner
            archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()
