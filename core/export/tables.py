"""What is handed out as Markdown, and its tables as LaTeX."""

from __future__ import annotations

import re

import pandas as pd

from core.export.document import Handout, Table

_MARKS = "\\`*_{}[]<>#|~$!&"
_LIST = re.compile(r"^(\d*)([-+=.)])")  # what begins a list, or makes a heading of the line before
_LATEX = {
    "␣": r"\textvisiblespace{}",
    "↵": r"$\hookleftarrow$",
    "⇥": r"$\to$",
    "→": r"$\to$",
    "✓": r"\checkmark{}",
    "✗": r"$\times$",
    "−": "$-$",
    "–": "--",
    "…": r"\ldots{}",
    "τ": r"$\tau$",
    "•": r"$\bullet$",
}
_LATEX_HEAD = "% Needs \\usepackage{booktabs,amssymb}; other scripts need XeLaTeX or LuaLaTeX."


def all_tables(handout: Handout) -> list[Table]:
    """The tables with rows, the figures first."""
    rows = tuple(
        (each.name, each.value, each.interval, f"{each.estimate.n:,}") for each in handout.figures
    )
    figures = Table("All figures", ("figure", "value", "95 % interval", "n"), rows)
    return [each for each in (figures, *handout.tables) if each.rows]


def markdown(handout: Handout) -> str:
    """Title, result, notes, tables and facts; every text is escaped."""
    lines = [f"# {_md(handout.title)}", "", f"{_md(handout.kind)} · {_md(handout.model)}", ""]
    for notice in handout.notices:
        lines += [f"> {_md(notice)}", ""]
    if handout.question:
        gold = f" (correct answer: {_md(handout.gold)})" if handout.gold else ""
        lines += [f"{_md(handout.question)}{gold}", ""]
    lines += [_md(handout.line), ""]
    for chain in handout.chains[:1]:
        lines += [_md("".join(chain.view.tokens)), ""]
    if handout.notes:
        lines += ["## Notes", ""]
    for each in handout.notes:
        place = [f"**{_md(each.place)}**  "] if each.place else []
        lines += [*place, *(f"{_md(line)}  " for line in each.said.splitlines()), ""]
    for table in all_tables(handout):
        lines += [f"## {_md(table.caption)}", "", *_md_rows(table), ""]
        lines += [_md(table.note), ""] if table.note else []
    lines += ["## How this was made", "", *_md_rows(Table("", ("what", "value"), handout.facts))]
    return "\n".join(lines) + "\n"


def latex(handout: Handout) -> str:
    """The tables and notes, each as a `table` with booktabs; every text is escaped."""
    said = tuple((n.place, n.said) for n in handout.notes)
    notes = Table("Notes", ("on", "note"), said, widths=(0.2, 0.7))
    facts = Table("How this was made", ("what", "value"), handout.facts)
    texts = [_latex(notes)] if notes.rows else []
    return "\n".join((_LATEX_HEAD, *map(_latex, all_tables(handout)), *texts, _latex(facts)))


def _md(text: str) -> str:
    one_line = " ".join(text.split())
    escaped = "".join(f"\\{sign}" if sign in _MARKS else sign for sign in one_line)
    return _LIST.sub(lambda found: f"{found[1]}\\{found[2]}", escaped)


def _md_rows(table: Table) -> list[str]:
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    return [
        "| " + " | ".join(cell if cell == "---" else _md(cell) for cell in line) + " |"
        for line in lines
    ]


def _latex(table: Table) -> str:
    columns = "".join(rf"p{{{each:g}\linewidth}}" for each in table.widths) or None
    rows = [[" ".join(cell.split()) for cell in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=list(table.columns), dtype=object)
    caption = _escaped(f"{table.caption}. {table.note}" if table.note else table.caption)
    text = str(
        frame.to_latex(
            index=False, escape=True, caption=caption, position="ht", column_format=columns
        )
    )
    for sign, command in _LATEX.items():
        text = text.replace(sign, command)
    return text


def _escaped(text: str) -> str:
    """A caption, escaped as pandas escapes a cell."""
    lines = pd.DataFrame([[text]]).to_latex(index=False, header=False, escape=True).split("\n")
    return next(line for line in lines if line.endswith(r" \\")).removesuffix(r" \\")
