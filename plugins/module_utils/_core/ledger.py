# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of a stack: every release that was registered on its host, and which of them is current."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import OperationError

PENDING = "pending"
VERIFIED = "verified"
FAILED = "failed"
ROLLED_BACK = "rolled_back"
VERDICTS = (PENDING, VERIFIED, FAILED, ROLLED_BACK)
DEPLOYED = "deployed"
ADOPTED = "adopted"
_FORMAT = 1


class LedgerUnreadable(OperationError):
    """The ledger is there and is not what we wrote; it is never overwritten."""

    reason = "ledger_unreadable"


@dataclass(frozen=True)
class ReleaseImage:
    """One service's image. ``kept_as`` is our own tag; ``digest`` (``repository@sha256:...``) is empty for a local image."""

    reference: str
    id: str
    digest: str = ""
    kept_as: str = ""


@dataclass(frozen=True)
class ReleaseFile:
    """A file of the release, by its path on the host. ``fingerprint`` is salted with the ledger's salt."""

    path: str
    fingerprint: str


@dataclass(frozen=True)
class Activation:
    """One time the release went live; ``number`` orders the activations of all releases."""

    number: int
    at: str
    by: str
    how: str


@dataclass(frozen=True)
class Release:
    """One entry. ``variables`` are names only: their values are in the snapshot of the env file.

    ``schema`` are the migrations, ``schema_fingerprint`` is that of the shape that lies beside the snapshot.
    """

    id: str
    version: str
    env: ReleaseFile
    compose_files: Tuple[ReleaseFile, ...] = ()
    images: Mapping[str, ReleaseImage] = field(default_factory=dict)
    verdict: str = PENDING
    verdict_reason: str = ""
    created_at: str = ""
    created_by: str = ""
    origin: str = DEPLOYED
    configuration_fingerprint: str = ""
    variables: Tuple[str, ...] = ()
    git_revision: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    schema_fingerprint: str = ""
    backup_id: str = ""
    activations: Tuple[Activation, ...] = ()
    previous: str = ""

    @property
    def title(self) -> str:
        return f"{self.id} ({self.version})"

    @property
    def of_swarm(self) -> bool:
        """A release to a swarm consists of images alone: it has no files."""
        return not self.env.path

    @property
    def image_ids(self) -> Dict[str, str]:
        return {service: image.id for service, image in sorted(self.images.items())}

    def runs_what(self, other: "Release") -> bool:
        """Whether both have the same images and the same configuration."""
        return self.image_ids == other.image_ids and self.configuration_fingerprint == other.configuration_fingerprint

    def to_dict(self) -> Dict[str, Any]:
        plain = asdict(self)
        plain.update(
            compose_files=[asdict(file) for file in self.compose_files],
            activations=[asdict(activation) for activation in self.activations],
            variables=list(self.variables),
        )
        return plain


@dataclass(frozen=True)
class Ledger:
    """Releases oldest first. ``staged`` is the release that the live files were last made to mean, until that one is verified."""

    salt: str
    releases: Tuple[Release, ...] = ()
    current: str = ""
    staged: str = ""
    next_release: int = 1
    next_activation: int = 1

    def entry(self, release_id: str) -> Optional[Release]:
        return next((release for release in self.releases if release.id == release_id), None)

    @property
    def current_release(self) -> Optional[Release]:
        return self.entry(self.current)

    @property
    def next_id(self) -> str:
        return f"{self.next_release:04d}"

    @property
    def variable_names(self) -> Tuple[str, ...]:
        """Every variable that some release of the ledger was told to set."""
        return tuple(sorted({name for release in self.releases for name in release.variables}))

    def with_new(self, draft: Release) -> "Ledger":
        """The ledger with one more entry, which gets the next id."""
        entry = replace(draft, id=self.next_id)
        return replace(self, releases=self.releases + (entry,), next_release=self.next_release + 1)

    def with_changed(self, changed: Release) -> "Ledger":
        return replace(self, releases=tuple(changed if entry.id == changed.id else entry for entry in self.releases))

    def without(self, release_ids: Tuple[str, ...]) -> "Ledger":
        return replace(self, releases=tuple(entry for entry in self.releases if entry.id not in release_ids))

    def to_dict(self) -> Dict[str, Any]:
        return {
            "format": _FORMAT,
            "salt": self.salt,
            "current": self.current,
            "staged": self.staged,
            "next_release": self.next_release,
            "next_activation": self.next_activation,
            "releases": [release.to_dict() for release in self.releases],
        }


def parse_ledger(value: Any, path: str) -> Ledger:
    """Reads what ``Ledger.to_dict`` wrote; anything else is LedgerUnreadable."""
    try:
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']}")
        ledger = Ledger(
            salt=_text(value["salt"]),
            releases=tuple(_parse_release(item) for item in value["releases"]),
            current=_text(value["current"]),
            staged=_text(value["staged"]),
            next_release=int(value["next_release"]),
            next_activation=int(value["next_activation"]),
        )
        _check(ledger)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ledger_unreadable(path, f"{type(error).__name__}: {error}") from error
    return ledger


def ledger_unreadable(path: str, cause: str) -> LedgerUnreadable:
    return LedgerUnreadable(
        f"The release ledger {path} cannot be read ({cause}). It was left as it is.",
        hint="Restore it from a backup of the host. To begin a new one, move it away; what runs is then adopted by the next deploy.",
        path=path,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"text expected, found {type(value).__name__}")
    return value


def _parse_release(item: Mapping[str, Any]) -> Release:
    plain = dict(item)
    plain.update(
        env=ReleaseFile(**item["env"]),
        compose_files=tuple(ReleaseFile(**file) for file in item["compose_files"]),
        images={service: ReleaseImage(**image) for service, image in item["images"].items()},
        activations=tuple(Activation(**activation) for activation in item["activations"]),
        variables=tuple(item["variables"]),
    )
    return Release(**plain)


def _check(ledger: Ledger) -> None:
    ids = [release.id for release in ledger.releases]
    if len(set(ids)) != len(ids):
        raise ValueError("an id occurs twice")
    for pointer in (ledger.current, ledger.staged):
        if pointer and pointer not in ids:
            raise ValueError(f"release {pointer} is not there")
    for release in ledger.releases:
        if release.verdict not in VERDICTS:
            raise ValueError(f"verdict {release.verdict!r}")
    if ledger.current and ledger.current_release.verdict != VERIFIED:
        raise ValueError("the current release is not verified")
