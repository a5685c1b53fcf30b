"""Rollouts as a table in a terminal: one a line, or one problem a line."""

from __future__ import annotations

from collections.abc import Sequence

from core.imports.listing import Group, Line, by_problem
from core.records import Verdict
from core.system.short_text import short
from core.system.terminal_text import printable

_QUESTION = 60  # characters
_HEADINGS = {
    "row": "row",
    "problem": "problem",
    "step": "step",
    "reward": "reward",
    "tokens": "tokens",
    "characters": "chars",
    "their_entropy": "their H",
    "their_share": "their % > tau",
    "entropy": "H",
    "share": "% > tau",
    "verdict": "verdict",
}


def show(chosen: Sequence[Line], grouped: bool, most: int, tau: float) -> None:
    """Print the lines, or with `grouped` one a problem; at most `most`."""
    rows = list(map(_group_cells, by_problem(chosen)) if grouped else map(_cells, chosen))
    _print_table(rows[:most])
    if len(rows) > most:
        print(f"and {len(rows) - most:,} more")
    if any(line.entropy is not None or line.their_entropy is not None for line in chosen):
        print(f'H: mean entropy, nats; tau is {tau:g} nats; "their" is of the file.')


def _cells(line: Line) -> dict[str, str]:
    step = line.rollout.step
    found = {
        "row": str(line.rollout.row),
        "problem": line.problem,
        "step": "" if step is None else str(step),
        "reward": _number(line.reward),
        "tokens": "" if line.tokens is None else str(line.tokens),
        "characters": str(line.characters) if line.tokens is None else "",
        "their_entropy": _number(line.their_entropy, 3),
        "their_share": _percent(line.their_share),
        "entropy": _number(line.entropy, 3),
        "share": _percent(line.share),
        "verdict": "" if line.verdict in (None, Verdict.NO_GOLD) else str(line.verdict),
    }
    return {_HEADINGS[name]: cell for name, cell in found.items()} | {
        "answer": _short(line.rollout.answer or "")
    }


def _group_cells(group: Group) -> dict[str, str]:
    low, high = group.rewards or (None, None)
    return {
        "problem": group.problem,
        "rollouts": str(group.count),
        "reward": _number(group.reward, 3),
        "from": _number(low),
        "to": _number(high),
        "tokens": _number(group.tokens, 1),
        "their H": _number(group.their_entropy, 3),
        "H": _number(group.entropy, 3),
        "% > tau": _percent(group.share),
        "question": _short(group.question),
    }


def _print_table(rows: Sequence[dict[str, str]]) -> None:
    """Columns with something in them; numbers on the right, texts on the left."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    left = ("answer", "question", "problem", "verdict")

    def line(cells: dict[str, str]) -> str:
        return "  ".join(
            cells[name].ljust(widths[name]) if name in left else cells[name].rjust(widths[name])
            for name in names
        ).rstrip()

    for cells in ({name: name for name in names}, *rows) if rows else ():
        print(line(cells))


def _number(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if digits is None else f"{value:.{digits}f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _short(text: str) -> str:
    return short(printable(" ".join(text.split())), _QUESTION)
