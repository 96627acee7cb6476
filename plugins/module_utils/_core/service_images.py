# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Newer images for services that no release carries: which are newer, and what brings the ones before back."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .compose_model import ComposeModel
from .errors import BadInput, OperationError
from .ledger import Release
from .release_images import ImagePinned, is_pinned, kept_repository
from .release_report import short_id
from .text_table import aligned

# Not the registry of releases: what is kept here belongs to no release, and pruning releases leaves it alone.
_REGISTRY = "runbook.images"
CANDIDATE, BEFORE = "candidate", "before"
UNCHANGED, NEWER, UNKNOWN, PINNED = "unchanged", "newer", "unknown", "pinned"
APPLIED, VERIFIED, RETURNED = "applied", "verified", "returned"
IMAGE_PLACE = "{image}"
_MAJOR = re.compile(r"^PG_MAJOR=(\S+)$")


class ImageOfRelease(BadInput):
    """A service's image belongs to the current release; it changes with a release only."""

    reason = "image_of_release"


class ImageRefused(OperationError):
    """The scan of a candidate did not end well. Nothing that runs was changed."""

    reason = "image_refused"


class ImageOtherMajor(BadInput):
    """A candidate is another major version of the server, which cannot read the data."""

    reason = "image_other_major"


class NoUpdateToUndo(BadInput):
    """No update of this service's image is recorded."""

    reason = "no_update_to_undo"


@dataclass(frozen=True)
class Candidate:
    """One service's image before and after. ``before_id`` is what runs; an id that is not known yet is empty."""

    service: str
    reference: str
    before_id: str
    before_digest: str = ""
    after_id: str = ""
    after_digest: str = ""
    state: str = UNCHANGED
    source: str = ""

    @property
    def is_newer(self) -> bool:
        return self.state == NEWER

    def to_dict(self) -> Dict[str, Any]:
        plain = asdict(self)
        plain.pop("source")
        return {**plain, "candidate": ""}


@dataclass(frozen=True)
class Update:
    """An update as it is recorded on the target: what the way back is."""

    service: str
    reference: str
    before_id: str
    before_digest: str
    after_id: str
    after_digest: str
    at: str
    by: str
    outcome: str = APPLIED


def choose_services(model: ComposeModel, named: Sequence[str], release: Optional[Release]) -> Tuple[str, ...]:
    """The services whose images are not the release's: all of them, or the named ones, when none of these belongs to it."""
    carried = set(release.images) if release else set()
    chosen = model.select(named)
    if not named:
        return tuple(name for name in chosen if name not in carried and not model.service(name).builds)
    refused = [name for name in chosen if name in carried or model.service(name).builds]
    if refused:
        raise ImageOfRelease(
            f"The image of {', '.join(refused)} belongs to the releases of stack {model.project}. Nothing was done.",
            hint="Release a version (playbooks/deploy/release.yml), so that the ledger knows it.",
            services=refused,
        )
    return chosen


def judge(candidate: Candidate) -> str:
    """Whether there is something newer, as far as is known."""
    if is_pinned(candidate.reference) and not candidate.source:
        return PINNED
    if candidate.after_id:
        return UNCHANGED if candidate.after_id == candidate.before_id else NEWER
    if candidate.after_digest:
        return UNCHANGED if _same_digest(candidate) else NEWER
    return UNKNOWN


def _same_digest(candidate: Candidate) -> bool:
    return bool(candidate.before_digest) and candidate.after_digest.rpartition("@")[2] == candidate.before_digest.rpartition("@")[2]


def own_reference(stack: str, service: str, tag: str) -> str:
    """Our own name of an image: ``runbook.images/<stack>/<service>:candidate`` and ``:before``."""
    return f"{_REGISTRY}/{kept_repository(stack, service).partition('/')[2]}:{tag}"


def pull_reference(reference: str, digest: str) -> str:
    """The name by which just this image is fetched, so that the name which compose uses stays where it is."""
    repository = reference.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    return f"{repository}@{digest.rpartition('@')[2]}"


def major_version(image: Mapping[str, Any]) -> str:
    """The major version of Postgres that an image says it has; empty for all others."""
    environment = (image.get("Config") or {}).get("Env") or []
    return next((match.group(1) for match in map(_MAJOR.match, environment) if match), "")


def refuse_other_major(service: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    was, wanted = major_version(before), major_version(after)
    if was and wanted and was != wanted:
        raise ImageOtherMajor(
            f"The new image of {service} is Postgres {wanted}, and what runs is {was}: it could not read the data. Nothing that runs was changed.",
            hint="Dump and restore into a new server; an image is not enough.",
            service=service,
            before=was,
            after=wanted,
        )


def refuse_pinned(service: str, reference: str) -> None:
    """A name with a digest can never be given to another image."""
    if is_pinned(reference):
        raise ImagePinned(
            f"Service {service} is pinned to {reference} in the compose files. Nothing was done.",
            hint="Write the new digest into the compose file and apply it (playbooks/service/state.yml).",
            service=service,
            reference=reference,
        )


def scan_command(words: Sequence[str], image: str) -> List[str]:
    """The declared command with the image's name in the place of ``{image}``."""
    if not words or not all(isinstance(word, str) and word for word in words):
        raise BadInput("The command of the scan is a list of words.", hint="scan: {command: [scanner, --exit-code, '1', '{image}']}")
    if not any(IMAGE_PLACE in word for word in words):
        raise BadInput(f"The command of the scan names no image: {IMAGE_PLACE} has to stand where its name belongs.", option="scan")
    return [word.replace(IMAGE_PLACE, image) for word in words]


def refuse_two_meanings(candidates: Sequence[Candidate]) -> None:
    """Two services that share a name share its image."""
    meant: Dict[str, str] = {}
    for one in candidates:
        if meant.setdefault(one.reference, one.after_id) != one.after_id:
            raise BadInput(
                f"Two services use the name {one.reference} and would get different images.",
                hint="Name the same image for both.",
                reference=one.reference,
            )


def chosen_updates(updates: Mapping[str, Update], services: Sequence[str], states: Sequence[str]) -> Tuple[Update, ...]:
    """The recorded updates of these services, or all in these states."""
    missing = [name for name in services if name not in updates or updates[name].outcome not in states]
    found = tuple(update for name, update in sorted(updates.items()) if update.outcome in states and (not services or name in services))
    if missing or not found:
        raise NoUpdateToUndo(
            f"No update of {', '.join(missing) or 'any image'} is recorded that could be undone. Nothing was done.",
            hint="Only the last update of a service can be.",
            services=missing,
        )
    return found


def images_table(candidates: Sequence[Candidate]) -> str:
    header = ("service", "image", "before", "after", "state")
    rows = [(one.service, one.reference, _shown(one.before_digest, one.before_id), _shown(one.after_digest, one.after_id), one.state) for one in candidates]
    return "\n".join(aligned([header, *rows]))


def _shown(digest: str, image_id: str) -> str:
    return short_id(digest.rpartition("@")[2]) if digest else short_id(image_id)
