# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the package manager of a Debian host has, and what it would upgrade. Changes nothing."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict

from .._core.errors import OperationError
from .._core.package_upgrades import installed_versions, planned_upgrades
from .processes import run

_SECONDS = 120
_SIMULATED = ("apt-get", "--simulate", "--quiet", "--with-new-pkgs", "upgrade")
_LISTED = ("dpkg-query", "--show", "--showformat", "${binary:Package} ${Version} ${db:Status-Status}\n")
_HELD = ("apt-mark", "showhold")


class PackagesUnknown(OperationError):
    """There is no apt on this host, or it cannot tell."""

    reason = "packages_unknown"


def packages() -> Dict[str, Any]:
    """By the lists of packages as they were fetched last."""
    if shutil.which("apt-get") is None:
        raise PackagesUnknown("There is no apt on this host.", hint="This is for Debian, Ubuntu and what is made of them.")
    return {
        "upgrades": planned_upgrades(_told(_SIMULATED)),
        "held": sorted(_told(_HELD).split()),
        "installed": installed_versions(_told(_LISTED)),
    }


def _told(argv: Any) -> str:
    done = run(argv, _SECONDS, {**os.environ, "LC_ALL": "C"})
    if done.exit_code:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise PackagesUnknown(f"{argv[0]} failed: {' '.join(lines[-3:])}", hint="Mend it first (dpkg --audit, apt-get check).", exit_code=done.exit_code)
    return done.stdout
