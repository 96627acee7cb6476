# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What about a configuration must not reach production. No value is ever told, only names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from .env_rules import ValueRefused, ValueRule
from .errors import OperationError
from .problem import CRITICAL, WARNING, Problem
from .redaction import is_secret_name

_SHORTEST = 12
_WELL_KNOWN = {
    "admin", "admin123", "changeit", "default", "guest", "letmein", "minioadmin", "mysecretpassword", "pass", "passw0rd", "password", "password1",
    "password123", "postgres", "qwerty", "redis", "root", "secret", "supersecret", "test", "toor", "user",
}  # fmt: skip
_PLACEHOLDER = re.compile(r"change.?me|replace.?me|example|placeholder|your[-_ ]|todo|xxxx|<.*>", re.IGNORECASE)
# Names that look like secrets and whose values are none: files, identifiers, switches.
_NO_SECRET = re.compile(r"(_FILE|_PATH|_DIR|_ID|_URL|_HEADER|_NAME|_TTL|_SECONDS|_PREFIX|_LENGTH|_ALGORITHM)$", re.IGNORECASE)
_LOOPBACK = ("127.", "::1", "localhost")


class ConfigurationUnfit(OperationError):
    """The configuration has something that must not reach production."""

    reason = "configuration_unfit"


@dataclass(frozen=True)
class Reviewed:
    """What is looked at. ``examples`` are values that were published with the files; ``environments`` are those of services, resolved."""

    settings: Mapping[str, str]
    file_mode: int = 0o600
    examples: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stores: Tuple[str, ...] = ()
    required: Tuple[str, ...] = ()
    rules: Tuple[ValueRule, ...] = ()


def review(seen: Reviewed) -> List[Problem]:
    """Everything that was found, by what it is about."""
    found = [*_file(seen), *_settings(seen), *_secrets("settings", seen.settings, seen.examples), *_shared(seen.settings)]
    for name, body in sorted(seen.services.items()):
        own = {key: value for key, value in _environment(body).items() if value not in seen.settings.values()}
        found += _secrets(f"service {name}", own, seen.examples)
        found += _service(name, body, name in seen.stores)
    return found


def raise_unfit(problems: Sequence[Problem]) -> None:
    bad = [problem for problem in problems if problem.severity == CRITICAL]
    if bad:
        raise ConfigurationUnfit(
            " ".join(problem.message for problem in bad),
            hint="Correct it (playbooks/service/configure.yml); values stand nowhere in this result.",
            problems=[problem.to_dict() for problem in problems],
        )


def _file(seen: Reviewed) -> Iterable[Problem]:
    if seen.file_mode & 0o077:
        text = f"The env file can be read by others (mode {seen.file_mode & 0o777:04o})."
        yield Problem("settings", "file_readable", CRITICAL, "", text, "chmod 600.")


def _settings(seen: Reviewed) -> Iterable[Problem]:
    for name in seen.required:
        if not seen.settings.get(name):
            yield Problem("settings", "setting_missing", CRITICAL, name, f"{name} has no value.", "Set it.")
    for rule in seen.rules:
        if rule.name in seen.settings:
            try:
                rule.check(seen.settings[rule.name])
            except ValueRefused as error:
                yield Problem("settings", "value_refused", CRITICAL, rule.name, str(error), "Choose another value.")


def _secrets(section: str, values: Mapping[str, str], examples: Mapping[str, str]) -> Iterable[Problem]:
    published = {value for name, value in examples.items() if value and _holds_secret(name)}
    for name, value in sorted(values.items()):
        if not value or not _holds_secret(name):
            continue
        if value in published or value.lower() in _WELL_KNOWN or _PLACEHOLDER.search(value):
            text = f"{name} ({section}) has a value that everybody knows: of an example, or a usual one."
            yield Problem(section, "default_secret", CRITICAL, name, text, "Make a random one of at least 24 characters.")
        elif len(value) < _SHORTEST:
            yield Problem(section, "short_secret", WARNING, name, f"{name} ({section}) has fewer than {_SHORTEST} characters.", "Make a longer one.")


def _shared(values: Mapping[str, str]) -> Iterable[Problem]:
    names: Dict[str, List[str]] = {}
    for name, value in sorted(values.items()):
        if len(value) >= 4 and _holds_secret(name):
            names.setdefault(value, []).append(name)
    for same in names.values():
        if len(same) > 1:
            yield Problem("settings", "shared_secret", WARNING, same[0], f"{' and '.join(same)} have the same value.", "Give each its own.")


def _service(name: str, body: Mapping[str, Any], is_store: bool) -> Iterable[Problem]:
    where = f"service {name}"
    for port in body.get("ports") or []:
        if is_store and port.get("published") and not str(port.get("host_ip") or "0.0.0.0").startswith(_LOOPBACK):
            text = f"{name} is published on port {port['published']} of every address of the host."
            yield Problem(where, "store_published", CRITICAL, name, text, "Publish it on 127.0.0.1 only, or not at all.")
    if body.get("privileged"):
        yield Problem(where, "privileged", WARNING, name, f"{name} is privileged.", "Give it the capabilities that it needs.")
    if _floats(str(body.get("image") or "")):
        yield Problem(where, "floating_image", WARNING, name, f"The image of {name} has no tag of its own.", "Name a version.")
    if not (body.get("healthcheck") or {}).get("test"):
        yield Problem(where, "no_healthcheck", WARNING, name, f"{name} has no health check in the compose files.", "Add one, unless its image has it.")
    if not body.get("restart") and not ((body.get("deploy") or {}).get("restart_policy")):
        yield Problem(where, "no_restart", WARNING, name, f"{name} is not started again when it ends.", "Add restart: unless-stopped, or leave one-shots.")


def _floats(image: str) -> bool:
    tag = image.rpartition("/")[2].partition(":")[2]
    return bool(image) and "@" not in image and tag in ("", "latest")


def _holds_secret(name: str) -> bool:
    return is_secret_name(name) and not _NO_SECRET.search(name)


def _environment(body: Mapping[str, Any]) -> Dict[str, str]:
    return {str(name): "" if value is None else str(value) for name, value in (body.get("environment") or {}).items()}
