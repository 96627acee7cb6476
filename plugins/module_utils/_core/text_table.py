# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aligned text for people."""

from __future__ import annotations

from typing import List, Sequence


def aligned(rows: Sequence[Sequence[str]]) -> List[str]:
    """One line a row, all columns but the last as wide as their widest cell. The first row is usually the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
