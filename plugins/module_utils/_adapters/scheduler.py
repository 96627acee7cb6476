# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who starts jobs on this host: systemd, else cron."""

from __future__ import annotations

import os
import shutil
from typing import Dict

from .._core.schedule import SchedulerFailed, SchedulerMissing
from .processes import Finished, run

SYSTEMD, CRON = "systemd", "cron"
_BOOTED = "/run/systemd/system"  # the place that sd_booted(3) looks at
_SECONDS = 60


def choose_scheduler(asked: str, cron_dir: str) -> str:
    """``auto`` takes systemd where it runs, else cron where it is installed."""
    booted, has_cron_dir = os.path.isdir(_BOOTED), os.path.isdir(cron_dir)
    if asked in ("auto", SYSTEMD) and booted:
        return SYSTEMD
    if asked == CRON and has_cron_dir:
        return CRON
    if asked == "auto" and has_cron_dir and (shutil.which("cron") or shutil.which("crond")):
        return CRON
    wanted = {"auto": "neither a running systemd nor cron", SYSTEMD: "no running systemd", CRON: f"no directory {cron_dir}"}[asked]
    raise SchedulerMissing(f"This host has {wanted}: nothing was scheduled.", hint="Install cron, or choose another scheduler.", scheduler=asked)


def timer_is_on(timer: str) -> bool:
    """Whether it is loaded from its file, starts with the host, and counts now."""
    state = _show(timer)
    return (state.get("LoadState"), state.get("UnitFileState"), state.get("ActiveState")) == ("loaded", "enabled", "active")


def reload_units() -> None:
    _systemctl("daemon-reload")


def turn_on(timer: str) -> None:
    """Raises SchedulerFailed unless systemd says afterwards that it is on and knows when it runs next."""
    _systemctl("enable", timer)
    _systemctl("restart", timer)
    state = _show(timer)
    if not timer_is_on(timer) or not state.get("NextElapseUSecRealtime") or state.get("NeedDaemonReload") != "no":
        raise SchedulerFailed(f"systemd took {timer} and does not run it: {state}.", hint=f"Look at systemctl status {timer}.", timer=timer, state=state)


def turn_off(timer: str) -> None:
    """A job that runs just now ends by itself."""
    _systemctl("disable", "--now", timer)


def _show(unit: str) -> Dict[str, str]:
    properties = "LoadState,UnitFileState,ActiveState,NextElapseUSecRealtime,NeedDaemonReload"
    shown = _systemctl("show", unit, f"--property={properties}")
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)


def _systemctl(*words: str) -> Finished:
    done = run(["systemctl", "--no-pager", *words], timeout=_SECONDS)
    if done.exit_code != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise SchedulerFailed(f"systemctl {' '.join(words)} failed: {said}.", hint="Run as root; look at journalctl.", exit_code=done.exit_code)
    return done
