# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes the variables of an env file, or brings an earlier version of it back."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any, Dict, Iterable, Iterator, Mapping, Protocol, Tuple

from ..._core.dotenv import EnvFileMalformed
from ..._core.env_change import MODE, EnvChange, EnvFileChanged, EnvState, Wanted, parse_wanted, plan_present, plan_restored
from ..._core.env_report import Secrecy
from ..._core.errors import BadInput, ProjectMissing, StateUnwritable
from ..._core.plan import Plan
from ..._core.redaction import MASK
from ..._core.stack import Stack
from ..clock import utc_now
from ..env_versions import EnvVersions
from ..files import locked, write_atomically
from ..journal import journal
from ..stack_salt import StackSalt

# A shorter secret is masked where it is known to be; looking for it everywhere would blacken half the result.
_SHORTEST_HIDDEN = 8


class Host(Protocol):
    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...

    def show_as(self, option: str, value: Any) -> None: ...


class EnvFileOperation:
    """One env file of a stack, and what is wanted of it."""

    def __init__(self, stack: Stack, params: Mapping[str, Any], wanted: Wanted) -> None:
        self._stack = stack
        self._declared = stack.in_project(params["path"]) if params["path"] else stack.env_path
        self._path = os.path.realpath(self._declared)
        self._versions = EnvVersions(stack, self._path)
        self._salt = StackSalt(stack)
        self._wanted = wanted
        self._version = params["version"] if params["state"] == "restored" else ""
        self._secrets = tuple(params["secrets"])
        self._keep = params["keep_versions"]

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "EnvFileOperation":
        given = params["set"]
        hide_secrets(given, params["secrets"], host)  # from here on params["set"] is masked
        stack, wanted = Stack.from_params(params), parse_wanted(given, params["remove"], params["validate"])
        if params["keep_versions"] < 1:
            raise BadInput(f"keep_versions must be at least 1, but is {params['keep_versions']}.", keep_versions=params["keep_versions"])
        if params["state"] == "restored" and not params["version"]:
            raise BadInput("state=restored needs version: an id, or 'previous'.", hint="The result of this module lists the versions.")
        if params["state"] == "restored" and (wanted.values or wanted.remove):
            raise BadInput("state=restored brings back a whole version; it cannot set or remove variables as well.")
        with _files_of(stack):
            return cls(stack, params, wanted)

    def plan(self) -> Plan:
        with _files_of(self._stack), self._naming_the_file():
            self._refuse_missing_directory()
            self._change, self._source = self._decide(self._observe())
            return self._report("", self._versions.list())

    def apply(self, plan: Plan) -> Dict[str, Any]:
        with _files_of(self._stack):
            self._salt.keep()
            version = self._write() if plan.changed else ""
            return self._report(version, self._versions.list()).facts

    def _decide(self, state: EnvState) -> Tuple[EnvChange, str]:
        if not self._version:
            return plan_present(state, self._wanted), ""
        name, content = self._versions.find(self._version)
        return plan_restored(state, name, content), name

    def _observe(self) -> EnvState:
        link = "" if self._path == os.path.abspath(self._declared) else self._declared
        try:
            with open(self._path, "rb") as handle:
                mode = stat.S_IMODE(os.fstat(handle.fileno()).st_mode)
                return EnvState(self._path, handle.read(), mode, link)
        except FileNotFoundError:
            return EnvState(self._path, link=link)

    def _write(self) -> str:
        """Keeps the old content, then puts the new one in its place; returns the id of the version kept."""
        change, now, version = self._change, utc_now(), ""
        with locked(self._versions.lock_path):
            if self._observe() != change.before:
                raise EnvFileChanged(
                    f"{self._path} was changed by somebody else while this task looked at it. Nothing was done.",
                    hint="Run the procedure again.",
                    path=self._path,
                )
            if change.content is None:
                os.chmod(self._path, MODE)
            else:
                if change.before.content is not None:
                    version = self._versions.keep(change.before.content, now, "env_file", change.changed_keys)
                write_atomically(self._path, change.content, MODE)
            self._versions.forget_all_but(self._keep)
        journal(self._stack, now, "env_file_changed", path=self._path, changed_keys=change.changed_keys, version=version, restored=self._source)
        return version

    def _report(self, version: str, versions: list) -> Plan:
        change = self._change
        secrecy = Secrecy([change.old, change.new, self._wanted.values], self._secrets)
        return change.to_plan(secrecy, self._salt.value, {"version": version, "versions": versions, "restored": self._source})

    def _refuse_missing_directory(self) -> None:
        directory = os.path.dirname(self._path)
        if not os.path.isdir(directory):
            raise ProjectMissing(
                f"The directory {directory} of the env file of stack {self._stack.name} does not exist.",
                hint="Check stack_project_dir and stack_env_file in the inventory.",
                path=self._path,
            )

    @contextlib.contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except EnvFileMalformed as error:
            error.hint = f"{error.hint} The file is {self._path}. Nothing was changed."
            error.details["path"] = self._path
            raise


def hide_secrets(values: Mapping[Any, Any], extra: Iterable[str], host: Host) -> None:
    """Ansible hides all values of the option; shows those again that are no secrets, and masks the others by name."""
    texts = {name: str(value) for name, value in values.items() if not isinstance(value, (dict, list))}
    secrecy = Secrecy([{str(name): text for name, text in texts.items()}], extra)
    shown = {name for name, text in texts.items() if not secrecy.covers(str(name), text)}
    host.show_as("set", {name: value if name in shown else MASK for name, value in values.items()})
    hidden = {text for name, value in values.items() if name not in shown for text in _texts_in(value)}
    host.hide({text for text in hidden if len(text) >= _SHORTEST_HIDDEN}, set(texts.values()) | hidden)


def _texts_in(value: Any) -> Iterator[str]:
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    if parts is None:
        yield str(value)
    for part in parts or ():
        yield from _texts_in(part)


@contextlib.contextmanager
def _files_of(stack: Stack) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateUnwritable(
            f"A file of stack {stack.name} cannot be read or written: {error.strerror} ({error.filename}).",
            hint="Check the owner and the free space, and that the task runs as the right user (become).",
            path=str(error.filename),
        ) from error
