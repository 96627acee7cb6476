# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Newer images for services that no release carries: found, scanned, put under their names, and taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..._core.container import Container
from ..._core.errors import BadInput, EngineFailed, OperationError
from ..._core.ledger import ReleaseImage
from ..._core.plan import Plan, Step
from ..._core.redaction import Redactor
from ..._core.release_images import ImageMissing, ImagePullFailed
from ..._core.release_report import short_id
from ..._core.service_images import (
    APPLIED,
    BEFORE,
    CANDIDATE,
    NEWER,
    RETURNED,
    VERIFIED,
    Candidate,
    ImageRefused,
    Update,
    choose_services,
    chosen_updates,
    images_table,
    judge,
    own_reference,
    pull_reference,
    refuse_other_major,
    refuse_pinned,
    refuse_two_meanings,
    scan_command,
)
from ..._core.stack import Stack
from ..clock import utc_now
from ..compose_cli import ComposeCli
from ..engine import Engine
from ..image_store import ImageStore
from ..image_updates import ImageUpdates
from ..journal import note
from ..ledger_store import LedgerStore
from ..processes import run

_TAIL = 20


class ServiceImages:
    """What all states share."""

    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack = stack
        self._params = params
        self._engine = Engine.connect(stack)
        self._images = ImageStore(stack, self._engine)
        self._updates = ImageUpdates(stack)
        self._candidates: Tuple[Candidate, ...] = ()

    @staticmethod
    def from_params(params: Mapping[str, Any]) -> "ServiceImages":
        kinds = {"prepared": PrepareImages, APPLIED: ApplyImages, VERIFIED: VerifyImages, RETURNED: ReturnImages}
        return kinds[params["state"]](Stack.from_params(params), params)

    def _name(self, service: str, tag: str) -> str:
        return own_reference(self._stack.name, service, tag)

    def _running(self) -> Dict[str, Container]:
        """One container of each service; its image is what the service runs."""
        found: Dict[str, Container] = {}
        for container in self._engine.containers(self._stack.name):
            if container.service not in found or container.running:
                found[container.service] = container
        return found

    def _drop(self, service: str) -> None:
        """The candidate loses our name; an image that was fetched for it, and that nobody uses, goes."""
        reference = self._name(service, CANDIDATE)
        image = self._engine.image(reference)
        if image is None:
            return
        self._images.untag(reference)
        use = self._images.uses([image["Id"]])[image["Id"]]
        if not use.tags and not use.containers and self._images.has(image["Id"]):
            for digest in image.get("RepoDigests") or ():
                self._images.untag(digest)

    def _facts(self, candidates: Sequence[Candidate]) -> Dict[str, Any]:
        told = [{**one.to_dict(), "candidate": self._name(one.service, CANDIDATE) if one.state == NEWER else ""} for one in candidates]
        return {"services": told, "newer": [one.service for one in candidates if one.is_newer], "table": images_table(candidates)}

    def _give_names(self, updates: Sequence[Update], which: str) -> None:
        for update in updates:
            self._images.tag(getattr(update, which), update.reference)


class PrepareImages(ServiceImages):
    """Finds what is newer, fetches it beside what runs, and has it scanned. No name that compose uses changes."""

    def plan(self) -> Plan:
        model = ComposeCli(self._stack).model()
        given = {str(name): str(reference) for name, reference in self._params["images"].items()}
        services = choose_services(model, [*self._params["services"], *given], LedgerStore(self._stack).load().current_release)
        running = self._running()
        looked = [self._look(name, model.service(name).image, running, given.get(name, "")) for name in dict.fromkeys(services)]
        for one in looked:
            if one.state == NEWER:
                refuse_pinned(one.service, one.reference)
        self._candidates = tuple(looked)
        newer = [one for one in looked if one.is_newer]
        if newer and self._params["scan"]:
            scan_command(self._params["scan"]["command"], "")
        steps = [Step("pull", one.source or one.reference, one.service) for one in newer if not one.after_id]
        steps += [Step("keep", self._name(one.service, CANDIDATE), short_id(one.after_id)) for one in newer if not self._is_kept(one)]
        return Plan(
            {one.service: one.before_id for one in looked},
            {one.service: one.after_id or one.after_digest or one.before_id for one in looked},
            tuple(steps),
            {**self._facts(looked), "scans": []},
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        try:
            self._candidates = tuple(self._fetch(one) if one.is_newer else one for one in self._candidates)
            refuse_two_meanings(self._candidates)
            newer = [one for one in self._candidates if one.is_newer]
            for one in newer:
                self._refuse_other_major(one)
                self._images.tag(one.after_id, self._name(one.service, CANDIDATE))
            scans = [self._scan(one) for one in newer] if self._params["scan"] else []
        except OperationError:
            for one in self._candidates:
                self._drop(one.service)
            raise
        return {**self._facts(self._candidates), "scans": scans}

    def _is_kept(self, one: Candidate) -> bool:
        return bool(one.after_id) and self._engine.image_id(self._name(one.service, CANDIDATE)) == one.after_id

    def _look(self, service: str, reference: str, running: Mapping[str, Container], given: str) -> Candidate:
        """What runs, and what could: the image of the registry, the given one, or what the name means by now."""
        now = running[service].image_id if service in running else self._engine.image_id(reference) or ""
        before = self._images.of_running(reference, now) if now else ReleaseImage(reference, "")
        candidate = Candidate(service, reference, now, before.digest, source=given)
        wanted = given or reference
        here = self._images.resolve({service: wanted})[service]
        if self._params["acquire"] == "pull" and (not given or not here.id):
            candidate = replace(candidate, after_digest=self._digest_at_registry(wanted) if "@" not in wanted else wanted)
            here = self._images.resolve({service: pull_reference(wanted, candidate.after_digest)})[service]
            candidate = replace(candidate, after_id=here.id)
        elif not here.id:
            raise ImageMissing(
                f"The image {wanted} of {service} is not on this host. Nothing was done.", hint="Let it be fetched (acquire=pull).", image=wanted
            )
        else:
            candidate = replace(candidate, after_id=here.id, after_digest=here.digest)
        return replace(candidate, state=judge(candidate))

    def _digest_at_registry(self, reference: str) -> str:
        try:
            with self._engine.calling(f"ask the registry for {reference}"):
                answer = self._engine.client.inspect_distribution(reference)
        except EngineFailed as error:
            raise ImagePullFailed(
                f"The registry does not tell what {reference} is: {error}", hint="Nothing was done. Name the services that have one.", reference=reference
            ) from None
        return pull_reference(reference, answer["Descriptor"]["digest"])

    def _fetch(self, one: Candidate) -> Candidate:
        if one.after_id:
            return one
        name = pull_reference(one.source or one.reference, one.after_digest)
        self._images.pull(name, self._params["timeout"])
        fetched = replace(one, after_id=self._engine.image_id(name) or "")
        if not fetched.after_id:
            raise ImagePullFailed(f"{name} was pulled and is not there.", hint="Look at the engine's log.", reference=name)
        return replace(fetched, state=judge(fetched))

    def _refuse_other_major(self, one: Candidate) -> None:
        refuse_other_major(one.service, self._engine.image(one.before_id) or {}, self._engine.image(one.after_id) or {})

    def _scan(self, one: Candidate) -> Dict[str, Any]:
        scan = self._params["scan"]
        words = scan_command(scan["command"], self._name(one.service, CANDIDATE))
        try:
            done = run(words, scan["timeout"])
        except OSError as error:
            raise BadInput(f"The scan {words[0]} cannot be run: {error.strerror}. Nothing that runs was changed.", option="scan") from error
        said = [Redactor().text(line) for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        if done.exit_code != 0:
            raise ImageRefused(
                f"The scan refuses the new image of {one.service} (exit code {done.exit_code}): {' | '.join(said[-3:]) or 'it gave no reason'}",
                hint="Nothing that runs was changed. Read what it found; wait for a better image, or change what the scan accepts.",
                service=one.service,
                image=one.after_id,
                exit_code=done.exit_code,
                output=said[-_TAIL:],
            )
        return {"service": one.service, "exit_code": done.exit_code, "output": said[-_TAIL:]}


class ApplyImages(ServiceImages):
    """Gives the names that compose uses to the prepared images; what runs now is kept under a name of ours."""

    def plan(self) -> Plan:
        model, running = ComposeCli(self._stack).model(), self._running()
        choose_services(model, self._params["services"], LedgerStore(self._stack).load().current_release)
        self._known = self._updates.load()
        self._new: List[Update] = []
        at = utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")
        for service in self._params["services"]:
            reference = model.service(service).image
            refuse_pinned(service, reference)
            after = self._images.of_running(reference, self._prepared(service))
            before_id = running[service].image_id if service in running else self._engine.image_id(reference) or ""
            before = self._images.of_running(reference, before_id)
            if before_id != after.id or self._engine.image_id(reference) != after.id:
                self._new.append(Update(service, reference, before_id, before.digest, after.id, after.digest, at, self._params["by"]))
        steps = [Step("tag", one.reference, f"{short_id(one.before_id)} -> {short_id(one.after_id)}") for one in self._new]
        before_after = {one.service: one.before_id for one in self._new}, {one.service: one.after_id for one in self._new}
        return Plan(*before_after, tuple(steps), {"updates": [vars(one) for one in self._new]})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        for one in self._new:
            if one.before_id:
                self._images.tag(one.before_id, self._name(one.service, BEFORE))
        if self._new:
            # First the record, then the names: whatever happens in between, the way back is known.
            self._updates.add(self._known, self._new)
            self._give_names(self._new, "after_id")
            note(self._stack, "images_applied", by=self._params["by"], images={one.service: one.after_id for one in self._new})
        return {}

    def _prepared(self, service: str) -> str:
        image_id = self._engine.image_id(self._name(service, CANDIDATE))
        if image_id is None:
            raise ImageMissing(
                f"No image is prepared for {service}. Nothing was done.", hint="Call state=prepared first.", image=self._name(service, CANDIDATE)
            )
        return image_id


class VerifyImages(ServiceImages):
    """Writes down that the new images run and were proven."""

    def plan(self) -> Plan:
        self._known = self._updates.load()
        asked = self._params["services"]
        self._new = [replace(one, outcome=VERIFIED) for one in self._known.values() if one.outcome == APPLIED and (not asked or one.service in asked)]
        running = self._running()
        wrong = [one.service for one in self._new if one.service not in running or running[one.service].image_id != one.after_id]
        if wrong:
            raise BadInput(f"{', '.join(wrong)} does not run the new image.", hint="Start it first (compose_service).", services=wrong)
        return Plan({}, {}, tuple(Step("verify", one.service) for one in self._new), {"updates": [vars(one) for one in self._new]})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if self._new:
            self._updates.add(self._known, self._new)
            note(self._stack, "images_verified", images={one.service: one.after_id for one in self._new})
        for one in self._new:
            self._drop(one.service)
        return {}


class ReturnImages(ServiceImages):
    """Gives the names back to the images from before the last update. No container is touched."""

    def plan(self) -> Plan:
        self._known = self._updates.load()
        recorded = chosen_updates(self._known, self._params["services"], (APPLIED, VERIFIED, RETURNED))
        self._back = tuple(one for one in recorded if one.outcome != RETURNED or self._engine.image_id(one.reference) == one.after_id)
        gone = [one.service for one in self._back if not one.before_id or not self._images.has(one.before_id)]
        if gone:
            raise ImageMissing(
                f"The image that {', '.join(gone)} ran before the update is not on this host any more. Nothing was done.",
                hint="Name it with images (a digest), and update to it.",
                services=gone,
            )
        steps = [Step("tag", one.reference, f"{short_id(one.after_id)} -> {short_id(one.before_id)}") for one in self._back]
        return Plan(
            {one.service: one.after_id for one in self._back},
            {one.service: one.before_id for one in self._back},
            tuple(steps),
            {"updates": [{**vars(one), "outcome": RETURNED} for one in self._back]},
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not self._back:
            return {}
        self._give_names(self._back, "before_id")
        self._updates.add(self._known, [replace(one, outcome=RETURNED) for one in self._back])
        note(self._stack, "images_returned", by=self._params["by"], images={one.service: one.before_id for one in self._back})
        for one in self._back:
            self._drop(one.service)
        return {}
