# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots as SVG: text in, text out, readable by people in light and dark, and by screen readers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Callable, List, Sequence, Tuple

from .report_scale import marks, moments, quantity

_WIDTH, _HEIGHT = 420, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 22, 14, 30
_BAR, _ROW, _VALUE = 12, 38, 84
_COLOURS = 4  # classes c0 to c3 of the page's style
_LONGEST_LABEL = 46

Point = Tuple[datetime, float]


@dataclass(frozen=True)
class Series:
    name: str
    points: Sequence[Point]


def line_plot(title: str, series: Sequence[Series], unit: str, zero: bool = True) -> str:
    """Values over time. ``zero`` starts the axis at nought, as growth should be read."""
    drawn = [one for one in series if one.points]
    if not drawn:
        return '<p class="none">No values yet.</p>'
    moments_ = [moment for one in drawn for moment, value in one.points]
    values = [value for one in drawn for moment, value in one.points]
    heights = marks(0 if zero else min(values), max(values), unit)
    first, last = min(moments_), max(moments_)
    span = (last - first).total_seconds() or 1.0

    def x(moment: datetime) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * ((moment - first).total_seconds() / span if last > first else 0.5)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - heights[0]) / (heights[-1] - heights[0])

    parts = [_grid(heights, unit, y)]
    parts += [f'<text class="axis" x="{x(moment):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{text}</text>' for moment, text in moments(first, last)]
    for number, one in enumerate(drawn):
        parts.append(_line(one, number % _COLOURS, unit, (x, y)))
    told = f"{title}: " + "; ".join(f"{one.name} {quantity(one.points[-1][1], unit)} last" for one in drawn)
    legend = _legend([one.name for one in drawn]) if len(drawn) > 1 else ""
    return legend + _svg(told, _HEIGHT, parts)


def bar_plot(title: str, bars: Sequence[Tuple[str, float]], unit: str) -> str:
    """Named values, as given, as bars side on."""
    if not bars:
        return '<p class="none">Nothing to show.</p>'
    widest = max(value for name, value in bars) or 1.0
    parts = []
    for row, (name, value) in enumerate(bars):
        top = row * _ROW
        length = max(1.0, (_WIDTH - _VALUE) * max(0.0, value) / widest)
        shown = name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"
        parts.append(
            f'<text class="label" x="0" y="{top + 14}">{escape(shown)}<title>{escape(name)}</title></text>'
            f'<rect class="c0" x="0" y="{top + 20}" width="{length:.1f}" height="{_BAR}" rx="3"/>'
            f'<text class="axis" x="{length + 6:.1f}" y="{top + 31}">{escape(quantity(value, unit))}</text>'
        )
    told = f"{title}: " + "; ".join(f"{name} {quantity(value, unit)}" for name, value in bars[:10])
    return _svg(told, len(bars) * _ROW, parts)


def _grid(heights: Sequence[float], unit: str, y: Callable[[float], float]) -> str:
    lines = []
    for value in heights:
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        lines.append(f'<text class="axis" x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{escape(quantity(value, unit))}</text>')
    return "".join(lines)


def _line(series: Series, colour: int, unit: str, place: Tuple[Callable[[datetime], float], Callable[[float], float]]) -> str:
    x, y = place
    path = " ".join(f"{x(moment):.1f},{y(value):.1f}" for moment, value in series.points)
    dots = [
        f'<circle class="c{colour}" cx="{x(moment):.1f}" cy="{y(value):.1f}" r="3">'
        f"<title>{escape(series.name)}, {moment:%Y-%m-%d %H:%M} UTC: {escape(quantity(value, unit))}</title></circle>"
        for moment, value in series.points
    ]
    return f'<polyline class="line c{colour}" points="{path}"/>' + "".join(dots)


def _legend(names: Sequence[str]) -> str:
    keys = "".join(f'<li><span class="key c{number % _COLOURS}"></span>{escape(name)}</li>' for number, name in enumerate(names))
    return f'<ul class="legend">{keys}</ul>'


def _svg(told: str, height: int, parts: List[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(told)}">{"".join(parts)}</svg>'
