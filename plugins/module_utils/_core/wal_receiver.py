# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container that receives a server's log: what it is made from, and what can be wrong with it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from .container import LABEL_PROJECT
from .errors import OperationError
from .helper_container import LABEL_MADE, LABEL_STACK

MADE_RECEIVER = "wal-receiver"
LABEL_SERVICE = "runbook.service"
LABEL_FINGERPRINT = "runbook.wal.fingerprint"  # of everything it was made from but the password
SLOT = "runbook_pitr"
APPLICATION = "runbook.compose wal-receiver"
WAL = "/wal"
PASSFILE, SCRIPT_FILE = "/.runbook-pgpass", "/.runbook-receive-wal"
_STATUS_SECONDS = 2
_PAUSE_SECONDS = 15
# A restart joins the network that the server's container has then, and the engine tries it only once:
# the pause lets the server come back first. The shell is there because somebody has to pause; it passes signals on.
SCRIPT = f"""#!/bin/sh
trap 'kill "$child"; wait "$child"; exit 0' TERM INT
"$@" &
child=$!
wait "$child"
sleep {_PAUSE_SECONDS} &
child=$!
wait "$child"
exit 1
""".encode()


class ReceiverFailed(OperationError):
    """The log does not arrive."""

    reason = "wal_receiver_failed"


@dataclass(frozen=True)
class Wanted:
    """``owner`` is uid:gid of the server's files: what is received has to be readable for a server of the same image."""

    stack: str
    service: str
    image_id: str
    database_container: str
    port: int
    username: str
    directory: str
    owner: str
    has_password: bool

    @property
    def name(self) -> str:
        return receiver_name(self.stack, self.service)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self._made_from(), sort_keys=True).encode()).hexdigest()[:16]

    def settings(self) -> Dict[str, Any]:
        """The engine's own words (POST /containers/create)."""
        # An empty project: labels that compose put on the image would make it a part of the stack.
        labels = {LABEL_PROJECT: "", LABEL_MADE: MADE_RECEIVER, LABEL_STACK: self.stack, LABEL_SERVICE: self.service}
        return {**self._made_from(), "Labels": {**labels, LABEL_FINGERPRINT: self.fingerprint}}

    def _made_from(self) -> Dict[str, Any]:
        login = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": self.username, "PGAPPNAME": APPLICATION, "LC_ALL": "C.UTF-8"}
        if self.has_password:
            login["PGPASSFILE"] = PASSFILE
        receive = ["pg_receivewal", f"--directory={WAL}", f"--slot={SLOT}", "--synchronous", "--no-loop", "--no-password"]
        return {
            "Image": self.image_id,
            "Entrypoint": ["/bin/sh", SCRIPT_FILE],
            "Cmd": [*receive, f"--status-interval={_STATUS_SECONDS}"],
            "User": self.owner,
            "Env": [f"{name}={value}" for name, value in login.items()],
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {
                "NetworkMode": f"container:{self.database_container}",
                "Mounts": [{"Type": "bind", "Source": self.directory, "Target": WAL}],
                "RestartPolicy": {"Name": "unless-stopped"},
                "Init": True,
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
            },
        }


def receiver_name(stack: str, service: str) -> str:
    """No stack has a dot in its name, so two stacks never share one."""
    return f"runbook-wal-{stack}.{service}"


@dataclass(frozen=True)
class Receiver:
    """The container as it was found. ``network_of`` is the container whose network it joined."""

    id: str
    state: str
    started_at: str
    fingerprint: str
    network_of: str
    restarts: int = 0


def parse_receiver(inspected: Mapping[str, Any]) -> Receiver:
    state, host = inspected.get("State") or {}, inspected.get("HostConfig") or {}
    return Receiver(
        inspected["Id"],
        str(state.get("Status", "unknown")),
        str(state.get("StartedAt", "")),
        str(((inspected.get("Config") or {}).get("Labels") or {}).get(LABEL_FINGERPRINT, "")),
        str(host.get("NetworkMode", "")).partition(":")[2],
        int(inspected.get("RestartCount") or 0),
    )


def fault(receiver: Optional[Receiver], wanted: Wanted, streaming: bool) -> str:
    """Why the receiver has to be made anew; empty when it does its work."""
    if receiver is None:
        return "absent"
    if receiver.network_of != wanted.database_container:
        return "stranded"  # the server's container was recreated, and the network that it is in is gone
    if receiver.state not in ("running", "restarting"):
        return "stopped"
    if receiver.fingerprint != wanted.fingerprint:
        return "outdated"
    return "" if streaming else "not_streaming"
