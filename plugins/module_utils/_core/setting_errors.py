# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused, or fails, when settings of a server are changed."""

from __future__ import annotations

from .errors import BadInput, OperationError


class DangerousSetting(BadInput):
    """The value endangers the data or the way in, and was not accepted by name."""

    reason = "dangerous_setting"


class SettingNotInEffect(OperationError):
    """A value was written and the server does not go by it; the values from before were written back."""

    reason = "setting_not_in_effect"
