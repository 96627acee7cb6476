# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a backup was not restored: the reasons that have nothing to do with Postgres itself."""

from __future__ import annotations

from typing import Dict, List

from .errors import BadInput, OperationError


class ArchiveUnreadable(OperationError):
    """A file of a backup, or one that was given, cannot be decrypted or decompressed, or is not what it should be."""

    reason = "archive_unreadable"


class ArchiveRejected(OperationError):
    """The server or its pg_restore or psql did not take what the archive holds."""

    reason = "archive_rejected"


class ScratchFailed(OperationError):
    """The throwaway server did not start, or died."""

    reason = "scratch_server_failed"


class RestoreRefused(BadInput):
    """Something speaks against the restore. ``problems`` in the details names everything that was found, each with a code."""

    reason = "restore_refused"


class RestoreDiffers(OperationError):
    """The restored copy is not what the manifest says."""

    reason = "restore_differs"


class RestoreUnfinished(BadInput):
    """An earlier restore of the same database died in the middle."""

    reason = "restore_unfinished"


class NothingToUndo(BadInput):
    """No restore of the database is there that could be undone or redone."""

    reason = "nothing_to_undo"


class FenceFailed(OperationError):
    """Not all sessions of the database could be ended in time."""

    reason = "fence_failed"


class SwapFailed(OperationError):
    """The databases could not be exchanged, or the exchanged one does not answer."""

    reason = "swap_failed"


def refusal(what: str, problems: List[Dict[str, str]]) -> RestoreRefused:
    """``problems`` are pairs of code and message."""
    said = " ".join(problem["message"] for problem in problems)
    return RestoreRefused(f"{what} is not possible: {said}", hint="Nothing was done.", problems=problems)
