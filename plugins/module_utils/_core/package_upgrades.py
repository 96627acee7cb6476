# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages of a Debian host would be upgraded, and which are installed."""

from __future__ import annotations

import re
from typing import Any, Dict, List

# Inst libc6 [2.36-9] (2.36-10 Debian:12.5/stable [amd64]); a package that is new has no version in square brackets.
_INSTALL = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) ?([^\[)]*)", re.MULTILINE)
_INSTALLED = re.compile(r"^(\S+) (\S+) installed$", re.MULTILINE)


def planned_upgrades(simulated: str) -> List[Dict[str, Any]]:
    """From what ``apt-get --simulate`` prints, in the order of names. ``before`` is empty for a package that is new."""
    rows = {
        name: {"package": name, "before": before, "after": after, "security": "security" in origin.lower()}
        for name, before, after, origin in _INSTALL.findall(simulated)
    }
    return [rows[name] for name in sorted(rows)]


def installed_versions(listed: str) -> List[Dict[str, str]]:
    """From ``dpkg-query --show`` with name, version and status of each package."""
    return [{"package": name, "version": version} for name, version in _INSTALLED.findall(listed)]
