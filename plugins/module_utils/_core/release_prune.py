# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which releases, and which names and images of ours, are no longer needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Iterable, Mapping, Sequence, Set, Tuple

from .errors import BadInput
from .image_holders import Holder
from .ledger import PENDING, VERIFIED, Ledger, Release
from .release_selection import previous_release, rollback_target
from .timestamps import parse_timestamp

_YOUNG = timedelta(days=1)


@dataclass(frozen=True)
class KeptTag:
    """One of our tags on the engine: ``runbook.local/<stack>/<service>:<tag>``."""

    reference: str
    image_id: str

    @property
    def tag(self) -> str:
        return self.reference.rpartition(":")[2]


@dataclass(frozen=True)
class ImageUse:
    """What else holds an image. ``containers`` does not count holders that go."""

    tags: Tuple[str, ...]
    containers: int = 0
    size: int = 0


@dataclass(frozen=True)
class PrunePlan:
    """``untag`` are our tags to remove; ``remove`` are images that go with their last tag."""

    forget: Tuple[str, ...] = ()
    untag: Tuple[str, ...] = ()
    remove: Tuple[str, ...] = ()
    removed_bytes: int = 0


def releases_to_forget(ledger: Ledger, keep: int, now: datetime) -> Tuple[Release, ...]:
    """The newest ``keep`` verified releases stay, and the newest ``keep`` of all others as history.

    The current release, those that rolling back may lead to, the staged one, and young pending ones always stay.
    """
    if keep < 1:
        raise BadInput(f"keep must be at least 1, not {keep}.", hint="The current release is always kept.", keep=keep)
    verified = sorted((entry for entry in ledger.releases if entry.verdict == VERIFIED), key=_last_activation, reverse=True)
    others = [entry for entry in reversed(ledger.releases) if entry.verdict != VERIFIED]
    spared = {ledger.current, ledger.staged} | {target.id for target in (previous_release(ledger), rollback_target(ledger)) if target}
    surplus = {entry.id for entry in verified[keep:] + others[keep:]} - spared
    return tuple(entry for entry in ledger.releases if entry.id in surplus and not _is_young(entry, now))


def plan_prune(ledger: Ledger, forget: Sequence[Release], tags: Sequence[KeptTag], uses: Mapping[str, ImageUse], remove_images: bool) -> PrunePlan:
    """Tags of forgotten releases go, and tags that an interrupted run left without an entry.

    Removing the last tag of an image removes the image: that is done only when asked for, and never while a container has it.
    """
    gone = {release.id for release in forget}
    alive = _ids_that_stay(ledger, forget)
    candidates = [tag for tag in tags if tag.tag not in alive]
    untag, remove = [], []
    for tag in sorted(candidates, key=lambda tag: tag.reference):
        use = uses[tag.image_id]
        leaving = {other.reference for other in candidates if other.image_id == tag.image_id}
        if set(use.tags) - leaving:
            untag.append(tag.reference)
        elif remove_images and not use.containers:
            untag.append(tag.reference)
            remove.append(tag.image_id)
    images = tuple(sorted(set(remove)))
    return PrunePlan(tuple(sorted(gone)), tuple(untag), images, sum(uses[image].size for image in images))


def holders_to_remove(ledger: Ledger, forget: Sequence[Release], holders: Iterable[Holder]) -> Tuple[Holder, ...]:
    """The holders of no release that stays. From then on anybody may prune their images."""
    alive = _ids_that_stay(ledger, forget)
    leaving = [holder for holder in holders if holder.release not in alive]
    return tuple(sorted(leaving, key=lambda holder: holder.reference))


def _ids_that_stay(ledger: Ledger, forget: Sequence[Release]) -> Set[str]:
    """With the id of a release that another run may be registering now."""
    gone = {release.id for release in forget}
    return {entry.id for entry in ledger.releases if entry.id not in gone} | {ledger.next_id}


def _last_activation(release: Release) -> int:
    return release.activations[-1].number if release.activations else 0


def _is_young(release: Release, now: datetime) -> bool:
    created = parse_timestamp(release.created_at)
    return release.verdict == PENDING and created is not None and now - created < _YOUNG
