# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values within the variables of a run are secrets."""

from __future__ import annotations

from typing import Any, Callable, Collection, Dict, Iterator, Mapping, Tuple

from .redaction import Redactor, is_secret_name

# What Ansible adds by itself: names of hosts and groups, not values that anybody chose.
_MAGIC = ("groups", "hostvars", "vars", "ansible_facts", "group_names")
# What only names keys of Redis hides nothing, however it is called: tokens: {prefix: "token:"} as a secret would mask half a report.
_REDIS, _FAMILIES, _OF_TOKENS = "stack_redis", "keys", "tokens"


def secrets_of_variables(
    variables: Mapping[str, Any],
    private: Collection[str] = (),
    is_vaulted: Callable[[Any], bool] = lambda value: False,
) -> Redactor:
    """A redactor for values that stand below a secret-looking or ``private`` name, or that come out of a vault.

    A value that is still a template is none: what it becomes is found below the name it refers to.
    """
    flat: Dict[str, str] = {}
    chosen = {name: _without_names(name, value) for name, value in variables.items() if name not in _MAGIC}
    for secret, text in _leaves(chosen, private, is_vaulted, False):
        # The names matter to the redactor only as secret or not; the values of both kinds may hold URLs.
        flat[f"{'secret' if secret else 'plain'}_{len(flat)}"] = text
    return Redactor.of_environment(flat)


def _without_names(variable: str, value: Any) -> Any:
    """Headers of probes and settings of profiles stay, and count as anywhere else."""
    if variable != _REDIS or not isinstance(value, Mapping):
        return value
    return {"names" if name == _OF_TOKENS else name: item for name, item in value.items() if name != _FAMILIES}


def _leaves(
    value: Any, private: Collection[str], is_vaulted: Callable[[Any], bool], secret: bool
) -> Iterator[Tuple[bool, str]]:
    if is_vaulted(value):
        yield True, str(value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            below = secret or name in private or is_secret_name(str(name))
            yield from _leaves(item, private, is_vaulted, below)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item, private, is_vaulted, secret)
    elif isinstance(value, str) and "{{" not in value and "{%" not in value:
        yield secret, value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield secret, str(value)
