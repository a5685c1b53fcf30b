"""A report of claims in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.claims.report import AGAIN, Report, RowFacts

_SIGNS = re.compile(r"([\\`*_{}\[\]#|<>~$&])")


def markdown_report(report: Report) -> str:
    """The report as a Markdown document; text from files and people is escaped."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_plain(report.title)}"
    yield ""
    for label, value in report.facts:
        shown = _code(value) if label == AGAIN else _plain(value)
        yield f"- {label}: {shown}"
    for notice in report.notices:
        yield ""
        yield _plain(notice)
    for title, address, rows in report.papers:
        yield ""
        yield f"## {_plain(title)}"
        yield ""
        yield f"<{address}>"
        yield ""
        yield "| claim | the paper | measured here | control | verdict | run |"
        yield "|---|---|---|---|---|---|"
        for row in rows:
            yield _row(row)
    if not report.runs:
        return
    yield ""
    yield "## Runs"
    for run in report.runs:
        yield ""
        yield f'<a id="{_anchor(run.id)}"></a>**{_plain(run.id)}**: {_plain(run.title)}'
        yield ""
        if run.command:
            yield f"- command: {_code(run.command)}"
        for label, value in run.facts:
            yield f"- {label}: {_code(value) if label == 'settings' else _plain(value)}"


def _row(row: RowFacts) -> str:
    measured = "<br>".join(_plain(each) for each in row.measured)
    more = "<br>".join(_plain(each) for each in row.more)
    cells = (
        f"**{_plain(row.sentence)}**<br>`{row.id}`",
        f"{_plain(row.stated)} ({_plain(row.where)})",
        "<br>".join(filter(None, (measured, more))),
        _plain(row.control),
        _plain(row.verdict),
        ", ".join(f"[{_plain(each)}](#{_anchor(each)})" for each in row.runs),
    )
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Inline code, whatever the text."""
    line = " ".join(text.split())
    longest = max((len(each) for each in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def _anchor(run_id: str) -> str:
    return "run-" + re.sub(r"[^A-Za-z0-9_.-]", "-", run_id)
