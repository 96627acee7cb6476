# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the live files and image names those of one release; containers are not touched."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..._core.configuration import (
    Configuration,
    changed_variables,
    configuration_to_stage,
    file_fingerprint,
    refuse_other_compose_files,
)
from ..._core.ledger import Ledger, Release, ReleaseImage
from ..._core.plan import Plan, Step
from ..._core.release_images import ImageGone, Retag, comes_by_pull, plan_retags
from ..._core.release_plan import changed_services
from ..._core.release_report import short_id
from ..._core.release_selection import find_release, refuse_of_swarm, refuse_unfit
from ..._core.schema_history import (
    SchemaIncompatible,
    backup_before_later,
    heavier,
    newest_schema,
    parse_schema,
    refuse_incompatible,
    schema_change,
)
from ..candidate import render
from ..compose_cli import project_files
from ..engine import Engine
from ..image_store import ImageStore
from ..rollout_store import RolloutStore
from .release_context import ReleaseContext, result, summary
from .release_schema import ReleaseSchema


@dataclass(frozen=True)
class StageRequest:
    release: str
    configuration: str
    on_incompatible_schema: str
    schema: Optional[Mapping[str, Any]]
    created_by: str
    timeout: int


@dataclass(frozen=True)
class Staging:
    """All that has to be done. ``files`` are those to write, ``superseded`` those whose content nothing else holds."""

    release: Release
    target: Configuration
    pulls: Tuple[ReleaseImage, ...]
    files: Tuple[Tuple[str, bytes], ...]
    superseded: Tuple[Tuple[str, bytes], ...]
    retags: Tuple[Retag, ...]


class StageRelease:
    def __init__(self, request: StageRequest, schema: ReleaseSchema, context: ReleaseContext) -> None:
        self._request = request
        self._schema = schema
        self._context = context

    @classmethod
    def from_params(cls, params: Mapping[str, Any], context: ReleaseContext) -> "StageRelease":
        request = StageRequest(
            release=params["release"],
            configuration=params["configuration"],
            on_incompatible_schema=params["on_incompatible_schema"],
            schema=parse_schema(params["schema"]),
            created_by=params["created_by"],
            timeout=params["timeout"],
        )
        return cls(request, ReleaseSchema(params, context), context)

    def plan(self) -> Plan:
        context, request = self._context, self._request
        ledger = context.store.load()
        release = find_release(ledger, request.release)
        refuse_unfit(release)
        refuse_of_swarm(release)
        self._check_schema(ledger, release)
        restore = request.configuration == "restore"
        live = context.files.live(self._live_paths(release))
        if restore:
            refuse_other_compose_files(release, live)
        kept = context.files.kept(release, ledger.salt)
        target = configuration_to_stage(live, kept, None if restore else ledger.variable_names)
        model, _config = render(context.stack, target, context.files.kept_compose_paths(release) if restore else None)
        engine = Engine.connect(context.stack)
        self._images = ImageStore(context.stack, engine)
        references = {name: model.service(name).image if name in model.names else image.reference for name, image in release.images.items()}
        meanings = self._images.meanings(references.values())
        self._staging = Staging(
            release=release,
            target=target,
            pulls=self._missing_images(release, references, meanings),
            files=tuple(wanted for wanted, now in zip(target.files, live.files) if wanted != now),
            superseded=_superseded(ledger, live, target),
            retags=self._retags(release, plan_retags(release, model, meanings)),
        )
        steps = self._steps(ledger)
        changed = changed_services(model, RolloutStore(context.stack).live(engine.containers(context.stack.name)), release.image_ids)
        names = list(changed_variables(live, target))
        return Plan(
            before={**summary(ledger.current_release), "staged": ledger.staged},
            after={**summary(release), "staged": release.id if steps else ledger.staged, "variables_changed": names},
            steps=steps,
            facts={**result(ledger, release, services_changed=list(changed), variables_changed=names), "schema_change": self._schema_change},
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context, staging = self._context, self._staging
        for image in staging.pulls:
            self._images.pull(image.digest, self._request.timeout)
            if not self._images.has(image.id):
                raise _image_gone(staging.release, [image])
        with context.store.changing() as ledger:
            # First the intention: whatever is interrupted from here on, the ledger says what the files were to become.
            ledger = replace(ledger, staged=staging.release.id)
            context.store.save(ledger)
            if staging.superseded:
                context.files.keep_superseded(context.now.strftime("%Y%m%dT%H%M%S.%fZ"), staging.superseded)
            for retag in staging.retags:
                self._images.tag(retag.image_id, retag.reference)
            for path, content in staging.files:
                context.files.write_live(path, content, is_env=path == staging.target.env_path)
        context.journal(
            "release_staged",
            staging.release,
            by=self._request.created_by,
            configuration=self._request.configuration,
            files=[path for path, _content in staging.files],
            retagged=[retag.reference for retag in staging.retags],
        )
        return {"staged": ledger.staged, "previous": result(ledger, None)["previous"]}

    def _check_schema(self, ledger: Ledger, release: Release) -> None:
        now = self._request.schema or newest_schema(ledger)
        shape = self._schema.change_since(release)
        self._schema_change = heavier(schema_change(release, now), shape.name)
        try:
            refuse_incompatible(release, now, backup_before_later(ledger, release), shape, self._context.now)
        except SchemaIncompatible as error:
            if self._request.on_incompatible_schema == "fail":
                raise
            self._context.host.warn(f"Accepted on request: {error}")

    def _live_paths(self, release: Release) -> List[str]:
        """The stack's compose files; those of the release when one of them was lost and is to be restored."""
        stack = self._context.stack
        kept = [file.path for file in release.compose_files]
        declared = [stack.in_project(file) for file in stack.compose_files] or kept
        lost = not all(os.path.isfile(path) for path in declared)
        if self._request.configuration == "restore" and lost and os.path.isdir(stack.project_dir):
            return declared
        return project_files(stack)

    def _missing_images(self, release: Release, references: Mapping[str, str], meanings: Mapping[str, str]) -> Tuple[ReleaseImage, ...]:
        missing = [
            image for service, image in sorted(release.images.items()) if comes_by_pull(image, references[service], meanings) or not self._images.has(image.id)
        ]
        gone = [image for image in missing if not image.digest]
        if gone:
            raise _image_gone(release, gone)
        return tuple(missing)

    def _retags(self, release: Release, found: Tuple[Retag, ...]) -> Tuple[Retag, ...]:
        """Names to give back; among them our own, where somebody removed it."""
        kept = {image.kept_as: image.id for image in release.images.values() if image.kept_as}
        meanings = self._images.meanings(kept)
        own = [Retag(reference, kept[reference], meanings[reference]) for reference in sorted(kept) if meanings[reference] != kept[reference]]
        return (*found, *own)

    def _steps(self, ledger: Ledger) -> Tuple[Step, ...]:
        staging = self._staging
        steps = [Step("pull", image.digest) for image in staging.pulls]
        steps += [Step("tag", retag.reference, f"{short_id(retag.was)} -> {short_id(retag.image_id)}") for retag in staging.retags]
        steps += [Step("write", path) for path, _content in staging.files]
        if steps or (ledger.staged or ledger.current) != staging.release.id:
            steps.append(Step("stage", staging.release.id, staging.release.version))
        return tuple(steps)


def _superseded(ledger: Ledger, live: Configuration, target: Configuration) -> Tuple[Tuple[str, bytes], ...]:
    """Live files that are about to be replaced and that no release keeps a copy of."""
    known = {(file.path, file.fingerprint) for release in ledger.releases for file in (release.env, *release.compose_files)}
    replaced = [now for now, wanted in zip(live.files, target.files) if now != wanted and now[1]]
    return tuple((path, content) for path, content in replaced if (path, file_fingerprint(content, ledger.salt)) not in known)


def _image_gone(release: Release, images: List[ReleaseImage]) -> ImageGone:
    names = ", ".join(f"{image.reference} ({short_id(image.id)})" for image in images)
    return ImageGone(
        f"Images of release {release.title} are not on this host any more: {names}.",
        hint="Deploy this version anew with its images pulled or built (acquire), or choose another release. "
        "docker system prune --all takes such images away.",
        release=release.id,
        images=[image.id for image in images],
    )
