# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a maintenance window at the edge, as the target itself handles it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Mapping, Optional

from .._core.edge_traffic import Maintenance, Traffic, iso
from .._core.lease import Moment
from .._core.stack import Stack
from .._core.timestamps import parse_timestamp
from .edge_control import EdgeControl
from .edge_files import EdgeRecordFile

_PROLONGED = timedelta(minutes=15)
_SOON = timedelta(minutes=2)


class WindowEdge:
    """``edge`` describes it, empty: there is none. Nobody else's maintenance is touched."""

    def __init__(self, stack: Stack, edge: Optional[Mapping[str, Any]]) -> None:
        self._stack = stack
        self._edge = edge

    def is_closed(self, owner: str) -> bool:
        return self._page(owner) is not None

    def lift(self, owner: str) -> bool:
        """Whether there was a page of this owner."""
        if not self.is_closed(owner):
            return False
        self._control().change(lambda traffic: traffic.with_maintenance(None) if _is_of(traffic, owner) else traffic)
        return True

    def prolong(self, owner: str, now: Moment, for_all: bool = False) -> bool:
        """Lets the page announce an end that is still to come; ``for_all``: nobody is let in any more who was on the way back."""
        page = self._page(owner)
        if page is None:
            return False
        until = parse_timestamp(page.until)
        soon = until is None or until - now.wall <= _SOON
        wanted = replace(page, until=iso(now.wall + _PROLONGED) if soon else page.until, admits=0 if for_all else page.admits)
        if wanted == page:
            return False
        self._control().change(lambda traffic: traffic.with_maintenance(wanted) if _is_of(traffic, owner) else traffic)
        return True

    def _page(self, owner: str) -> Optional[Maintenance]:
        if not self._edge:
            return None
        traffic = EdgeRecordFile(self._stack).load().traffic
        return traffic.maintenance if _is_of(traffic, owner) else None

    def _control(self) -> EdgeControl:
        return EdgeControl.of(self._stack, self._edge)


def _is_of(traffic: Traffic, owner: str) -> bool:
    return traffic.maintenance is not None and traffic.maintenance.owner == owner
