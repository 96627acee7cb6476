# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``release`` beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def release_arguments() -> ArgumentSpec:
    return _which_release().merged_with(_registering()).merged_with(_staging_and_verdicts()).merged_with(_pruning())


def _which_release() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "state": {
                "type": "str",
                "required": True,
                "choices": ["registered", "staged", "verified", "failed", "rolled_back", "pruned"],
            },
            "version": {"type": "str"},
            "release": {"type": "str"},
            "created_by": {"type": "str", "default": ""},
            "schema": {"type": "dict"},
            "database": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 1800},
        },
        required_if=(
            ("state", "registered", ("version",)),
            ("state", "staged", ("release",)),
            ("state", "verified", ("release",)),
            ("state", "failed", ("release", "verdict_reason")),
            ("state", "rolled_back", ("release",)),
        ),
    )


def _registering() -> ArgumentSpec:
    source = {"repository": {"type": "path", "required": True}, "revision": {"type": "str", "required": True}}
    return ArgumentSpec(
        {
            "variables": {"type": "dict", "default": {}},
            "services": {"type": "list", "elements": "str", "default": []},
            "acquire": {"type": "str", "choices": ["never", "pull", "build"], "default": "never"},
            "source": {"type": "dict", "options": source},
            "disk_free_min_mb": {"type": "int", "default": 1024},
            "git_revision": {"type": "str", "default": ""},
            "backup_id": {"type": "str", "default": ""},
        },
        required_if=(("acquire", "build", ("source",)),),
    )


def _staging_and_verdicts() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "configuration": {"type": "str", "choices": ["restore", "keep"], "default": "restore"},
            "on_incompatible_schema": {"type": "str", "choices": ["fail", "accept"], "default": "fail"},
            "verdict_reason": {"type": "str"},
            "how": {"type": "str", "choices": ["deploy", "rollback", "automatic_rollback"], "default": "deploy"},
            "replaced": {"type": "str", "choices": ["kept", "rolled_back"]},
        }
    )


def _pruning() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "keep": {"type": "int", "default": 5},
            "images": {"type": "str", "choices": ["keep", "remove_unused"], "default": "keep"},
        }
    )
