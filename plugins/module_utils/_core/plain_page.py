# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of tables from plain data, for reports that need no plots of their own."""

from __future__ import annotations

from typing import Any, List, Mapping

from .report_page import Column, Page, Table, render


def plain_page(content: Mapping[str, Any]) -> str:
    """``title``, ``subtitle``, ``facts`` (name to value), ``problems`` (severity, message, hint), ``tables`` (title, columns, rows, note).

    Columns are a mapping of the key in the row to the title; a title that ends in ``()`` is shown as code.
    """
    return render(
        Page(
            title=str(content["title"]),
            subtitle=str(content.get("subtitle") or ""),
            facts=[(str(name), str(value)) for name, value in (content.get("facts") or {}).items()],
            problems=list(content.get("problems") or []),
            parts=[_table(table) for table in content.get("tables") or []],
        )
    )


def _table(table: Mapping[str, Any]) -> Table:
    return Table(str(table["title"]), _columns(table["columns"]), list(table.get("rows") or []), str(table.get("note") or ""))


def _columns(columns: Mapping[str, str]) -> List[Column]:
    return [Column(title[:-2], key, "code") if title.endswith("()") else Column(title, key) for key, title in columns.items()]
