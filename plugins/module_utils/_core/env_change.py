# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an env file changes: what is wanted, and what that makes of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .dotenv import EnvFile, EnvFileMalformed
from .env_report import EnvReport, Secrecy
from .env_rules import ValueRule, parse_rules
from .errors import BadInput, OperationError
from .plan import Plan, Step
from .redaction import MASK

MODE = 0o600
# What Ansible and this collection show instead of a secret. Written back, it would replace the secret.
_MASKS = (MASK, "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")


class NoSuchVersion(BadInput):
    """The version of the env file to restore is not kept."""

    reason = "no_such_version"


class EnvFileChanged(OperationError):
    """Somebody else changed the env file after it was looked at. Nothing was done."""

    reason = "env_file_changed"


@dataclass(frozen=True)
class EnvState:
    """The file as it is. ``content`` is None when there is none; ``link`` is set when ``path`` was reached through one."""

    path: str
    content: Optional[bytes] = None
    mode: int = MODE
    link: str = ""

    def parse(self) -> EnvFile:
        return parse_content(self.content or b"")


@dataclass(frozen=True)
class Wanted:
    """Variables to set and to remove, and the rules that the result must obey."""

    values: Dict[str, str] = field(default_factory=dict)
    remove: Tuple[str, ...] = ()
    rules: Tuple[ValueRule, ...] = ()


@dataclass(frozen=True)
class EnvChange:
    """What becomes of the file. ``content`` is None when it stays as it is."""

    before: EnvState
    content: Optional[bytes]
    steps: Tuple[Step, ...]
    old: Dict[str, str]
    new: Dict[str, str]

    @property
    def changed_keys(self) -> List[str]:
        """Variables that came, went or have another value."""
        names = dict.fromkeys([*self.old, *self.new])
        return [name for name in names if self.old.get(name) != self.new.get(name)]

    def to_plan(self, secrecy: Secrecy, salt: str, facts: Mapping[str, Any]) -> Plan:
        new = EnvReport(self.new, secrecy, salt)
        shown_before = {"env_file": self.before.path, "mode": f"{self.before.mode:04o}", "keys": EnvReport(self.old, secrecy, salt).lines()}
        shown_after = {"env_file": self.before.path, "mode": f"{MODE:04o}", "keys": new.lines()}
        own = {"env_file": self.before.path, "link": self.before.link, "settings": new.keys(), "changed_keys": self.changed_keys}
        return Plan({} if self.before.content is None else shown_before, shown_after, self.steps, {**own, **facts})


def parse_content(content: bytes) -> EnvFile:
    """The lines of a file; raises EnvFileMalformed."""
    try:
        return EnvFile.parse(content.decode())
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise EnvFileMalformed(f"Line {number} of the env file is not UTF-8 text.", hint="Save the file as UTF-8.", line=number) from None


def parse_wanted(given: Mapping[Any, Any], removed: Sequence[str], rules: Mapping[str, Any]) -> Wanted:
    """Checks the options ``set``, ``remove`` and ``validate``; messages never hold a value."""
    values = {str(name): _text(str(name), value) for name, value in given.items()}
    remove = tuple(dict.fromkeys(removed))
    both = sorted(set(values) & set(remove))
    if both:
        raise BadInput(f"To be set and removed at once: {', '.join(both)}.", hint="Nothing was changed.", names=both)
    return Wanted(values, remove, parse_rules(rules))


def plan_present(state: EnvState, wanted: Wanted) -> EnvChange:
    """The wanted variables in place, each name once, everything else as it was."""
    file = before = state.parse()
    steps = [Step("create", state.path)] if state.content is None else _mode_steps(state)
    for name in wanted.remove:
        file, previous = file.without(name), file
        steps += [Step("remove", name)] if file != previous else []
    for name, value in wanted.values.items():
        file, previous = file.with_value(name, value), file
        steps += [Step("set", name, "changed" if name in previous.names else "added")] if file != previous else []
    steps += [Step("fold", name, "its earlier lines had no effect") for name in file.duplicated()]
    file = file.folded(file.names)
    old, new = before.values(), file.values()
    for rule in wanted.rules:
        if rule.name in new:
            rule.check(new[rule.name])
    content = file.render().encode()
    return EnvChange(state, None if content == state.content else content, tuple(steps), old, new)


def plan_restored(state: EnvState, version: str, kept: bytes) -> EnvChange:
    """The kept file in place. The present one may be malformed: that is a reason to restore."""
    try:
        old = state.parse().values()
    except EnvFileMalformed:
        old = {}
    try:
        new = parse_content(kept).values()
    except EnvFileMalformed as error:
        raise NoSuchVersion(f"Version {version} cannot be used: {error}", hint="Choose another version.", version=version) from error
    steps = _mode_steps(state) if state.content is not None else []
    steps += [Step("restore", state.path, version)] if kept != state.content else []
    return EnvChange(state, None if kept == state.content else kept, tuple(steps), old, new)


def _mode_steps(state: EnvState) -> List[Step]:
    return [Step("chmod", state.path, f"{state.mode:04o} to {MODE:04o}")] if state.mode != MODE else []


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (dict, list)):
        raise BadInput(f"The value for {name} is not a text, number or truth value.", hint="Use '' for an empty value, or remove.", name=name)
    if value in _MASKS:
        raise BadInput(f"The value for {name} is what is shown instead of a secret, not a value.", name=name)
    return str(value)
