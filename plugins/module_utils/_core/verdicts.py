# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release may come from one verdict to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional

from .errors import OperationError
from .ledger import FAILED, PENDING, ROLLED_BACK, VERIFIED, Activation, Ledger, Release
from .release_selection import refuse_unfit

# (verdict now, verdict wanted). All others are refused. Nothing comes back from failed or rolled_back to verified:
# the version has to be registered, and proven, anew.
ALLOWED = frozenset(
    {
        (PENDING, VERIFIED),
        (VERIFIED, VERIFIED),
        (PENDING, FAILED),
        (VERIFIED, FAILED),
        (ROLLED_BACK, FAILED),
        (FAILED, FAILED),
        (VERIFIED, ROLLED_BACK),
        (ROLLED_BACK, ROLLED_BACK),
    }
)
ROLLBACKS = ("rollback", "automatic_rollback")


class VerdictRefused(OperationError):
    """The verdict cannot follow the one the release has."""

    reason = "verdict_refused"


class ReleaseIsCurrent(OperationError):
    """The current release is the one that was proven last; another must take its place first."""

    reason = "release_is_current"


class ReleaseNotStaged(OperationError):
    """The live files do not mean this release."""

    reason = "release_not_staged"


@dataclass(frozen=True)
class Verification:
    """Who proved a release, when and how. ``replaced`` is what becomes of the release it takes the place of."""

    at: str
    by: str
    how: str = "deploy"
    reason: str = ""
    replaced: Optional[str] = None
    schema: Optional[Mapping[str, Any]] = None
    schema_fingerprint: str = ""

    @property
    def takes_back(self) -> bool:
        return (self.replaced or (ROLLED_BACK if self.how in ROLLBACKS else "kept")) == ROLLED_BACK


def verify(ledger: Ledger, release: Release, verification: Verification) -> Ledger:
    """The ledger after the release was proven live: it is verified and current. Unchanged when it was just that."""
    refuse_unfit(release)
    _refuse_unless_allowed(release, VERIFIED)
    if release.id == ledger.current and not ledger.staged:
        return _with_schema(ledger, release, verification)
    if ledger.staged != release.id:
        raise ReleaseNotStaged(
            f"Release {release.title} was not staged: the live files mean {ledger.staged or ledger.current or 'no release'}.",
            hint="Stage the release, start it and probe it before it is verified.",
            release=release.id,
            staged=ledger.staged,
            current=ledger.current,
        )
    left = ledger.current_release
    if left is not None and left.id != release.id and verification.takes_back:
        reason = verification.reason or f"replaced by {release.title}"
        ledger = ledger.with_changed(replace(left, verdict=ROLLED_BACK, verdict_reason=reason))
    activation = Activation(ledger.next_activation, verification.at, verification.by, verification.how)
    proven = replace(
        release,
        verdict=VERIFIED,
        verdict_reason=verification.reason,
        activations=release.activations + (activation,),
    )
    proven = _knowing(proven, verification)
    return replace(ledger.with_changed(proven), current=proven.id, staged="", next_activation=ledger.next_activation + 1)


def _with_schema(ledger: Ledger, release: Release, verification: Verification) -> Ledger:
    """Migrations may be applied while a release is live."""
    return ledger.with_changed(_knowing(release, verification))


def _knowing(release: Release, verification: Verification) -> Release:
    """The release with the schema it was proven with; what was not looked at stays as it was."""
    return replace(
        release,
        schema=dict(release.schema if verification.schema is None else verification.schema),
        schema_fingerprint=verification.schema_fingerprint or release.schema_fingerprint,
    )


def reject(ledger: Ledger, release: Release, verdict: str, reason: str) -> Ledger:
    """The ledger after a release was found bad (``failed``) or taken back (``rolled_back``). The first reason stays."""
    if release.verdict == verdict:
        return ledger
    if release.id == ledger.current:
        raise ReleaseIsCurrent(
            f"Release {release.title} is current and cannot become {verdict}.",
            hint="Stage and verify another release first; how=rollback then marks this one as rolled_back.",
            release=release.id,
        )
    _refuse_unless_allowed(release, verdict)
    return ledger.with_changed(replace(release, verdict=verdict, verdict_reason=reason))


def adopt(ledger: Ledger, release: Release, at: str, by: str) -> Ledger:
    """What runs is proven by running: a healthy adopted release is verified and current at once."""
    activation = Activation(ledger.next_activation, at, by, "adopted")
    proven = replace(release, verdict=VERIFIED, verdict_reason="It ran and was healthy when it was adopted.", activations=(activation,))
    return replace(ledger.with_changed(proven), current=proven.id, next_activation=ledger.next_activation + 1)


def _refuse_unless_allowed(release: Release, verdict: str) -> None:
    if (release.verdict, verdict) not in ALLOWED:
        raise VerdictRefused(
            f"Release {release.title} is {release.verdict} and cannot become {verdict}.",
            hint="A release that never went live is failed, not rolled back." if release.verdict == PENDING else "",
            release=release.id,
            verdict=release.verdict,
            wanted=verdict,
        )
