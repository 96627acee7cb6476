# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.plugin_utils.progress_action import ProgressAction


class ActionModule(ProgressAction):
    """Shows how far the module is."""
