# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the edge could not be steered."""

from __future__ import annotations

from .errors import BadInput, OperationError


class EdgeBusy(OperationError):
    """Somebody else changes the edge, and does not come to an end."""

    reason = "edge_busy"


class EdgeMissing(BadInput):
    """The stack has no nginx that we can steer."""

    reason = "edge_missing"


class EdgeNotPrepared(BadInput):
    """The site's nginx configuration does not include our files, or does not use what they define."""

    reason = "edge_not_prepared"


class EdgeRefused(OperationError):
    """nginx refused the configuration or did not take it over; what was there before is back."""

    reason = "edge_refused"


class EdgeNotPutBack(OperationError):
    """A change failed, and what was there before could not be put back whole."""

    reason = "edge_not_put_back"


class EdgeUnproven(OperationError):
    """nginx serves what it was given, and those who ask get something else."""

    reason = "edge_unproven"


class EdgeSettingsLost(BadInput):
    """A new configuration of the site lacks what clients depend on."""

    reason = "edge_settings_lost"


class EdgeStateDamaged(OperationError):
    """Our record of the edge makes no sense."""

    reason = "edge_state_damaged"


class DrainTimedOut(OperationError):
    """Requests were still in flight when the drain's deadline came."""

    reason = "drain_timed_out"


ALTERNATIVES = (
    "Without an nginx of the stack there is no 503 page, no drain and no shift of traffic: switch the maintenance mode of the application itself or of the "
    "load balancer in front of it, or stop the service (playbooks/service/state.yml). With one, describe it in stack_edge of the inventory."
)
