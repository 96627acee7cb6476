# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling people: what is said, and to whom. Sending it is somebody else's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Sequence, Tuple
from urllib.parse import urlsplit

from .errors import BadInput, OperationError

WEBHOOK, MAIL, FILE = "webhook", "mail", "file"
_NEEDED = {WEBHOOK: ("url",), MAIL: ("host", "sender", "recipients"), FILE: ("path",)}
_MOST_ATTEMPTS, _LONGEST_TIMEOUT = 10, 60


class AnnouncementFailed(OperationError):
    """Somebody who should have been told was not."""

    reason = "announcement_failed"


@dataclass(frozen=True)
class Announcement:
    """``event`` is a stable word for machines; ``facts`` hold no secret."""

    event: str
    subject: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, event: str, subject: str, text: str, facts: Mapping[str, Any]) -> "Announcement":
        """One line is one line: what follows a line break in a subject would be another header of a mail."""
        return cls(event, " ".join(subject.split()), text.strip(), dict(facts))

    def payload(self, stack: str, at: str) -> Dict[str, Any]:
        """What machines get. ``text`` is the key that chat systems show."""
        said = f"{self.subject}\n{self.text}" if self.text else self.subject
        return {"at": at, "event": self.event, "stack": stack, "subject": self.subject, "text": said, "facts": dict(self.facts)}

    def body(self, stack: str, at: str) -> str:
        """What people read in a mail."""
        lines = [self.text or self.subject, "", f"Stack: {stack}", f"Event: {self.event}", f"Time: {at}"]
        return "\n".join([*lines, *(f"{name}: {value}" for name, value in sorted(self.facts.items()))]) + "\n"


@dataclass(frozen=True)
class Target:
    """Whom to tell. What may be secret (the URL, headers, the password) is never part of ``name``."""

    kind: str
    name: str
    url: str = field(default="", repr=False)
    headers: Tuple[Tuple[str, str], ...] = field(default=(), repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    host: str = ""
    port: int = 25
    sender: str = ""
    recipients: Tuple[str, ...] = ()
    username: str = ""
    password: str = field(default="", repr=False)
    security: str = "none"

    @property
    def secrets(self) -> List[str]:
        return [value for value in (self.url, self.password, *(value for unused, value in self.headers)) if value]

    def stored(self) -> Dict[str, Any]:
        """What a file of the target may hold of it: a webhook or a file, without headers."""
        if self.kind == MAIL or self.headers or self.password:
            raise BadInput(
                f"{self.name} cannot be told by the target alone: only a file, or a webhook without headers, is written to its disk.",
                hint="Leave it out of the alarms.",
                target=self.name,
            )
        return {"kind": self.kind, "name": self.name, "url": self.url, "path": self.path, "extra": dict(self.extra)}


def parse_targets(given: Sequence[Mapping[str, Any]]) -> Tuple[Target, ...]:
    """Raises BadInput for a target that could not be reached as it is written."""
    return tuple(_target(number, entry) for number, entry in enumerate(given, 1))


def check_patience(attempts: int, timeout: float) -> None:
    if not 1 <= attempts <= _MOST_ATTEMPTS or not 0 < timeout <= _LONGEST_TIMEOUT:
        raise BadInput(f"attempts must be 1 to {_MOST_ATTEMPTS}, and timeout up to {_LONGEST_TIMEOUT} seconds.", attempts=attempts, timeout=timeout)


def _target(number: int, entry: Mapping[str, Any]) -> Target:
    kind = entry.get("kind")
    missing = [name for name in _NEEDED[kind] if not entry.get(name)] if kind in _NEEDED else ["kind"]
    if missing:
        raise BadInput(f"Target {number} of the announcement lacks {', '.join(missing)}.", hint="Correct it.", target=number, missing=missing)
    target = Target(
        kind=str(kind),
        name=str(entry.get("name") or _name(entry)),
        url=entry.get("url") or "",
        headers=tuple((str(name), str(value)) for name, value in (entry.get("headers") or {}).items()),
        extra=entry.get("extra") or {},
        path=entry.get("path") or "",
        host=entry.get("host") or "",
        port=int(entry.get("port") or 25),
        sender=entry.get("sender") or "",
        recipients=tuple(entry.get("recipients") or ()),
        username=entry.get("username") or "",
        password=entry.get("password") or "",
        security=entry.get("security") or "none",
    )
    _check(number, target)
    return target


def _check(number: int, target: Target) -> None:
    if target.kind == WEBHOOK and not _is_web(target.url):
        raise BadInput(f"The url of target {number} is not http or https.", hint="Correct it.", target=number)
    if target.kind == FILE and not target.path.startswith("/"):
        raise BadInput(f"{target.path} (target {number}) is no absolute path.", hint="Correct it.", target=number)
    words = [target.host, target.sender, *target.recipients, *(word for header in target.headers for word in header)]
    if any(not word.isprintable() for word in words):
        raise BadInput(f"Target {number} has a line break or another control character in an address or a header.", hint="Correct it.", target=number)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _name(entry: Mapping[str, Any]) -> str:
    """The host of a webhook, and not its path: that is often the secret."""
    if entry["kind"] == WEBHOOK:
        try:
            return str(urlsplit(entry["url"]).hostname or "webhook")
        except ValueError:
            return "webhook"
    return ", ".join(entry["recipients"]) if entry["kind"] == MAIL else str(entry["path"])
