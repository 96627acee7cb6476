# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what became of a release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Mapping, Optional

from ..._core.errors import BadInput, OperationError
from ..._core.ledger import Ledger, Release
from ..._core.plan import Plan, Step
from ..._core.release_report import wrong_images
from ..._core.release_selection import find_release
from ..._core.schema_history import parse_schema
from ..._core.schema_shape import KeptShape
from ..._core.verdicts import Verification, reject, verify
from ..engine import Engine
from ..image_holders import ImageHolders
from ..rollout_store import RolloutStore
from .release_context import ReleaseContext, hold_steps, result, summary, unheld_summary
from .release_schema import ReleaseSchema

_ACTIONS = {"failed": "fail", "rolled_back": "roll_back"}


class RunningImagesDiffer(OperationError):
    """Containers run that are not made of the release's images."""

    reason = "running_images_differ"


class VerifyRelease:
    """The release was proven live: from now on it is the current one."""

    def __init__(self, release: str, verification: Verification, schema: ReleaseSchema, context: ReleaseContext) -> None:
        self._selector = release
        self._verification = verification
        self._schema = schema
        self._shape: Optional[KeptShape] = None
        self._context = context

    @classmethod
    def from_params(cls, params: Mapping[str, Any], context: ReleaseContext) -> "VerifyRelease":
        verification = Verification(
            at=context.timestamp,
            by=params["created_by"],
            how=params["how"],
            reason=params["verdict_reason"] or "",
            replaced=params["replaced"],
            schema=parse_schema(params["schema"]),
        )
        return cls(params["release"], verification, ReleaseSchema(params, context), context)

    def plan(self) -> Plan:
        ledger = self._context.store.load()
        release = find_release(ledger, self._selector)
        self._release_id = release.id
        live = self._schema.live()
        if live:
            self._shape = live.keep()
            self._verification = replace(self._verification, schema_fingerprint=self._shape.fingerprint)
        after = verify(ledger, release, self._verification)
        engine = Engine.connect(self._context.stack)
        self._holders = ImageHolders(self._context.stack, engine)
        unheld = self._holders.missing(ledger.releases)
        if after.next_activation == ledger.next_activation:
            steps = (Step("record_schema", release.id, release.version),) if after != ledger else ()
        else:
            self._refuse_wrong_images(release, engine)
            left = after.entry(ledger.current)
            steps = (Step("verify", release.id, release.version),)
            if left is not None and left.verdict == "rolled_back":
                steps += (Step("roll_back", left.id, left.version),)
        plan = _plan(ledger, after, release.id, (*steps, *hold_steps(unheld)))
        return replace(plan, before={**plan.before, **unheld_summary(unheld)})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        with self._context.store.changing() as before:
            after = verify(before, find_release(before, self._release_id), self._verification)
            if self._shape:
                self._context.files.keep_schema(self._release_id, self._shape)
            self._context.store.save(after)
            # What was proven stays proven when an image of some release cannot be held.
            for image in self._holders.missing(after.releases):
                self._holders.hold_or_warn(image, self._context.host.warn)
        entry = after.entry(self._release_id)
        if after != before:
            event = "release_verified" if after.next_activation != before.next_activation else "release_schema_recorded"
            self._context.journal(event, entry, by=self._verification.by, how=self._verification.how)
        left = after.entry(before.current)
        if left is not None and left.verdict == "rolled_back":
            self._context.journal("release_rolled_back", left, by=self._verification.by, verdict_reason=left.verdict_reason)
        return result(after, entry)

    def _refuse_wrong_images(self, release: Release, engine: Engine) -> None:
        wrong = wrong_images(release, RolloutStore(self._context.stack).live(engine.containers(self._context.stack.name)))
        if wrong:
            services = ", ".join(sorted({item["service"] for item in wrong}))
            raise RunningImagesDiffer(
                f"Release {release.title} is not what runs: {services} runs another image.",
                hint="Start the staged release (compose_service, state=started) before it is verified.",
                release=release.id,
                drift=wrong,
            )


class RejectRelease:
    """The release was found bad (``failed``), or is not to be used any more (``rolled_back``)."""

    def __init__(self, params: Mapping[str, Any], context: ReleaseContext) -> None:
        self._selector = params["release"]
        self._verdict = params["state"]
        self._reason = params["verdict_reason"] or ""
        if self._verdict == "failed" and not self._reason.strip():
            raise BadInput("A release cannot fail without a reason.", hint="Say in verdict_reason what was seen.")
        self._by = params["created_by"]
        self._context = context

    @classmethod
    def from_params(cls, params: Mapping[str, Any], context: ReleaseContext) -> "RejectRelease":
        return cls(params, context)

    def plan(self) -> Plan:
        ledger = self._context.store.load()
        release = find_release(ledger, self._selector)
        self._release_id = release.id
        after = reject(ledger, release, self._verdict, self._reason)
        steps = (Step(_ACTIONS[self._verdict], release.id, release.version),) if after != ledger else ()
        return _plan(ledger, after, release.id, steps)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        with self._context.store.changing() as ledger:
            after = reject(ledger, find_release(ledger, self._release_id), self._verdict, self._reason)
            self._context.store.save(after)
        entry = after.entry(self._release_id)
        self._context.journal(f"release_{self._verdict}", entry, by=self._by, verdict_reason=self._reason)
        return result(after, entry)


def _plan(before: Ledger, after: Ledger, release_id: str, steps: tuple) -> Plan:
    return Plan(
        before={**summary(before.entry(release_id)), "current": before.current},
        after={**summary(after.entry(release_id)), "current": after.current},
        steps=steps,
        facts=result(after, after.entry(release_id)),
    )
