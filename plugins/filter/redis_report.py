# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_report
short_description: Show what was found about a Redis as one HTML page
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Makes one page with plots and tables of a result of M(runbook.compose.redis_info).
  - The page needs nothing else, neither network nor scripts. It is readable in light and dark and on a phone.
  - All texts are escaped. Sections that were not asked for are left out.
positional: _input
options:
  _input:
    description: Result of M(runbook.compose.redis_info).
    type: dict
    required: true
  title:
    description: Title of the page.
    type: str
    default: Redis
"""

EXAMPLES = r"""
- name: Write the page on the controller
  ansible.builtin.copy:
    content: "{{ looked | runbook.compose.redis_report(title='shop in production') }}"
    dest: "{{ playbook_dir }}/shop.html"
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_report_page import report_page


def redis_report(looked, title="Redis"):
    if not isinstance(looked, dict) or "problems" not in looked:
        raise AnsibleFilterError("redis_report takes the result of runbook.compose.redis_info.")
    return report_page(str(title), looked)


class FilterModule:
    """The page as a filter."""

    def filters(self):
        return {"redis_report": redis_report}
