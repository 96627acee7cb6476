# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a release to the services of a swarm, a new one or one of the ledger; what proves it comes afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..._core.errors import OperationError
from ..._core.ledger import FAILED, Ledger, Release, ReleaseImage
from ..._core.plan import Plan, Step
from ..._core.release_plan import Registration, parse_version, plan_registration
from ..._core.release_selection import find_release, refuse_unfit
from ..._core.swarm import SwarmService, with_image
from ..._core.swarm_convergence import SwarmRollbackFailed
from ..._core.swarm_release import Draft, adopted_draft, draft, pinned, references, refuse_of_compose, to_change
from ..._core.verdicts import adopt, reject
from ..clock import utc_now
from ..journal import journal
from .swarm_context import Change, SwarmContext, ledger_facts, plan_of


class _Bringing:
    """Common to both: services get the images of an entry of the ledger, which is staged first."""

    def __init__(self, context: SwarmContext) -> None:
        self._context = context
        self._changes: List[Change] = []

    def _look(self, images: Mapping[str, ReleaseImage], services: Sequence[SwarmService]) -> Dict[str, Dict[str, Any]]:
        """Keeps what is to change; returns what differs afterwards."""
        found = to_change(services, images)
        self._changes = [
            Change(service, with_image(self._context.spec(service), image), Step("update", service.name, f"{service.image} -> {image}"))
            for service, image in found
        ]
        return {service.short: {"image": image} for service, image in found}

    def _journal(self, event: str, release: Release, **facts: Any) -> None:
        by = self._context.params["created_by"]
        journal(self._context.stack, utc_now(), event, release=release.id, version=release.version, by=by, **facts)

    def _bring(self, release: Release, staged_before: str) -> Dict[str, Any]:
        """Staged is what the services were last made to mean; it stays when they could not be taken back."""
        context, before = self._context, self._context.before()
        self._journal("release_staged", release, services=[change.service.name for change in self._changes])
        try:
            ready = context.carry_out(self._changes)
        except SwarmRollbackFailed as error:
            self._failed(release, error, release.id)
            raise
        except OperationError as error:
            self._failed(release, error, staged_before)
            raise
        context.look_again()
        return context.facts(ready, before)

    def _failed(self, release: Release, error: OperationError, staged: str) -> None:
        with self._context.store.changing() as ledger:
            ledger = replace(ledger, staged=staged)
            if release.id != ledger.current:
                ledger = reject(ledger, release, FAILED, f"{error.reason}: {error}")
            self._context.store.save(ledger)
        self._journal("release_failed", release, verdict_reason=error.reason)


class ReleaseToSwarm(_Bringing):
    """A version becomes an entry of the ledger and goes to the services. It waits for its verdict."""

    def plan(self) -> Plan:
        context, params = self._context, self._context.params
        version = parse_version(params["version"])
        services = context.look_to_change(params["services"])
        names = references(services, params["repositories"], version)
        digests = {name: context.swarm.digest(reference) if params["pin"] == "digest" else "" for name, reference in names.items()}
        self._images = {name: pinned(reference, digests[name]) for name, reference in names.items()}
        self._about = Draft(version, context.timestamp, params["created_by"])
        wanted = self._look(self._images, services)
        ledger = context.store.load()
        ahead, adopted = self._adopted(ledger)
        registration = self._registration(ahead)
        self._settled = registration.already_current and not self._changes and not ledger.staged
        if params["pin"] == "tag":
            context.host.warn("Images are named by their tags: nodes may have different images under the same name.")
        steps = [Step("adopt", release.id, release.version) for release in adopted]
        if registration.is_new:
            steps.append(Step("register", registration.entry.id, registration.entry.version))
        if not self._settled and not self._changes and ledger.staged != registration.entry.id:
            steps.append(Step("stage", registration.entry.id, registration.entry.version))
        plan = plan_of(context, self._changes, wanted, steps)
        plan.facts.update(ledger_facts(ahead, registration.entry, self._settled))
        return plan

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context = self._context
        with context.store.changing() as known:
            ledger, adopted = self._adopted(known)
            registration = self._registration(ledger)
            if registration.is_new:
                ledger = ledger.with_new(registration.entry)
            entry = ledger.entry(registration.entry.id)
            if not self._settled:
                ledger = replace(ledger, staged=entry.id)
            context.store.save(ledger)
        for release in adopted:
            self._journal("release_adopted", release, verdict=release.verdict)
        if registration.is_new:
            self._journal("release_registered", entry, images=entry.image_ids)
        facts = self._bring(entry, known.staged) if not self._settled else {}
        return {**facts, **ledger_facts(context.store.load(), entry, self._settled)}

    def _registration(self, ledger: Ledger) -> Registration:
        return plan_registration(ledger, draft(self._images, self._about))

    def _adopted(self, ledger: Ledger) -> Tuple[Ledger, Tuple[Release, ...]]:
        """Without a current release of the swarm there would be nothing to come back to: what runs well becomes it."""
        current = ledger.current_release
        if (current is not None and current.of_swarm) or not self._context.is_settled():
            return ledger, ()
        ledger = ledger.with_new(adopted_draft(self._context.services, self._about))
        ledger = adopt(ledger, ledger.releases[-1], self._about.at, self._about.by)
        return ledger, (ledger.releases[-1],)


class ReturnInSwarm(_Bringing):
    """A release of the ledger that was proven before goes to the services again."""

    def plan(self) -> Plan:
        context = self._context
        ledger = context.store.load()
        self._release = find_release(ledger, context.params["release"])
        refuse_unfit(self._release)
        refuse_of_compose(self._release)
        services = context.look_to_change(sorted(self._release.images))
        wanted = self._look(self._release.images, services)
        newest = ledger.entry(ledger.staged or ledger.current)
        unsaid = sorted(set(newest.images) - set(self._release.images)) if newest else []
        if unsaid:
            context.host.warn(f"Release {self._release.title} says nothing of {', '.join(unsaid)}: they keep what they run.")
        steps = []
        if (ledger.staged or ledger.current) != self._release.id:
            steps.append(Step("stage", self._release.id, self._release.version))
        plan = plan_of(context, self._changes, wanted, steps)
        plan.facts.update(ledger_facts(ledger, self._release, ledger.current == self._release.id and not plan.changed))
        return plan

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        with self._context.store.changing() as ledger:
            before = ledger.staged
            self._context.store.save(replace(ledger, staged=self._release.id))
        return {**self._bring(self._release, before), **ledger_facts(self._context.store.load(), self._release)}

    def _failed(self, release: Release, error: OperationError, staged: str) -> None:
        """A release that was proven once is not bad because it did not come up now."""
        with self._context.store.changing() as ledger:
            self._context.store.save(replace(ledger, staged=staged))
