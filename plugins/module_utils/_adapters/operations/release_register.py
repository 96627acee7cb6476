# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers a release: everything it consists of is found, proven and kept, and nothing live changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..._core.configuration import (
    Configuration,
    candidate_configuration,
    changed_variables,
    configuration_fingerprint,
    parse_variables,
    release_files,
    secret_values,
)
from ..._core.dotenv import parse_values
from ..._core.image_holders import kept_images
from ..._core.ledger import ADOPTED, Ledger, Release
from ..._core.plan import Plan, Step
from ..._core.redaction import Redactor
from ..._core.release_images import with_kept_tags
from ..._core.release_plan import (
    Health,
    Registration,
    adopted_version,
    changed_services,
    judge_running,
    parse_version,
    plan_registration,
    refuse_full_disk,
)
from ..._core.schema_history import parse_schema
from ..._core.verdicts import adopt
from ..candidate import render
from ..compose_cli import project_files
from ..engine import Engine
from ..image_acquisition import BUILT, PULLED, Acquisition, ImageAcquirer
from ..image_holders import ImageHolders
from ..image_store import ImageStore
from ..rollout_store import RolloutStore
from .release_context import ReleaseContext, hold_steps, result, summary, unheld_summary


@dataclass(frozen=True)
class RegisterRequest:
    version: str
    variables: Mapping[str, str]
    services: Tuple[str, ...]
    acquire: str
    source: Mapping[str, str]
    disk_free_min_mb: int
    created_by: str
    git_revision: str
    schema: Optional[Mapping[str, Any]]
    backup_id: str
    timeout: int

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "RegisterRequest":
        return cls(
            version=parse_version(params["version"]),
            variables=parse_variables(params["variables"] or {}),
            services=tuple(params["services"] or ()),
            acquire=params["acquire"],
            source=params["source"] or {},
            disk_free_min_mb=params["disk_free_min_mb"],
            created_by=params["created_by"],
            git_revision=params["git_revision"],
            schema=parse_schema(params["schema"]),
            backup_id=params["backup_id"],
            timeout=params["timeout"],
        )


@dataclass(frozen=True)
class Adoption:
    """What ran before there was a ledger, as an entry without an id."""

    draft: Release
    configuration: Configuration
    health: Health


class RegisterRelease:
    def __init__(self, request: RegisterRequest, context: ReleaseContext) -> None:
        self._request = request
        self._context = context

    @classmethod
    def from_params(cls, params: Mapping[str, Any], context: ReleaseContext) -> "RegisterRelease":
        variables = params["variables"] or {}
        context.host.hide(secret_values(variables))  # they are refused, and the refusal must not show them
        return cls(RegisterRequest.from_params(params), context)

    def plan(self) -> Plan:
        context, request = self._context, self._request
        ledger = context.store.load()
        self._live = context.files.live(project_files(context.stack))
        self._candidate = candidate_configuration(self._live, request.variables)
        self._model, config = render(context.stack, self._candidate)
        references = {name: self._model.service(name).image for name in self._model.select(request.services)}
        engine = Engine.connect(context.stack)
        self._images = ImageStore(context.stack, engine)
        self._holders = ImageHolders(context.stack, engine)
        self._acquirer = ImageAcquirer(context.stack, self._images, request.timeout)
        self._check_disk()
        self._acquisition = self._look(references, config, ledger)
        self._containers = RolloutStore(context.stack).live(engine.containers(context.stack.name))
        self._adoption = self._plan_adoption(ledger, references)
        ahead, adopted = self._adopted(ledger)
        registration = self._registration(ahead, self._acquisition)
        self._warn_when_version_changes_nothing(registration)
        self._unheld = self._holders.missing(ledger.releases)
        steps = self._steps(ledger, registration, adopted)
        return Plan(
            before={**summary(ahead.current_release), **unheld_summary(self._unheld)},
            after=summary(registration.entry),
            steps=steps,
            facts=self._facts(ahead, registration, self._acquisition),
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context = self._context
        redactor = Redactor.of_environment(parse_values(self._candidate.env_text))
        acquisition = self._acquirer.carry_out(self._acquisition, redactor)
        with context.store.changing() as ledger:
            known = ledger
            ledger, adopted = self._adopted(ledger)
            registration = self._registration(ledger, acquisition)
            if adopted is not None and known.entry(adopted.id) is None:
                context.files.keep(adopted.id, self._adoption.configuration)
            if registration.is_new:
                ledger = ledger.with_new(registration.entry)
                context.files.keep(registration.entry.id, self._candidate)
            elif not registration.already_current:
                ledger = ledger.with_changed(registration.entry)
            entry = ledger.entry(registration.entry.id)
            for release in (adopted, entry):
                self._keep_images(release)
            context.store.save(ledger)
            for image in self._holders.missing(ledger.releases):
                self._holders.hold_or_warn(image, context.host.warn)
        self._acquirer.drop_building_tags(acquisition)
        if adopted is not None:
            context.journal("release_adopted", adopted, verdict=adopted.verdict, verdict_reason=adopted.verdict_reason)
        if registration.is_new:
            context.journal("release_registered", entry, by=self._request.created_by, images=entry.image_ids)
        return self._facts(ledger, replace(registration, entry=entry), acquisition)

    def _check_disk(self) -> None:
        free_mb, directory = self._images.free_mb()
        if free_mb is None and self._request.disk_free_min_mb:
            self._context.host.warn(f"The free space of {directory} was not checked: the engine keeps its images on another host.")
        refuse_full_disk(free_mb, self._request.disk_free_min_mb, directory)

    def _look(self, references: Mapping[str, str], config: Mapping[str, Any], ledger: Ledger) -> Acquisition:
        if self._request.acquire == "build":
            return self._acquirer.look_for_build(references, self._request.source, config, ledger)
        if self._request.acquire == "pull":
            return self._acquirer.look_for_pull(references)
        return self._acquirer.look_for_present(references)

    def _draft(self, ledger: Ledger, configuration: Configuration) -> Release:
        env, compose = release_files(configuration, ledger.salt)
        return Release(
            id="",
            version=self._request.version,
            env=env,
            compose_files=compose,
            created_at=self._context.timestamp,
            created_by=self._request.created_by,
            configuration_fingerprint=configuration_fingerprint(configuration, ledger.salt),
            schema=dict(self._request.schema or {}),
        )

    def _registration(self, ledger: Ledger, acquisition: Acquisition) -> Registration:
        draft = replace(
            self._draft(ledger, self._candidate),
            images=dict(acquisition.images),
            variables=tuple(sorted(self._request.variables)),
            git_revision=acquisition.commit or self._request.git_revision,
            backup_id=self._request.backup_id,
        )
        registration = plan_registration(ledger, draft)
        if registration.already_current:
            return replace(registration, already_current=self._is_settled(ledger, acquisition))
        if not registration.is_new:
            return registration
        return replace(registration, entry=with_kept_tags(self._context.stack.name, registration.entry))

    def _is_settled(self, ledger: Ledger, acquisition: Acquisition) -> bool:
        """Whether the current release is also what the live files mean and what the containers are made of."""
        return not ledger.staged and not self._changed_variables() and not self._changed_services(acquisition)

    def _changed_variables(self) -> List[str]:
        return list(changed_variables(self._live, self._candidate))

    def _changed_services(self, acquisition: Acquisition) -> List[str]:
        ids = {service: image.id for service, image in acquisition.images.items()}
        return list(changed_services(self._model, self._containers, ids))

    def _plan_adoption(self, ledger: Ledger, wanted: Mapping[str, str]) -> Optional[Adoption]:
        """Without a current release there would be nothing to come back to: what runs becomes the first entry."""
        if ledger.current or not self._containers:
            return None
        model = self._model if self._live == self._candidate else render(self._context.stack, self._live)[0]
        chosen = [name for name in model.names if not self._request.services or name in self._request.services]
        references = {name: model.service(name).image for name in chosen}
        images = {
            container.service: self._images.of_running(references[container.service], container.image_id)
            for container in self._containers
            if container.service in references
        }
        if not images:
            return None
        draft = replace(
            self._draft(ledger, self._live),
            version=adopted_version({name: references[name] for name in images}, wanted, self._request.version),
            origin=ADOPTED,
            images={service: image for service, image in images.items() if image.id},
            variables=tuple(sorted(self._request.variables)),
            schema={"applied": list((self._request.schema or {}).get("applied", [])), "pending": []} if self._request.schema else {},
        )
        health = judge_running(model, self._containers, references)
        gone = sorted(service for service, image in images.items() if not image.id)
        return Adoption(draft, self._live, Health(False, f"the engine has lost the image of {', '.join(gone)}") if gone else health)

    def _adopted(self, ledger: Ledger) -> Tuple[Ledger, Optional[Release]]:
        """The ledger with what runs, and its entry; an earlier attempt that was not healthy then is judged anew."""
        if self._adoption is None or ledger.current:
            return ledger, None
        draft, health = self._adoption.draft, self._adoption.health
        entry = next((entry for entry in reversed(ledger.releases) if entry.origin == ADOPTED and entry.runs_what(draft)), None)
        if entry is None:
            ledger = ledger.with_new(draft)
            entry = with_kept_tags(self._context.stack.name, ledger.releases[-1])
        if health.good:
            ledger = adopt(ledger, entry, self._context.timestamp, self._request.created_by)
            return ledger, ledger.entry(entry.id)
        entry = replace(entry, verdict_reason=f"Not proven when it was adopted: {health.reason}.")
        return ledger.with_changed(entry), entry

    def _keep_images(self, release: Optional[Release]) -> None:
        releases = [release] if release else []
        for image in kept_images(releases):
            if self._images.meanings([image.reference])[image.reference] != image.image_id:
                self._images.tag(image.image_id, image.reference)
        for image in self._holders.missing(releases):
            self._holders.hold(image)

    def _steps(self, ledger: Ledger, registration: Registration, adopted: Optional[Release]) -> Tuple[Step, ...]:
        steps: List[Step] = []
        if adopted is not None and ledger.entry(adopted.id) != adopted:
            steps.append(Step("adopt", adopted.id, adopted.version))
        for service in self._acquisition.services(PULLED):
            steps.append(Step("pull", self._acquisition.images[service].reference, service))
        for service in self._acquisition.services(BUILT):
            steps.append(Step("build", service, self._acquisition.commit[:12]))
        if registration.is_new:
            steps.append(Step("register", registration.entry.id, registration.entry.version))
        elif registration.entry != adopted:
            kept = {image.reference: image.image_id for image in kept_images([registration.entry])}
            lost = [reference for reference, meaning in sorted(self._images.meanings(kept).items()) if meaning != kept[reference]]
            steps += [Step("tag", reference, kept[reference]) for reference in lost]
            if self._brings_backup(ledger, registration):
                steps.append(Step("record_backup", registration.entry.id, registration.entry.backup_id))
        return (*steps, *hold_steps(self._unheld))

    @staticmethod
    def _brings_backup(ledger: Ledger, registration: Registration) -> bool:
        known = ledger.entry(registration.entry.id)
        return known is not None and known.backup_id != registration.entry.backup_id

    def _warn_when_version_changes_nothing(self, registration: Registration) -> None:
        entry = registration.entry
        if registration.already_current and entry.version != self._request.version:
            self._context.host.warn(
                f"Version {self._request.version} is, image for image and file for file, the current release {entry.title}. "
                "If it should not be, the version does not reach the compose files: check variables."
            )

    def _facts(self, ledger: Ledger, registration: Registration, acquisition: Acquisition) -> Dict[str, Any]:
        return result(
            ledger,
            registration.entry,
            already_current=registration.already_current,
            services_changed=self._changed_services(acquisition),
            variables_changed=self._changed_variables(),
            acquired=dict(sorted(acquisition.how.items())),
        )
