# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of redis_keys beside those of the stack and its Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec

_TYPES = ["string", "list", "set", "zset", "hash", "stream"]


def redis_keys_arguments() -> ArgumentSpec:
    """Which keys, and what shall become of them."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["listed", "absent", "expiring", "flushed"], "default": "listed"},
            "database": {"type": "int"},
            "keys": {"type": "list", "elements": "str", "no_log": False},
            "prefix": {"type": "str"},
            "pattern": {"type": "str"},
            "family": {"type": "str"},
            "of": {"type": "raw"},
            "families": {"type": "dict", "default": {}},
            "type": {"type": "str", "choices": _TYPES},
            "without_expiry": {"type": "bool", "default": False},
            "protected_prefixes": {"type": "list", "elements": "str", "default": []},
            "accept_protected": {"type": "list", "elements": "str", "default": []},
            "max_keys": {"type": "int", "default": 100000, "no_log": False},
            "spread": {"type": "int", "default": 300},
            "confirm": {"type": "str", "default": ""},
            "sample_size": {"type": "int", "default": 20},
            "order": {"type": "str", "choices": ["found", "largest", "smallest"], "default": "found"},
            "order_by": {"type": "str", "default": ""},
            "show_values": {"type": "bool", "default": False},
            "max_elements": {"type": "int", "default": 20},
            "timeout": {"type": "int", "default": 600},
        }
    )
