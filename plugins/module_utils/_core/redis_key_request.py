# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys of a Redis database are meant, and which of them must not be touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .errors import BadInput, ConfirmationMissing, OperationError
from .redis_glob import Glob, escape
from .redis_key_families import members
from .redis_keys_text import key_bytes, shown

LISTED, ABSENT, EXPIRING, FLUSHED = "listed", "absent", "expiring", "flushed"
FOUND = "found"
NAMES, PREFIX, PATTERN, FAMILY, ALL = "keys", "prefix", "pattern", "family", "database"
_LONGEST_PATTERN = 1000  # the server gives up on patterns that nest deeper
_MOST_SAMPLES = 1000
_NAMED_AT_MOST = 20


class KeysProtected(OperationError):
    """Only keys that are protected would be touched."""

    reason = "keys_protected"


@dataclass(frozen=True)
class Selection:
    """``names`` are exact; ``pattern`` is a glob of Redis. A prefix has its own glob, which matches nothing but it."""

    kind: str
    names: Tuple[bytes, ...] = ()
    prefix: bytes = b""
    pattern: bytes = b""
    type: str = ""
    without_expiry: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "Selection":
        """Raises BadInput unless it is exactly one of names, prefix, pattern and family; nothing of them for a whole database."""
        given = [name for name in (NAMES, PREFIX, PATTERN, FAMILY) if params[name] is not None]
        filters = {"type": params["type"] or "", "without_expiry": params["without_expiry"]}
        if params["state"] == FLUSHED:
            return cls._of_database([*given, *(name for name, value in filters.items() if value)])
        if len(given) != 1:
            raise BadInput(
                f"Exactly one of keys, prefix, pattern and family says which keys are meant, but {' and '.join(given) or 'none'} was given.",
                hint="prefix='' with state=listed means all.",
                given=given,
            )
        if params["of"] is not None and given != [FAMILY]:
            raise BadInput("'of' says whose keys of a family are meant, and no family was given.", hint="Give family as well.")
        if given == [FAMILY]:
            found = members(params["families"], params[FAMILY], params["of"])
            return cls.from_params({**params, FAMILY: None, "of": None, **found, "type": params["type"] or found.get("type")})
        kind = given[0]
        if kind == NAMES:
            return cls(kind, names=_names(params[NAMES]), **filters)
        text = params[kind]
        wanted = cls(kind, **({"prefix": key_bytes(text)} if kind == PREFIX else {"pattern": text.encode()}), **filters)
        wanted._check(params["state"])
        return wanted

    @classmethod
    def _of_database(cls, given: List[str]) -> "Selection":
        if given:
            raise BadInput(
                f"state=flushed is about a whole database, and takes no {' and no '.join(given)}.",
                hint="To delete some of its keys, use state=absent.",
                given=given,
            )
        return cls(ALL)

    def _check(self, state: str) -> None:
        if self.pattern and len(self.pattern) > _LONGEST_PATTERN:
            raise BadInput(f"The pattern has {len(self.pattern)} bytes; at most {_LONGEST_PATTERN} are taken.")
        everything = not self.prefix if self.kind == PREFIX else not self.pattern or Glob(self.pattern).matches_everything()
        if everything and state != LISTED:
            raise BadInput(
                f"{self} means every key of the database, or none.",
                hint="Name a prefix. A whole database is emptied with state=flushed, which keeps what is protected.",
            )

    @property
    def match(self) -> bytes:
        """What the server is asked for; empty for all."""
        return escape(self.prefix) + b"*" if self.prefix else self.pattern

    def meant(self, keys: Sequence[bytes]) -> List[bytes]:
        """What the server answers is held against the prefix, for a mistake in a glob must not cost other keys."""
        prefix = self.prefix
        return [key for key in keys if key.startswith(prefix)]

    def __str__(self) -> str:
        if self.kind == NAMES:
            return f"{len(self.names)} {'key' if len(self.names) == 1 else 'keys'} by name"
        said = {PREFIX: f"prefix {shown(self.prefix)!r}", PATTERN: f"pattern {shown(self.pattern)!r}", ALL: "all keys"}[self.kind]
        return said + (f" of type {self.type}" if self.type else "") + (" without expiry" if self.without_expiry else "")


@dataclass(frozen=True)
class Protection:
    """Prefixes below which nothing is touched."""

    prefixes: Tuple[bytes, ...] = ()

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "Protection":
        """All that are protected but those that were accepted by exactly their name."""
        protected, accepted = ([key_bytes(text) for text in params[name]] for name in ("protected_prefixes", "accept_protected"))
        if b"" in protected:
            raise BadInput("An empty prefix in protected_prefixes would protect everything.", hint="Take it out of the list.")
        unknown = [shown(prefix) for prefix in accepted if prefix not in protected]
        if unknown:
            raise BadInput(
                f"accept_protected names {', '.join(unknown)}, which is not among protected_prefixes.",
                hint=f"Write one of them exactly: {', '.join(map(shown, protected)) or '(none)'}.",
                unknown=unknown,
            )
        return cls(tuple(prefix for prefix in protected if prefix not in accepted))

    def split(self, keys: Sequence[bytes]) -> Tuple[List[bytes], List[bytes]]:
        """Those that may be touched, and those that may not."""
        prefixes = self.prefixes
        protected = [key for key in keys if key.startswith(prefixes)] if prefixes else []
        return [key for key in keys if not key.startswith(prefixes)] if protected else list(keys), protected

    def count(self, keys: Sequence[bytes]) -> Dict[bytes, int]:
        """How many of these protected keys lie below which prefix; one below several counts for the first."""
        found: Dict[bytes, int] = {}
        for key in keys:
            prefix = next(prefix for prefix in self.prefixes if key.startswith(prefix))
            found[prefix] = found.get(prefix, 0) + 1
        return found

    def require_some_free(self, selection: Selection) -> None:
        """Raises KeysProtected when a protected key is named, or when nothing but protected ones could match."""
        if selection.kind == NAMES:
            hit = [(shown(key), prefix) for key in selection.names for prefix in self.prefixes if key.startswith(prefix)]
        elif selection.kind == PREFIX:
            hit = [(str(selection), prefix) for prefix in self.prefixes if selection.prefix.startswith(prefix)]
        elif selection.kind == PATTERN:
            hit = [(str(selection), prefix) for prefix in self.prefixes if Glob(selection.pattern).lies_below(prefix)]
        else:
            hit = []
        if hit:
            said = ", ".join(f"{what} (below {shown(prefix)})" for what, prefix in hit[:_NAMED_AT_MOST])
            prefixes = sorted({shown(prefix) for unused, prefix in hit})
            raise KeysProtected(
                f"Protected: {said}. Nothing was touched.",
                hint=f"If that is really meant, name it: accept_protected={prefixes}.",
                prefixes=prefixes,
            )


def check_numbers(params: Mapping[str, Any]) -> None:
    """Raises BadInput for a number that makes no sense."""
    lowest = {"max_keys": 1, "spread": 1, "timeout": 1, "sample_size": 0, "max_elements": 1}
    for name, least in lowest.items():
        if params[name] < least:
            raise BadInput(f"{name} must be at least {least}, but is {params[name]}.", **{name: params[name]})
    if params["sample_size"] > _MOST_SAMPLES:
        raise BadInput(f"sample_size must be at most {_MOST_SAMPLES}, but is {params['sample_size']}.", sample_size=params["sample_size"])
    if params["order"] != FOUND and params["state"] != LISTED:
        raise BadInput(f"order={params['order']} is for state=listed: in which order keys are deleted does not matter.", order=params["order"])
    if params["database"] is not None and params["database"] < 0:
        raise BadInput(f"database is the number of a database, from 0 on, but is {params['database']}.", database=params["database"])


def check_flush(params: Mapping[str, Any]) -> None:
    """A whole database goes only by its number and the name of its stack."""
    if params["state"] != FLUSHED:
        return
    if params["database"] is None:
        raise BadInput("state=flushed needs the number of the database.", hint="Give it, even when it is 0: database=0.")
    if params["confirm"] != params["stack_name"]:
        raise ConfirmationMissing(
            f"Every key of database {params['database']} that is not protected would be deleted. Nothing was touched.",
            hint=f"Confirm it with the name of the stack: confirm={params['stack_name']}.",
            database=params["database"],
        )


def _names(texts: Sequence[str]) -> Tuple[bytes, ...]:
    """Each once, as they were given."""
    if not texts:
        raise BadInput("keys is empty.", hint="Name at least one key.")
    return tuple(dict.fromkeys(key_bytes(text) for text in texts))
