# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks what is still open on a stack, in the records that its procedures leave on the target."""

from __future__ import annotations

import glob
import json
import os
from typing import List

from .._core.edge_traffic import without_expired
from .._core.errors import StateUnwritable
from .._core.incidents import Restore, of_edge, of_release, of_restores, of_rollouts
from .._core.restore_record import FINISHED
from .._core.stack import Stack
from .clock import moment
from .edge_files import EdgeRecordFile
from .files import read_text
from .ledger_store import LedgerStore
from .rollout_store import RolloutStore


def open_incidents(stack: Stack) -> List[str]:
    """In words. A window of our own is not among them: that is told with its owner and its task."""
    rollouts, edge = RolloutStore(stack).load().open, EdgeRecordFile(stack).load()
    traffic = without_expired(edge.traffic, edge.ends, moment())
    current = LedgerStore(stack).load().current_release
    return [*of_release(current), *of_rollouts(rollouts), *of_restores(_restores(stack)), *of_edge(traffic, list(rollouts))]


def _restores(stack: Stack) -> List[Restore]:
    """Records of Postgres and of Redis are alike in what matters here."""
    found = []
    for kind in ("postgres", "redis"):
        for path in sorted(glob.glob(os.path.join(glob.escape(stack.in_state(kind)), "restore-*.json"))):
            one = _restore(kind, path)
            found += [one] if one.stage != FINISHED else []
    return found


def _restore(kind: str, path: str) -> Restore:
    try:
        record = json.loads(read_text(path) or "")
        return Restore(f"the restore {record['run_id']} of {' of '.join(filter(None, (record.get('database'), record['service'])))}", str(record["stage"]))
    except OSError as error:
        raise StateUnwritable(f"{path} cannot be read: {error.strerror}.", hint="Check that the task runs as the right user (become).", path=path) from error
    except (KeyError, TypeError, ValueError, AttributeError):
        return Restore(f"a restore of {kind} ({os.path.basename(path)})")
