# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_page
short_description: Show what a procedure found as one HTML page
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Makes one page of a few facts, what needs attention, and tables.
  - The page needs nothing else, neither network nor scripts. It is readable in light and dark and on a phone.
  - All texts are escaped.
positional: _input
options:
  _input:
    description:
      - What to show. C(title) must be there; C(subtitle), C(facts) (name to value), C(problems) (each with C(severity), C(message) and C(hint)) and
        C(tables) may be.
      - A table has a C(title), C(columns) (key of a row to its heading; a heading that ends in two round brackets makes the cells code), C(rows) and a C(note).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Write the page on the controller
  ansible.builtin.copy:
    content: "{{ shown | runbook.compose.report_page }}"
    dest: "{{ playbook_dir }}/shop.html"
    mode: "0600"
  delegate_to: localhost
  vars:
    shown:
      title: shop in production
      tables: [{title: Releases, columns: {version: version}, rows: [{version: v1}]}]
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.runbook.compose.plugins.module_utils._core.plain_page import plain_page


def report_page(shown):
    if not isinstance(shown, dict) or "title" not in shown:
        raise AnsibleFilterError("report_page takes a dictionary with a title.")
    return plain_page(shown)


class FilterModule:
    """The page as a filter."""

    def filters(self):
        return {"report_page": report_page}
