"""A report of claims as one HTML file, light and dark, that prints."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from core.claims.report import Report, RowFacts, RunFacts

_STYLE = """
:root { color-scheme: light dark; --line: #d0d4da; --quiet: #5b6470; --page: #fff; --text: #1b1f24;
  --holds: #1a7f37; --fails: #b42318; --unclear: #8a5a00; --not: #5b6470; --soft: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --line: #3a4048; --quiet: #a3acb8; --page: #14171b;
  --text: #e8eaed; --holds: #5fd07f; --fails: #ff8f85; --unclear: #e3b341; --not: #a3acb8;
  --soft: #1d2126; } }
body { margin: 2rem auto; max-width: 74rem; padding: 0 1rem; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
a { color: inherit; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 56rem; }
th, td { border-top: 1px solid var(--line); padding: .5rem .6rem; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; }
th { color: var(--quiet); font-weight: 500; }
td p { margin: 0 0 .3rem; } .quiet { color: var(--quiet); font-size: .9em; }
.verdict { font-weight: 600; white-space: nowrap; }
.holds { color: var(--holds); } .fails { color: var(--fails); } .unclear { color: var(--unclear); }
.not { color: var(--not); }
.notice { background: var(--soft); border-left: 3px solid var(--line); padding: .5rem .8rem; }
code { overflow-wrap: anywhere; font-size: .9em; }
section.run { border-top: 1px solid var(--line); padding: .6rem 0; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } table { min-width: 0; }
  tr, section.run { break-inside: avoid; } }
"""
_CLASSES = {"✓": "holds", "✗": "fails", "?": "unclear"}


def html_report(report: Report) -> str:
    """The report as an HTML page without anything from outside; all text is escaped."""
    title = html.escape(report.title)
    body = "\n".join(_parts(report))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _parts(report: Report) -> Iterator[str]:
    yield f"<h1>{html.escape(report.title)}</h1>"
    yield _list(report.facts)
    for notice in report.notices:
        yield f'<p class="notice">{html.escape(notice)}</p>'
    for title, address, rows in report.papers:
        yield f'<h2><a href="{html.escape(address)}">{html.escape(title)}</a></h2>'
        yield '<div class="wide"><table><thead><tr>'
        for head in ("claim", "the paper", "measured here", "control", "verdict", "run"):
            yield f'<th scope="col">{head}</th>'
        yield "</tr></thead><tbody>"
        yield from map(_row, rows)
        yield "</tbody></table></div>"
    if report.runs:
        yield "<h2>Runs</h2>"
        yield from map(_run, report.runs)


def _row(row: RowFacts) -> str:
    measured = "".join(f"<p>{html.escape(each)}</p>" for each in row.measured)
    more = "".join(f'<p class="quiet">{html.escape(each)}</p>' for each in row.more)
    runs = ", ".join(f'<a href="#{_anchor(each)}">{html.escape(each)}</a>' for each in row.runs)
    kind = _CLASSES.get(row.verdict[:1], "not")
    return (
        f'<tr id="{_anchor(row.id)}"><td><p><strong>{html.escape(row.sentence)}</strong></p>'
        f'<p class="quiet">{html.escape(row.id)}</p></td>'
        f'<td><p>{html.escape(row.stated)}</p><p class="quiet">{html.escape(row.where)}</p></td>'
        f"<td>{measured}{more}</td><td>{html.escape(row.control)}</td>"
        f'<td class="verdict {kind}">{html.escape(row.verdict)}</td><td>{runs}</td></tr>'
    )


def _run(run: RunFacts) -> str:
    command = f"<p><code>{html.escape(run.command)}</code></p>" if run.command else ""
    return (
        f'<section class="run" id="{_anchor(run.id)}"><strong>{html.escape(run.id)}</strong> '
        f'<span class="quiet">{html.escape(run.title)}</span>{command}{_list(run.facts)}</section>'
    )


def _list(facts: tuple[tuple[str, str], ...]) -> str:
    inner = "".join(
        f"<dt>{html.escape(label)}</dt><dd>{html.escape(value)}</dd>" for label, value in facts
    )
    return f"<dl>{inner}</dl>"


def _anchor(name: str) -> str:
    return "to-" + re.sub(r"[^A-Za-z0-9_.-]", "-", name)
