# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found about a host as aligned text, the problems first."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from .problem import bytes_text, seconds_text
from .report_text import in_bytes, listed, plain, written

Rows = Sequence[Mapping[str, Any]]


def report_text(sections: Mapping[str, Any], problems: Sequence[Mapping[str, str]]) -> str:
    """Sections that were not read are left out."""
    return written(_WRITERS, sections, problems)


def _share(value: Any) -> str:
    return "n/a" if value is None else f"{value:g} %"


def _system(section: Mapping[str, Any]) -> List[str]:
    reboot = ", waits for a reboot" if section["reboot_required"] else ""
    return [f"HOST {section['hostname']}, kernel {section['kernel']}, up {seconds_text(section['uptime_seconds'])}{reboot}"]


def _disks(rows: Rows) -> List[str]:
    columns = [
        ("MOUNT", plain("mount")), ("USED", plain("used_percent", " %")), ("FREE", in_bytes("free_bytes")), ("SIZE", in_bytes("total_bytes")),
        ("INODES USED", plain("inodes_used_percent", " %")), ("FOR", lambda row: ", ".join(row["uses"])),
    ]  # fmt: skip
    return listed(f"DISKS {len(rows)}", rows, columns)


def _memory(section: Mapping[str, Any]) -> List[str]:
    swap = f"swap {_share(section['swap_used_percent'])} of {bytes_text(section['swap_bytes'])}" if section["swap_bytes"] else "no swap"
    used = f"{_share(section['used_percent'])} of {bytes_text(section['total_bytes'])} taken"
    return [f"MEMORY {used}, {bytes_text(section['available_bytes'])} available, {swap}, {section['oom_kills']} killed for memory since boot"]


def _load(section: Mapping[str, Any]) -> List[str]:
    cpu = section["cpu"]
    busy = f"; busy {cpu['busy']:g} %, waiting for the disk {cpu['waiting_for_disk']:g} %, stolen {cpu['stolen']:g} %" if cpu else ""
    return [f"LOAD {section['load_1']:g} {section['load_5']:g} {section['load_15']:g} on {section['cores']} cores{busy}"]


def _certificates(rows: Rows) -> List[str]:
    columns = [
        ("FILE", plain("file")), ("DAYS LEFT", lambda row: (row["in_file"] or {}).get("days_left")), ("SERVED AT", plain("address")),
        ("DAYS LEFT", lambda row: (row["served"] or {}).get("days_left")), ("SAME", lambda row: _word(row["same"])),
        ("TRUSTED", lambda row: _word(row["chain_trusted"])), ("FOR", plain("server_name")),
    ]  # fmt: skip
    return listed(f"CERTIFICATES {len(rows)}", rows, columns)


def _listeners(rows: Rows) -> List[str]:
    columns = [("LISTENER", plain("listener")), ("LISTENING", lambda row: _word(row["listening"])), ("AT", lambda row: ", ".join(row["listens_on"]))]
    return listed(f"LISTENERS {len(rows)}", rows, columns)


def _engine(section: Mapping[str, Any]) -> List[str]:
    if not section["reachable"]:
        return ["ENGINE does not answer"]
    counts = f"{section['containers_running']} of {section['containers']} containers run, {section['images']} images"
    return [f"ENGINE {section['version']}, {section['storage_driver']} in {section['root_dir']}, {counts}"]


def _clock(section: Mapping[str, Any]) -> List[str]:
    known = {True: "kept in time", False: "NOT kept in time", None: "unknown"}[section["synchronized"]]
    return [f"CLOCK {known}" + ("" if section["error_ms"] is None else f", off by {section['error_ms']:g} ms at most")]


def _logs(rows: Rows) -> List[str]:
    columns = [
        ("CONTAINER", plain("container")), ("DRIVER", plain("driver")), ("SIZE", in_bytes("bytes")), ("FILES", plain("file_count")),
        ("LIMIT", lambda row: "none" if row["unbounded"] else row["limit"]),
    ]  # fmt: skip
    return listed(f"LOGS {len(rows)} containers", rows, columns)


def _packages(section: Mapping[str, Any]) -> List[str]:
    held = f", held: {', '.join(section['held'])}" if section["held"] else ""
    columns = [
        ("PACKAGE", plain("package")), ("BEFORE", plain("before")), ("AFTER", plain("after")),
        ("SECURITY", lambda row: "yes" if row["security"] else ""),
    ]  # fmt: skip
    return listed(f"PACKAGES {len(section['installed'])} installed, {len(section['upgrades'])} to upgrade{held}", section["upgrades"], columns)


def _word(value: Any) -> Any:
    return value if value is None else "yes" if value else "NO"


_WRITERS: Dict[str, Callable[[Any], List[str]]] = {
    "system": _system,
    "disks": _disks,
    "memory": _memory,
    "load": _load,
    "certificates": _certificates,
    "listeners": _listeners,
    "engine": _engine,
    "clock": _clock,
    "logs": _logs,
    "packages": _packages,
}
