# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the data of a Redis were not saved, or are not what they should be."""

from __future__ import annotations

from .errors import BadInput, OperationError


class RdbInvalid(OperationError):
    """What should be a snapshot of Redis is not one, or not a whole one."""

    reason = "rdb_invalid"


class RedisSaveFailed(OperationError):
    """The server could not write its snapshot."""

    reason = "redis_save_failed"


class RedisSaveLost(OperationError):
    """The snapshot was stopped or replaced by somebody else before it was safe."""

    reason = "redis_save_lost"


class RedisDataHidden(BadInput):
    """Where the server keeps its files cannot be told, or they cannot be reached."""

    reason = "redis_data_unreachable"


class RedisNotStopped(OperationError):
    """The server did not end cleanly within its time: what it had not written yet may be lost."""

    reason = "redis_not_stopped"


class RedisNotStarted(OperationError):
    """The server did not start, or did not load its data."""

    reason = "redis_not_started"
