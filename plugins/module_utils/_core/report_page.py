# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one HTML page that needs nothing else: no network, no script, light and dark, desk and phone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Mapping, Sequence, Union

from .report_plots import Series, bar_plot, line_plot
from .report_scale import quantity

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--paper:#f7f8fa;--card:#fff;--edge:#dfe3e9;--bad:#b3261e;--warn:#8a5a00;--good:#1b6e3c;
--c0:#2563a8;--c1:#c2571a;--c2:#2e7d5b;--c3:#7a4fa3}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#a3adba;--paper:#12161c;--card:#1a2028;--edge:#2d3643;--bad:#ff8a80;--warn:#f0c060;
--good:#7fd6a0;--c0:#6fa8e8;--c1:#f09a60;--c2:#6cc79c;--c3:#bd97e0}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:20px 16px 48px}h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:0 0 8px}
header p{color:var(--soft);margin:2px 0 16px}.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,350px),1fr));gap:16px}
.grid2>section{min-width:0}section{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:14px 16px}section.wide{grid-column:1/-1}
.facts{display:flex;flex-wrap:wrap;gap:12px;margin:0 0 16px;padding:0;list-style:none}
.facts li{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:8px 14px}
.facts b{display:block;font-size:1.2rem;font-variant-numeric:tabular-nums}.facts span{color:var(--soft);font-size:.85rem}
.problems{list-style:none;margin:0 0 16px;padding:0}.problems li{border-left:4px solid var(--warn);background:var(--card);padding:8px 12px;margin-bottom:6px}
.problems li.crit{border-color:var(--bad)}.problems b{color:var(--warn)}.problems .crit b{color:var(--bad)}.fine{color:var(--good)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:5px 16px 5px 0;vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap;border-bottom:1px solid var(--edge)}td{border-bottom:1px solid var(--edge)}
td.number,th.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td code{display:block;min-width:180px;font-size:.85em;overflow-wrap:anywhere}
svg{display:block;width:100%;height:auto}.axis{fill:var(--soft);font-size:12px}.label{fill:var(--ink);font-size:13px}.grid{stroke:var(--edge)}
.line{fill:none;stroke-width:2}.c0{fill:var(--c0);stroke:none}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}
.line.c0{fill:none;stroke:var(--c0)}.line.c1{fill:none;stroke:var(--c1)}.line.c2{fill:none;stroke:var(--c2)}.line.c3{fill:none;stroke:var(--c3)}
.legend{display:flex;flex-wrap:wrap;gap:14px;list-style:none;margin:0 0 6px;padding:0;font-size:.85rem;color:var(--soft)}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}.key.c0{background:var(--c0)}.key.c1{background:var(--c1)}
.key.c2{background:var(--c2)}.key.c3{background:var(--c3)}.none,.note{color:var(--soft);margin:6px 0 0;font-size:.9rem}
"""


@dataclass(frozen=True)
class Column:
    """``unit`` formats a number (see report_scale.quantity); text without one; code for SQL."""

    title: str
    key: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    note: str = ""


@dataclass(frozen=True)
class Lines:
    title: str
    series: Sequence[Series]
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Bars:
    title: str
    bars: Sequence[tuple]
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Page:
    """``facts`` are the few numbers to see first, ``problems`` {severity: warning or critical, message, hint}."""

    title: str
    subtitle: str
    facts: Sequence[tuple]
    problems: Sequence[Mapping[str, str]]
    parts: Sequence[Union[Table, Lines, Bars]]


def render(page: Page) -> str:
    """The whole page. Everything that comes from outside is escaped."""
    facts = "".join(f"<li><b>{escape(value)}</b><span>{escape(name)}</span></li>" for name, value in page.facts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        # Whatever else might be wrong with the page, it cannot run or fetch anything.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<header><h1>{escape(page.title)}</h1><p>{escape(page.subtitle)}</p></header><ul class="facts">{facts}</ul>'
        f'{_problems(page.problems)}<div class="grid2">{"".join(_part(part) for part in page.parts)}</div></main></body></html>\n'
    )


def _problems(problems: Sequence[Mapping[str, str]]) -> str:
    if not problems:
        return '<p class="fine">Nothing needs attention.</p>'
    rows = []
    for one in problems:
        kind = ' class="crit"' if one["severity"] == "critical" else ""
        rows.append(f"<li{kind}><b>{escape(one['severity'])}</b> {escape(one['message'])} {escape(one.get('hint') or '')}</li>")
    return f'<ul class="problems">{"".join(rows)}</ul>'


def _part(part: Union[Table, Lines, Bars]) -> str:
    note = f'<p class="note">{escape(part.note)}</p>' if part.note else ""
    if isinstance(part, Table):
        return f'<section class="wide"><h2>{escape(part.title)}</h2>{_table(part)}{note}</section>'
    drawn = bar_plot(part.title, part.bars, part.unit) if isinstance(part, Bars) else line_plot(part.title, part.series, part.unit)
    return f"<section><h2>{escape(part.title)}</h2>{drawn}{note}</section>"


def _table(table: Table) -> str:
    if not table.rows:
        return '<p class="none">Nothing to show.</p>'
    head = "".join(f"<th{_class(column)}>{escape(column.title)}</th>" for column in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td{_class(column)}>{_cell(row.get(column.key), column)}</td>" for column in table.columns) + "</tr>" for row in table.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _class(column: Column) -> str:
    return ' class="number"' if column.unit and column.unit != "code" else ""


def _cell(value: Any, column: Column) -> str:
    if value is None or value == "":
        return "–"
    if column.unit == "code":
        return f"<code>{escape(str(value))}</code>"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.unit and isinstance(value, (int, float)):
        return escape(quantity(value, column.unit))
    return escape(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
