# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forgets the oldest releases, and lets go of the images that were kept for them."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

from ..._core.ledger import Ledger
from ..._core.plan import Plan, Step
from ..._core.release_prune import PrunePlan, holders_to_remove, plan_prune, releases_to_forget
from ..engine import Engine
from ..image_holders import ImageHolders
from ..image_store import ImageStore
from .release_context import ReleaseContext, result


class PruneReleases:
    def __init__(self, keep: int, remove_images: bool, context: ReleaseContext) -> None:
        self._keep = keep
        self._remove_images = remove_images
        self._context = context

    @classmethod
    def from_params(cls, params: Mapping[str, Any], context: ReleaseContext) -> "PruneReleases":
        return cls(params["keep"], params["images"] == "remove_unused", context)

    def plan(self) -> Plan:
        ledger = self._context.store.load()
        engine = Engine.connect(self._context.stack)
        self._images, self._holders = ImageStore(self._context.stack, engine), ImageHolders(self._context.stack, engine)
        self._pruning = self._plan_pruning(ledger)
        self._leftovers = self._leftover_snapshots(ledger) + self._context.files.superseded()[: -self._keep]
        steps = [Step("forget", release_id, ledger.entry(release_id).version) for release_id in self._pruning.forget]
        steps += [Step("forget", release_id, "in no release") for release_id in self._leftovers]
        steps += [Step("let_go", holder.reference) for holder in self._leaving]
        steps += [Step("untag", reference) for reference in self._pruning.untag]
        steps += [Step("remove_image", image_id) for image_id in self._pruning.remove]
        after = ledger.without(self._pruning.forget)
        return Plan(
            before={"releases": [release.id for release in ledger.releases]},
            after={"releases": [release.id for release in after.releases]},
            steps=tuple(steps),
            facts=_facts(after, self._pruning),
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context, pruning = self._context, self._pruning
        with context.store.changing() as ledger:
            # The entries go first: an image without an entry is found by the next run, an entry without an image is a trap.
            ledger = ledger.without(pruning.forget)
            context.store.save(ledger)
            for release_id in (*pruning.forget, *self._leftovers):
                context.files.forget(release_id)
            for holder in self._leaving:
                self._holders.let_go(holder)
            for reference in pruning.untag:
                self._images.untag(reference)
        for step in plan.steps:
            if step.action == "forget":
                context.journal_pruned(step.target, step.detail)
        return _facts(ledger, pruning)

    def _plan_pruning(self, ledger: Ledger) -> PrunePlan:
        forget = releases_to_forget(ledger, self._keep, self._context.now)
        tags = self._images.kept_tags()
        self._leaving = holders_to_remove(ledger, forget, self._holders.present())
        uses = self._images.uses((tag.image_id for tag in tags), apart_from=[holder.container_id for holder in self._leaving])
        return plan_prune(ledger, forget, tags, uses, self._remove_images)

    def _leftover_snapshots(self, ledger: Ledger) -> Tuple[str, ...]:
        known = {release.id for release in ledger.releases} | {ledger.next_id}
        return tuple(name for name in self._context.files.snapshot_ids() if name not in known)


def _facts(ledger: Ledger, pruning: PrunePlan) -> Dict[str, Any]:
    return result(
        ledger,
        None,
        pruned=list(pruning.forget),
        freed_tags=list(pruning.untag),
        removed_images=list(pruning.remove),
        removed_image_bytes=pruning.removed_bytes,
    )
