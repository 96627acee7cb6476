# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a release: its env file and its compose files, as bytes."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Tuple

from .dotenv import EnvFile, parse_values, set_values
from .errors import BadInput
from .ledger import Release, ReleaseFile
from .redaction import is_secret_name


class ComposeFilesDiffer(BadInput):
    """The stack and the release are described by different files."""

    reason = "compose_files_differ"


@dataclass(frozen=True)
class Configuration:
    """Paths are absolute. A missing env file counts as an empty one."""

    env_path: str
    env: bytes
    compose_files: Tuple[Tuple[str, bytes], ...]

    @property
    def env_text(self) -> str:
        try:
            return self.env.decode()
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{self.env_path} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.", path=self.env_path
            ) from None

    @property
    def files(self) -> Tuple[Tuple[str, bytes], ...]:
        """All files, the env file last: it is what decides which images the compose files mean."""
        return self.compose_files + ((self.env_path, self.env),)

    def with_env(self, env_text: str) -> "Configuration":
        return Configuration(self.env_path, env_text.encode(), self.compose_files)


def file_fingerprint(content: bytes, salt: str) -> str:
    """Tells equal files from different ones; the salt keeps a short secret in an env file from being guessed."""
    return hashlib.sha256(salt.encode() + b"\0" + content).hexdigest()


def release_files(configuration: Configuration, salt: str) -> Tuple[ReleaseFile, Tuple[ReleaseFile, ...]]:
    """The env file and the compose files as the ledger names them."""
    compose = tuple(ReleaseFile(path, file_fingerprint(content, salt)) for path, content in configuration.compose_files)
    return ReleaseFile(configuration.env_path, file_fingerprint(configuration.env, salt)), compose


def configuration_fingerprint(configuration: Configuration, salt: str) -> str:
    """One fingerprint of what the files mean: comments and the order of the env file do not count."""
    values = "\n".join(f"{name}\0{value}" for name, value in sorted(parse_values(configuration.env_text).items()))
    parts = [file_fingerprint(content, salt) for _path, content in configuration.compose_files]
    return file_fingerprint("\n".join([*parts, values]).encode(), salt)


def snapshot_name(position: int, path: str) -> str:
    """Where a compose file is kept below the directory of its release."""
    return f"compose/{position}-{posixpath.basename(path)}"


def candidate_configuration(live: Configuration, variables: Mapping[str, str]) -> Configuration:
    """The live configuration with a release's own variables."""
    return live.with_env(set_values(live.env_text, variables)) if variables else live


def configuration_to_stage(live: Configuration, kept: Configuration, keep: Optional[Tuple[str, ...]] = None) -> Configuration:
    """What the live files become. When ``keep`` names variables, only these are taken from the release.

    A variable that the release did not have goes, rather than staying that of another release.
    """
    if keep is None:
        return kept
    then = parse_values(kept.env_text)
    file = EnvFile.parse(live.env_text)
    now = file.values()
    for name in keep:
        if name not in then:
            file = file.without(name)
        elif now.get(name) != then[name]:
            file = file.with_value(name, then[name])
    return live.with_env(file.render())


def changed_variables(before: Configuration, after: Configuration) -> Tuple[str, ...]:
    """Names of the env file whose values differ, came or went. A malformed file before counts as an empty one: it may be about to be replaced."""
    new = parse_values(after.env_text)
    try:
        old = parse_values(before.env_text)
    except BadInput:
        old = {}
    return tuple(sorted(name for name in set(old) | set(new) if old.get(name) != new.get(name)))


def refuse_other_compose_files(release: Release, live: Configuration) -> None:
    """A file that only one of the two has would be left beside the restored ones, or be ignored."""
    then = [file.path for file in (*release.compose_files, release.env)]
    now = [path for path, _content in live.files]
    if then != now:
        raise ComposeFilesDiffer(
            f"Release {release.title} consists of {', '.join(then)}, the stack is declared with {', '.join(now)}.",
            hint="Give compose_files and env_file as they were for that release, or use configuration=keep.",
            release=release.id,
            release_files=then,
            stack_files=now,
        )


def parse_variables(variables: Mapping[str, object]) -> Dict[str, str]:
    """A release's own variables as text; secrets do not belong here."""
    secret = sorted(name for name in variables if is_secret_name(str(name)))
    if secret:
        raise BadInput(
            f"variables must not hold secrets: {', '.join(secret)}.",
            hint="Set secrets with runbook.compose.env_file; a release takes them from the env file.",
            names=secret,
        )
    odd = sorted(str(name) for name, value in variables.items() if isinstance(value, (dict, list)))
    if odd:
        raise BadInput(f"variables must be texts or numbers: {', '.join(odd)}.", names=odd)
    return {str(name): _text_of(value) for name, value in variables.items()}


def secret_values(variables: Mapping[str, object]) -> Tuple[str, ...]:
    """The values of variables whose names say that they are secrets."""
    return tuple(_text_of(value) for name, value in variables.items() if is_secret_name(str(name)) and value)


def _text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
