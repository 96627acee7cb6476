# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a database at one moment: so exactly that a restored copy can be compared with it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

from .backup_manifest import ManifestInvalid

_PLAIN_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class TableContent:
    """``checksum`` does not depend on the order of the rows; it is empty where none was taken."""

    rows: int
    checksum: str = ""


@dataclass(frozen=True)
class SequenceContent:
    """``last_value`` is None for a sequence that gave no number yet."""

    last_value: Optional[int]
    increment: int = 1
    cycles: bool = False

    def is_reached_by(self, other: "SequenceContent") -> bool:
        """Sequences are outside every snapshot: the dump, read later, may be further on, never behind."""
        if self.cycles or self.last_value is None:
            return True
        if other.last_value is None:
            return False
        return other.last_value >= self.last_value if self.increment > 0 else other.last_value <= self.last_value


@dataclass(frozen=True)
class DatabaseContent:
    """Names of tables and sequences are as ``qualified`` writes them; ``extensions`` maps names to versions.

    ``roles`` are those that the database's objects name (owners, grantees, policies). ``server_version`` is 150018 for 15.18.
    """

    server_version: int
    tables: Mapping[str, TableContent] = field(default_factory=dict)
    sequences: Mapping[str, SequenceContent] = field(default_factory=dict)
    large_objects: int = 0
    schema_fingerprint: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)
    roles: Tuple[str, ...] = ()
    database_bytes: int = 0

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    @property
    def summed_tables(self) -> Set[str]:
        """Tables of which a checksum was taken."""
        return {name for name, table in self.tables.items() if table.checksum}

    def to_dict(self) -> Dict[str, Any]:
        """Plain JSON, for a manifest's ``content``."""
        return {**asdict(self), "roles": list(self.roles)}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], where: str = "The manifest") -> "DatabaseContent":
        """Raises ManifestInvalid, and nothing else, for what ``to_dict`` cannot have written."""
        try:
            content = cls(
                **{
                    **value,
                    "tables": {name: TableContent(**table) for name, table in value["tables"].items()},
                    "sequences": {name: SequenceContent(**sequence) for name, sequence in value["sequences"].items()},
                    "roles": tuple(value["roles"]),
                }
            )
            _check(content)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise ManifestInvalid(
                f"{where} does not say what the database held ({type(error).__name__}).", hint="Choose another backup.", manifest=where
            ) from error
        return content


def qualified(schema: str, name: str) -> str:
    """``public.orders``, with quotes only where SQL needs them; reserved words stay bare, whatever the version reserves."""
    return ".".join(part if _PLAIN_IDENTIFIER.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in (schema, name))


def differences(expected: DatabaseContent, found: DatabaseContent) -> List[str]:
    """A sentence for everything in which a restored copy is not what was dumped; empty when it is the same.

    Schemas are compared within one major version only, since each writes them differently. Of extensions the names count:
    a restore installs the version that the image brings.
    """
    said = [*_names("table", expected.tables, found.tables), *_names("sequence", expected.sequences, found.sequences)]
    said += _names("extension", expected.extensions, found.extensions)
    said += _each(expected.tables, found.tables, _table_difference)
    said += _each(expected.sequences, found.sequences, _sequence_difference)
    if expected.large_objects != found.large_objects:
        said.append(f"{expected.large_objects} large objects expected, {found.large_objects} found")
    same_major = expected.server_version // 10000 == found.server_version // 10000
    if same_major and expected.schema_fingerprint != found.schema_fingerprint:
        said.append("the schema (types, columns, constraints, indexes, functions, owners or privileges) is not the one that was dumped")
    return said


def _names(what: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> List[str]:
    missing = [f"{what} {name} is missing" for name in sorted(expected.keys() - found.keys())]
    return missing + [f"{what} {name} was not expected" for name in sorted(found.keys() - expected.keys())]


def _each(expected: Mapping[str, Any], found: Mapping[str, Any], compare: Callable[[str, Any, Any], Optional[str]]) -> List[str]:
    said = [compare(name, expected[name], found[name]) for name in sorted(expected.keys() & found.keys())]
    return [sentence for sentence in said if sentence]


def _table_difference(name: str, expected: TableContent, found: TableContent) -> Optional[str]:
    if expected.rows != found.rows:
        return f"table {name}: {expected.rows} rows expected, {found.rows} found"
    if expected.checksum and expected.checksum != found.checksum:
        return f"table {name}: {expected.rows} rows with checksum {expected.checksum} expected, {found.checksum or 'no checksum'} found"
    return None


def _sequence_difference(name: str, expected: SequenceContent, found: SequenceContent) -> Optional[str]:
    if expected.is_reached_by(found):
        return None
    return f"sequence {name}: {expected.last_value} expected or later, {found.last_value} found"


def _check(content: DatabaseContent) -> None:
    numbers = [content.server_version, content.large_objects, content.database_bytes, *(table.rows for table in content.tables.values())]
    texts = [content.schema_fingerprint, *content.roles, *content.extensions, *content.extensions.values()]
    texts += [table.checksum for table in content.tables.values()]
    if not all(isinstance(number, int) for number in numbers) or not all(isinstance(text, str) for text in texts):
        raise ValueError("types")
    for sequence in content.sequences.values():
        if not isinstance(sequence.increment, int) or not isinstance(sequence.last_value, (int, type(None))):
            raise ValueError("sequences")
