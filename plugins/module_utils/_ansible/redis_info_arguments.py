# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``redis_info`` beside those of the stack's Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec

_SECTIONS = [
    "server", "memory", "hits", "clients", "persistence", "replication", "slowlog", "latency", "keyspace", "prefixes", "commands",
]  # fmt: skip


def redis_info_arguments() -> ArgumentSpec:
    observed = {"seconds": {"type": "float", "default": 5}, "commands": {"type": "int", "default": 10_000}}
    return ArgumentSpec(
        {
            "sections": {"type": "list", "elements": "str", "choices": _SECTIONS, "default": _SECTIONS},
            "limit": {"type": "int", "default": 20},
            "interval": {"type": "float", "default": 0},
            "sample_keys": {"type": "int", "default": 10_000, "no_log": False},
            "sample_seconds": {"type": "float", "default": 5},
            "separator": {"type": "str", "default": ":"},
            "prefix_depth": {"type": "int", "default": 1},
            "protected_prefixes": {"type": "list", "elements": "str", "default": []},
            "observe": {"type": "dict", "options": observed},
            "thresholds": {"type": "dict", "default": {}},
            "reply_timeout": {"type": "float", "default": 30},
            "on_problem": {"type": "str", "choices": ["report", "fail"], "default": "report"},
        }
    )
