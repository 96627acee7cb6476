# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people may see of an env file: names, lengths and fingerprints, and the values that are no secrets."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping

from .redaction import MASK, Redactor, fingerprint, is_secret_name


def fingerprints(env: Mapping[str, str], salt: str) -> Dict[str, str]:
    """A fingerprint for each variable: equal ones mean that the variable has the same value.

    The name is part of it: a secret that happens to equal a value that everybody sees must not show it.
    """
    return {name: fingerprint(f"{name}={value}", salt) for name, value in env.items()}


class Secrecy:
    """Which variables are secret: by name, by order (``extra``), or because the value contains a secret or a URL with a password."""

    def __init__(self, environments: Iterable[Mapping[str, str]], extra: Iterable[str] = ()) -> None:
        self._extra = frozenset(extra)
        values = [value for env in environments for name, value in env.items() if self._is_secret_by_name(name)]
        self._redactor = Redactor(values)

    def covers(self, name: str, value: str) -> bool:
        return self._is_secret_by_name(name) or self._redactor.text(value) != value

    def _is_secret_by_name(self, name: str) -> bool:
        return name in self._extra or is_secret_name(name)


class EnvReport:
    """Shows one environment in results and in diffs."""

    def __init__(self, env: Mapping[str, str], secrecy: Secrecy, salt: str) -> None:
        self._env = dict(env)
        self._secrecy = secrecy
        self._fingerprints = fingerprints(env, salt)

    def keys(self) -> List[Dict[str, Any]]:
        """One entry for each variable, in the order of the file; ``value`` only where it is no secret."""
        return [self._key(name, value) for name, value in self._env.items()]

    def lines(self) -> List[str]:
        """``NAME=value`` as diff mode shows it; a secret shows as a mask with its fingerprint."""
        return [f"{name}={self._shown(name, value)}" for name, value in self._env.items()]

    def _key(self, name: str, value: str) -> Dict[str, Any]:
        secret = self._secrecy.covers(name, value)
        key = {"name": name, "secret": secret, "length": len(value), "fingerprint": self._fingerprints[name]}
        return key if secret else {**key, "value": value}

    def _shown(self, name: str, value: str) -> str:
        return f"{MASK} ({self._fingerprints[name]})" if value and self._secrecy.covers(name, value) else value
