# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells of itself: disks, memory, load, who listens, and whether it waits for a reboot."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._core.host_problems import unavailable
from .._core.kernel_texts import Listener, busy_percent, listening, listens, memory_of, mount_of, mounts_of
from .._core.problem import Problem
from .files import read_text

_REBOOT = ("/run/reboot-required", "/var/run/reboot-required")
_TCP = ("/proc/net/tcp", "/proc/net/tcp6")


@dataclass
class Readings:
    """Reads sections; what this user may not see is noted in ``missing``."""

    missing: List[Problem] = field(default_factory=list)

    def system(self) -> Dict[str, Any]:
        waits = next((path for path in _REBOOT if os.path.exists(path)), "")
        return {
            "hostname": socket.gethostname(),
            "kernel": os.uname().release,
            "uptime_seconds": round(time.clock_gettime(time.CLOCK_BOOTTIME)),
            "reboot_required": bool(waits),
            "reboot_packages": sorted(set((read_text(f"{waits}.pkgs") or "").split())) if waits else [],
        }

    def disks(self, uses: Mapping[str, str]) -> List[Dict[str, Any]]:
        """One row for each file system; ``uses`` is what for to path, and several may share one."""
        mounts = mounts_of(read_text("/proc/self/mountinfo") or "")
        rows: Dict[int, Dict[str, Any]] = {}
        for use, path in uses.items():
            there = _existing(path)
            try:
                status, space = os.stat(there), os.statvfs(there)
            except OSError as error:
                self.missing.append(unavailable("disks", path, error.strerror or "unknown"))
                continue
            row = rows.setdefault(status.st_dev, {"uses": [], **_mounted(mount_of(os.path.realpath(there), mounts), there), **_space(space)})
            row["uses"].append(use)
        return list(rows.values())

    def memory(self) -> Dict[str, Any]:
        told = memory_of(read_text("/proc/meminfo") or "")
        total, available, swap = told.get("MemTotal", 0), told.get("MemAvailable", 0), told.get("SwapTotal", 0)
        killed = [line.split()[1] for line in (read_text("/proc/vmstat") or "").splitlines() if line.startswith("oom_kill ")]
        return {
            "total_bytes": total,
            "available_bytes": available,
            "used_percent": _percent(total - available, total),
            "swap_bytes": swap,
            "swap_used_percent": _percent(swap - told.get("SwapFree", 0), swap),
            "oom_kills": int(killed[0]) if killed else 0,
        }

    def load(self, interval: float) -> Dict[str, Any]:
        cores = os.cpu_count() or 1
        earlier = read_text("/proc/stat") or ""
        if interval:
            time.sleep(interval)
        one, five, fifteen = os.getloadavg()
        return {
            "cores": cores,
            "load_1": round(one, 2),
            "load_5": round(five, 2),
            "load_15": round(fifteen, 2),
            "per_core_5": round(five / cores, 2),
            "per_core_15": round(fifteen / cores, 2),
            "cpu": busy_percent(earlier, read_text("/proc/stat") or "") if interval else None,
        }

    def listeners(self, wanted: Sequence[Listener]) -> List[Dict[str, Any]]:
        found: List[Tuple[str, int]] = [pair for path in _TCP for pair in listening(read_text(path) or "")]
        rows = []
        for one in wanted:
            where = listens(one, found)
            rows.append({"listener": one.text, "address": one.address, "port": one.port, "listening": bool(where), "listens_on": where})
        return rows


def _existing(path: str) -> str:
    """The path, or the directory above it that is there already: the disk it would be on."""
    path = os.path.abspath(path)
    while not os.path.lexists(path) and path != "/":
        path = os.path.dirname(path)
    return path


def _mounted(mount: Any, path: str) -> Dict[str, Any]:
    if mount is None:
        return {"mount": path, "device": "", "fstype": "", "read_only": False}
    return {"mount": mount.place, "device": mount.device, "fstype": mount.fstype, "read_only": mount.read_only}


def _space(space: os.statvfs_result) -> Dict[str, Any]:
    """As df counts: what is reserved for root is neither used nor free."""
    used = (space.f_blocks - space.f_bfree) * space.f_frsize
    free = space.f_bavail * space.f_frsize
    inodes = space.f_files or None  # some file systems have no end of them
    return {
        "total_bytes": space.f_blocks * space.f_frsize,
        "free_bytes": free,
        "used_percent": _percent(used, used + free),
        "inodes_free": space.f_favail if inodes else None,
        "inodes_used_percent": _percent(space.f_files - space.f_ffree, space.f_files) if inodes else None,
    }


def _percent(part: float, whole: float) -> Any:
    return round(100 * part / whole, 1) if whole > 0 else None
