# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of token_revocation beside those of the stack and its Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def token_revocation_arguments() -> ArgumentSpec:
    """Which tokens, and how the application calls its keys. Names and numbers are no secrets, though Ansible takes them for some."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["revoked", "listed"], "default": "revoked"},
            "jti": {"type": "str"},
            "token": {"type": "str", "no_log": True},
            "user": {"type": "str"},
            "database": {"type": "int", "default": 0},
            "token_key": {"type": "str", "default": "", "no_log": False},
            "user_tokens_key": {"type": "str", "default": "", "no_log": False},
            "index_tells": {"type": "str", "choices": ["nothing", "expiry"], "default": "nothing"},
            "session_key": {"type": "str", "default": "", "no_log": False},
            "user_sessions_key": {"type": "str", "default": "", "no_log": False},
            "default_life": {"type": "int", "default": 604800},
            "leeway": {"type": "int", "default": 60},
            "max_tokens": {"type": "int", "default": 10000, "no_log": False},
        }
    )
