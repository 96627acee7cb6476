# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps secrets out of everything people and machines read."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Iterable, Mapping

MASK = "********"

# Names whose values are secrets, wherever they stand (environment keys, JSON fields, options).
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)?($|_)|(^|_)pw($|_)|secret|token|credential|private|api_?key|(^|_)key($|_)"
    r"|(^|_)auth($|_)|authorization|cookie|(^|_)dsn($|_)|(^|_)salt($|_)|signature|webhook",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>[^\s:/@]*):(?P<password>[^\s/@]+)@", re.IGNORECASE)
_SHORTEST_SECRET = 4  # a shorter value (a port, "1", "on") would blacken half the text


def is_secret_name(name: str) -> bool:
    """Whether a key of this name is taken to hold a secret."""
    return bool(_SECRET_NAME.search(name))


def fingerprint(value: str, salt: str) -> str:
    """Twelve hex digits that tell equal values from different ones without giving the value away."""
    return hashlib.sha256(f"{salt}\0{value}".encode()).hexdigest()[:12]


class Redactor:
    """Masks known secret values, and passwords within URLs, in text and in nested data."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        # The longest first, so that a secret that contains another is masked whole.
        self._secrets = sorted(found, key=len, reverse=True)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "Redactor":
        """A redactor for the secret values of an environment (a container's, or an env file's)."""
        secrets = [value for name, value in environment.items() if value and is_secret_name(name)]
        for value in environment.values():
            secrets += [match.group("password") for match in _URL_PASSWORD.finditer(value or "")]
        return cls(secrets)

    def merged_with(self, other: "Redactor") -> "Redactor":
        return Redactor(self._secrets + other._secrets)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return _URL_PASSWORD.sub(rf"\g<scheme>\g<user>:{MASK}@", text)

    def data(self, value: Any) -> Any:
        """The same structure with secret values masked, by name and by value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                key: MASK if isinstance(item, str) and item and is_secret_name(str(key)) else self.data(item)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        return value
