# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: window_report
short_description: Show a maintenance window as one HTML page
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Makes one page of a result of M(runbook.compose.maintenance_window). It has the change, who did and approved it, the plan with its hash, every step with
    its outcome, images before and after, and how the stack answered before and after.
  - The page needs nothing else, neither network nor scripts. It is readable in light and dark and on a phone.
  - All texts are escaped.
positional: _input
options:
  _input:
    description: Result of M(runbook.compose.maintenance_window).
    type: dict
    required: true
  title:
    description: Title of the page.
    type: str
    default: Maintenance window
"""

EXAMPLES = r"""
- name: Write the page on the controller
  ansible.builtin.copy:
    content: "{{ looked | runbook.compose.window_report(title='CHG-42 on shop in production') }}"
    dest: "{{ playbook_dir }}/CHG-42.html"
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.runbook.compose.plugins.module_utils._core.window_report_page import report_page


def window_report(looked, title="Maintenance window"):
    if not isinstance(looked, dict) or not looked.get("window"):
        raise AnsibleFilterError("window_report takes a result of runbook.compose.maintenance_window.")
    return report_page(str(title), looked)


class FilterModule:
    """The page as a filter."""

    def filters(self):
        return {"window_report": window_report}
