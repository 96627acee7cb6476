# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of keys as an inventory describes them (``lockout:{user}:{client}``), filled in so that one name never means two people."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Dict, Mapping, Sequence, Tuple

from .errors import BadInput
from .redis_glob import escape
from .redis_keys_text import key_bytes, shown

_PLACE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z_]*")
_LONGEST_VALUE = 512


@dataclass(frozen=True)
class KeyTemplate:
    """``texts`` stand around ``names``: there is one more of them. In a text, ``\\xff`` is one byte."""

    written: str
    texts: Tuple[str, ...]
    names: Tuple[str, ...]

    @classmethod
    def parse(cls, written: str) -> "KeyTemplate":
        parts = _PLACE.split(written)
        template = cls(written, tuple(parts[::2]), tuple(parts[1::2]))
        template._check()
        return template

    def name(self, values: Mapping[str, str]) -> bytes:
        """The one key. Raises BadInput for a value that is missing, or that could mean another key as well."""
        for name in self.names:
            self._check_value(name, values.get(name))
        return self._filled({name: values[name].encode() for name in self.names})

    def name_of(self, value: bytes) -> bytes:
        """The key of a value that the application itself wrote, whatever bytes it has; for a template with one place."""
        if len(self.names) != 1:
            raise BadInput(f"The template {self.written!r} has {len(self.names)} places, and needs exactly one.")
        return self._filled({self.names[0]: value})

    def selection(self, values: Mapping[str, str], free: Sequence[str] = ()) -> Dict[str, object]:
        """Options of redis_keys: ``keys``; or with places that are left ``free`` and stand last, ``prefix`` or ``pattern``."""
        bound = [name for name in self.names if name not in free]
        left = [name for name in self.names if name in free]
        if not left:
            return {"keys": [shown(self.name(values))]}
        if list(self.names) != [*bound, *left]:
            raise BadInput(
                f"In {self.written!r}, {left[0]} stands before {bound[-1]}: without it, keys of others could match. Nothing was touched.",
                hint=f"Say which {left[0]} is meant.",
            )
        for name in bound:
            self._check_value(name, values.get(name))
        given = {name: values[name].encode() for name in bound}
        prefix = b"".join(key_bytes(text) + given.get(name, b"") for text, name in zip(self.texts[: len(bound) + 1], [*bound, ""]))
        if not prefix:
            raise BadInput(f"{self.written!r} begins with a place that is left open: every key would match.", hint="Begin the name with a fixed text.")
        suffix = key_bytes(self.texts[-1])
        if not suffix:
            return {"prefix": shown(prefix)}
        return {"pattern": (escape(prefix) + b"*" + escape(suffix)).decode()}

    def _filled(self, values: Mapping[str, bytes]) -> bytes:
        return b"".join(key_bytes(text) + values.get(name, b"") for text, name in zip(self.texts, [*self.names, ""]))

    def _check(self) -> None:
        wrong = ""
        if not self.written or not self.written.isprintable():
            wrong = "is empty, or has characters that cannot be seen"
        elif any("{" in text or "}" in text for text in self.texts):
            wrong = "has a brace that has no partner"
        elif not all(map(_NAME.fullmatch, self.names)) or len(set(self.names)) < len(self.names):
            wrong = "has a place without a name of small letters, or the same one twice"
        elif "" in self.texts[1:-1]:
            wrong = "has two places with nothing between them"
        if wrong:
            raise BadInput(f"The name of a key {self.written!r} {wrong}.", hint="Write it as in lockout:{user}:{client}.", template=self.written)

    def _check_value(self, name: str, value: object) -> None:
        if not isinstance(value, str) or not value:
            raise BadInput(f"{self.written!r} needs a {name}, and none was given. Nothing was touched.", hint=f"Say which {name} is meant.", missing=name)
        if not value.isprintable() or len(value.encode(errors="replace")) > _LONGEST_VALUE or value != value.strip():
            raise BadInput(
                f"The {name} has characters that cannot be seen, blanks around it, or more than {_LONGEST_VALUE} bytes. Nothing was touched.",
                hint="Look at how it was given.",
            )
        crossed = sorted(mark for mark in self._marks(name) if mark in value)
        if crossed and not (name == self.names[-1] and not self.texts[-1] and _is_address(value)):
            raise BadInput(
                f"The {name} {value!r} has a {crossed[0]!r}, which separates the parts of {self.written!r}: it could mean somebody else's key. "
                "Nothing was touched.",
                hint="When exactly that key is meant, name it whole (playbooks/redis/clear.yml -e keys=...).",
            )

    def _marks(self, name: str) -> str:
        """What begins the text behind a place, and what ends the one before it unless that is a letter or a digit."""
        at = self.names.index(name)
        before = self.texts[at][-1:]
        return self.texts[at + 1][:1] + ("" if before.isalnum() else before)


def _is_address(value: str) -> bool:
    """An IPv6 address has colons of its own."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
