# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release a word or a version stands for. A release that failed can never be chosen."""

from __future__ import annotations

from typing import Optional

from .errors import BadInput, OperationError
from .ledger import FAILED, PENDING, ROLLED_BACK, VERIFIED, Ledger, Release

SELECTOR_WORDS = ("current", "previous")


class NoSuchRelease(BadInput):
    """No entry of the ledger has this id or version."""

    reason = "no_such_release"


class NoReleaseToRollBackTo(OperationError):
    """There is no earlier release that was ever proven."""

    reason = "no_release_to_roll_back_to"


class ReleaseFailedBefore(OperationError):
    """The release failed when it was tried."""

    reason = "release_failed_before"


class ReleaseRolledBackBefore(OperationError):
    """The release was taken back."""

    reason = "release_rolled_back_before"


class ReleaseOfOtherEngine(BadInput):
    """The release was made for Docker Compose and the stack is run by a swarm, or the other way round."""

    reason = "release_of_other_engine"


def refuse_of_swarm(release: Release) -> None:
    if release.of_swarm:
        raise ReleaseOfOtherEngine(
            f"Release {release.title} was made for a swarm and has no files to put in place for Docker Compose.",
            hint="Release its version anew (playbooks/deploy/release.yml).",
            release=release.id,
        )


def previous_release(ledger: Ledger) -> Optional[Release]:
    """The verified release that was live last before the current one first was.

    Counted from the *first* activation of the current one, so that going back twice never leads to a newer release.
    """
    current = ledger.current_release
    if current is None or not current.activations:
        return None
    bound = current.activations[0].number
    earlier = [
        release
        for release in ledger.releases
        if release.id != current.id and release.verdict == VERIFIED and release.activations and release.activations[-1].number < bound
    ]
    return max(earlier, key=lambda release: release.activations[-1].number, default=None)


def rollback_target(ledger: Ledger) -> Optional[Release]:
    """What going back from what is live now means.

    When the live files mean a release that is not the current one, something was interrupted: a rollback under way
    (the staged release is verified) goes on to the same release; a deploy that was never proven goes back to the current one.
    """
    staged = ledger.entry(ledger.staged) if ledger.staged != ledger.current else None
    if staged is None:
        return previous_release(ledger)
    if staged.verdict == VERIFIED:
        return staged
    return ledger.current_release


def find_release(ledger: Ledger, selector: str) -> Release:
    """The release of an id, a version, ``current`` or ``previous``."""
    if selector == "previous":
        return _rollback_target(ledger)
    if selector == "current":
        return _current(ledger)
    entry = ledger.entry(selector) or _by_version(ledger, selector)
    if entry is None:
        known = [f"{release.id} ({release.version})" for release in ledger.releases]
        raise NoSuchRelease(
            f"No release {selector!r} is in the ledger of this host.",
            hint=f"Known: {', '.join(known)}." if known else "The ledger is empty: deploy a release first.",
            release=selector,
            known=[release.id for release in ledger.releases],
        )
    return entry


def refuse_unfit(release: Release) -> None:
    """Only a verified release, or a pending one that waits for its verdict, may become live."""
    if release.verdict == FAILED:
        raise ReleaseFailedBefore(
            f"Release {release.title} failed: {release.verdict_reason or 'no reason recorded'}.",
            hint="A failed release is never made live again. Deploy a corrected version, or register this one anew.",
            release=release.id,
            verdict=release.verdict,
            verdict_reason=release.verdict_reason,
        )
    if release.verdict == ROLLED_BACK:
        raise ReleaseRolledBackBefore(
            f"Release {release.title} was rolled back: {release.verdict_reason or 'no reason recorded'}.",
            hint="Deploy the version again: that registers it anew and proves it anew.",
            release=release.id,
            verdict=release.verdict,
            verdict_reason=release.verdict_reason,
        )


def _by_version(ledger: Ledger, version: str) -> Optional[Release]:
    """The newest entry of a version that may become live, else the newest one of that version."""
    same = [release for release in ledger.releases if release.version == version]
    fit = [release for release in same if release.verdict in (VERIFIED, PENDING)]
    return (fit or same or [None])[-1]


def _rollback_target(ledger: Ledger) -> Release:
    target = rollback_target(ledger)
    if target is None:
        current = ledger.current_release
        since = f"before {current.title}" if current else "on this host"
        raise NoReleaseToRollBackTo(
            f"No verified release {since} is in the ledger.",
            hint="Deploy a known good version instead.",
            current=ledger.current,
        )
    return target


def _current(ledger: Ledger) -> Release:
    current = ledger.current_release
    if current is None:
        raise NoSuchRelease(
            "No release is current on this host: none was ever verified.",
            hint="Deploy a release first.",
            release="current",
            known=[release.id for release in ledger.releases],
        )
    return current
