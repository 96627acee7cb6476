# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has nginx judge its files and take them over: done only when new workers serve."""

from __future__ import annotations

import time
from typing import Callable, Optional

from .._core.edge_errors import EdgeRefused
from .._core.errors import OperationError
from .nginx_server import NginxServer, Workers

_RELOAD_SECONDS = 15.0
_BACK_SECONDS = 5.0
# Between the start of new workers and the end of old ones there are always some: without any for so long, and in so many looks, they cannot start.
_WITHOUT_WORKERS, _LOOKS_WITHOUT = 1.5, 5
_POLL_SECONDS = 0.01  # requests wait for the new colour meanwhile


class NginxReload:
    """``told`` makes of nginx' words what may be shown."""

    def __init__(self, nginx: NginxServer, told: Callable[[str], str]) -> None:
        self._nginx = nginx
        self._told = told

    def dump(self, hint: str) -> str:
        """All its files, when nginx accepts them."""
        said = self._nginx.run("-T")
        if said.exit_code:
            raise EdgeRefused(
                f"{self._nginx.name} refuses the configuration: {self._told(said.complaints)}",
                hint=hint,
                nginx=self._nginx.name,
            )
        return said.output

    def take_over(self, proven: Optional[Callable[[], bool]] = None) -> None:
        """Graceful: old workers end what they are at. Done when only new ones take connections, and ``proven`` says so as well."""
        former = self._signal()
        until = time.monotonic() + _RELOAD_SECONDS
        served, looks = time.monotonic(), 0
        while True:
            now, serving = time.monotonic(), self._nginx.workers().serving
            if serving and not serving & former.serving and (proven is None or proven()):
                return
            served, looks = (now, 0) if serving else (served, looks + 1)
            if now - served > _WITHOUT_WORKERS and looks >= _LOOKS_WITHOUT:
                raise self._refused("no worker of it could start")
            if now > until:
                raise self._refused(f"it did not take it over within {_RELOAD_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)

    def back(self) -> str:
        """Once its files are those of before: what is wrong with what it serves now; empty when it serves them."""
        try:
            self._signal()
            until = time.monotonic() + _BACK_SECONDS
            while not self._nginx.workers().serving:
                if time.monotonic() > until:
                    return "no worker of nginx takes requests"
                time.sleep(_POLL_SECONDS)
        except OperationError as error:
            return str(error)
        return ""

    def _signal(self) -> Workers:
        """The workers of before."""
        former = self._nginx.workers()
        said = self._nginx.reload()
        if said.exit_code:
            raise EdgeRefused(f"{self._nginx.name} could not be reloaded: {self._told(said.complaints)}", hint="Look at its log.", nginx=self._nginx.name)
        return former

    def _refused(self, why: str) -> EdgeRefused:
        return EdgeRefused(
            f"{self._nginx.name} accepts the configuration, and when it was reloaded {why}.",
            hint="Look at its error log: an address in use, a shared memory zone that changed, or workers that exit.",
            nginx=self._nginx.name,
        )
