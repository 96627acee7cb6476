# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a host."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from .certificate_problems import certificate_problems
from .problem import CRITICAL, WARNING, Limits, Problem, bytes_text, worst_first

_CLEANUP, _HOST, _CONFIGURE = "playbooks/service/cleanup.yml", "playbooks/maintenance/host.yml", "the compose file"
_EVERYWHERE = ("0.0.0.0", "::")
_HARMLESS = ("127.", "::1")


def system_problems(section: Mapping[str, Any], limits: Limits) -> List[Problem]:
    if not section["reboot_required"]:
        return []
    packages = f" ({', '.join(section['reboot_packages'][:5])})" if section["reboot_packages"] else ""
    message = f"Updates that are installed wait for a reboot{packages}."
    return [Problem("system", "reboot_required", WARNING, "", message, f"{_HOST} with step=reboot")]


def disk_problems(section: List[Mapping[str, Any]], limits: Limits) -> List[Problem]:
    return [problem for disk in section for problem in _of_disk(disk, limits)]


def _of_disk(disk: Mapping[str, Any], limits: Limits) -> List[Problem]:
    uses = ", ".join(disk["uses"])
    found = []
    if disk["read_only"]:
        message = f"{disk['mount']} ({uses}) is mounted read-only: a kernel does that to a disk with faults."
        found.append(Problem("disks", "read_only", CRITICAL, disk["mount"], message, "Look at the kernel's log (journalctl -k)."))
    for problem, percent, told in (
        ("disk_full", disk["used_percent"], f"{bytes_text(disk['free_bytes'])} free"),
        ("inodes_full", disk["inodes_used_percent"], f"{disk['inodes_free']} inodes free"),
    ):
        name = problem.replace("_full", "")
        if percent is not None and percent >= limits[f"{name}_warning_percent"]:
            severity = CRITICAL if percent >= limits[f"{name}_critical_percent"] else WARNING
            what = "the disk" if name == "disk" else "the inodes"
            message = f"{percent:g} % of {what} of {disk['mount']} ({uses}) are used, {told}."
            found.append(Problem("disks", problem, severity, disk["mount"], message, f"See what takes it; {_CLEANUP} removes images that nobody needs."))
    return found


def memory_problems(section: Mapping[str, Any], limits: Limits) -> List[Problem]:
    found, used, swap = [], section["used_percent"], section["swap_used_percent"]
    if used is not None and used >= limits["memory_warning_percent"]:
        severity = CRITICAL if used >= limits["memory_critical_percent"] else WARNING
        message = f"{used:g} % of the memory are taken, {bytes_text(section['available_bytes'])} can still be given."
        found.append(Problem("memory", "memory_high", severity, "", message, "See who takes it (playbooks/service/status.yml with service_samples)."))
    if swap is not None and swap >= limits["swap_warning_percent"]:
        message = f"{swap:g} % of the swap are used: what was put there is slow."
        found.append(Problem("memory", "swap_high", WARNING, "", message, "Give the host more memory, or the services less."))
    return found


def load_problems(section: Mapping[str, Any], limits: Limits) -> List[Problem]:
    """The quarter of an hour counts for the night: a minute's load is a build or a backup."""
    found, five, fifteen = [], section["per_core_5"], section["per_core_15"]
    if five >= limits["load_warning_per_core"] or fifteen >= limits["load_critical_per_core"]:
        severity = CRITICAL if fifteen >= limits["load_critical_per_core"] else WARNING
        message = f"The load of each of {section['cores']} cores is {five:g} over 5 and {fifteen:g} over 15 minutes."
        found.append(Problem("load", "load_high", severity, "", message, "See who works (playbooks/service/status.yml with service_samples)."))
    if section["cpu"] and section["cpu"]["busy"] >= limits["cpu_warning_percent"]:
        message = f"The processors are busy for {section['cpu']['busy']:g} % of the time."
        found.append(Problem("load", "cpu_high", WARNING, "", message, "See who works (playbooks/service/status.yml with service_samples)."))
    return found


def listener_problems(section: List[Mapping[str, Any]], limits: Limits) -> List[Problem]:
    found = []
    for one in section:
        if not one["listening"]:
            message = f"Nothing listens at {one['listener']}."
            found.append(Problem("listeners", "not_listening", CRITICAL, one["listener"], message, "Start what should (playbooks/service/state.yml)."))
        elif one["address"].startswith(_HARMLESS) and any(address in _EVERYWHERE for address in one["listens_on"]):
            message = f"{one['listener']} listens at {', '.join(one['listens_on'])}: others than this host can reach it."
            found.append(Problem("listeners", "exposed", WARNING, one["listener"], message, f"Publish it at {one['address']} only ({_CONFIGURE})."))
    return found


def engine_problems(section: Mapping[str, Any], limits: Limits) -> List[Problem]:
    if section["reachable"]:
        return []
    return [Problem("engine", "engine_unreachable", CRITICAL, "", section["error"], f"{_HOST} with step=restart_engine")]


def clock_problems(section: Mapping[str, Any], limits: Limits) -> List[Problem]:
    if section["synchronized"] is not False:
        return []
    message = "The clock is not kept in time: leases, tokens and certificates go by it."
    return [Problem("clock", "clock_unsynchronized", WARNING, "", message, "Start chrony or systemd-timesyncd (timedatectl set-ntp true).")]


def log_problems(section: List[Mapping[str, Any]], limits: Limits) -> List[Problem]:
    found = []
    for one in section:
        if one["bytes"] is not None and one["bytes"] >= limits["log_bytes"]:
            message = f"The log of {one['container']} takes {bytes_text(one['bytes'])}."
            found.append(Problem("logs", "log_large", WARNING, one["container"], message, f"Limit it with max-size and max-file (logging of {_CONFIGURE})."))
        elif one["unbounded"]:
            message = f"Nothing limits the log of {one['container']}."
            found.append(Problem("logs", "log_unbounded", WARNING, one["container"], message, f"Give it max-size and max-file (logging of {_CONFIGURE})."))
    return found


def package_problems(section: Mapping[str, Any], limits: Limits) -> List[Problem]:
    names = [row["package"] for row in section["upgrades"] if row["security"]]
    if not names:
        return []
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    message = f"Security updates are not installed: {', '.join(names[:5])}{more}."
    return [Problem("packages", "security_upgrades", WARNING, "", message, "playbooks/maintenance/os_update.yml")]


RULES: Dict[str, Callable[[Any, Limits], List[Problem]]] = {
    "engine": engine_problems,
    "disks": disk_problems,
    "memory": memory_problems,
    "load": load_problems,
    "certificates": certificate_problems,
    "listeners": listener_problems,
    "clock": clock_problems,
    "system": system_problems,
    "logs": log_problems,
    "packages": package_problems,
}


def find_problems(sections: Mapping[str, Any], limits: Limits) -> List[Problem]:
    """Of all sections that were read, the critical ones first."""
    return worst_first([problem for name, rule in RULES.items() if sections.get(name) is not None for problem in rule(sections[name], limits)])


def unavailable(section: str, subject: str, why: str) -> Problem:
    """What this user may not see is no fault of the host, and nobody knows whether it is well."""
    return Problem(section, "unavailable", WARNING, subject, f"{subject} cannot be looked at: {why}.", "Run as a user who may look there (become).")
