"""Rollouts, and the problems they answer, as tables of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from core.entropy import nats_to_bits
from core.imports.listing import Group, Line, by_problem
from core.imports.questions import common_start
from core.records import StopReason, Verdict
from core.system.percent import percent
from explorer.components.row_table import Column, Filter, RichCell, RowTable, TableRow
from explorer.components.row_table.view import Cell, Tone
from explorer.shared.messages import VERDICT_SIGNS, VERDICT_WORDS, short
from explorer.state import Unit

_Item = TypeVar("_Item")

MOST = 20_000
"""Rows of a table, at most: all of them are sent to the browser."""

_TEXT = 300  # characters of a text that are shown and searched
_FEW_STEPS = 50  # training steps that can be chosen one by one
_TONES: dict[Verdict, Tone] = {Verdict.CORRECT: "correct", Verdict.WRONG: "wrong"}


def rollout_table(table_id: str, found: Sequence[Line], unit: Unit) -> RowTable:
    """A row a rollout, in the file's order; columns without a value are left out.

    Args:
        found: `MOST` of them are shown.
    """
    found = found[:MOST]
    steps = {line.rollout.step for line in found}
    common = shared_start(found)
    columns: list[tuple[Column, Callable[[Line], Cell]]] = [
        (_number("row", "Row", "3rem"), lambda line: line.rollout.row),
        (_text("problem", "Problem", 460), lambda line: _question(line, common)),
        (_text("answer", "Answer ends with", 760), lambda line: _ending(line)),
        (_number("step", "Step", "3rem", 560), lambda line: _step(line, steps)),
        (_number("reward", "Reward", "4.2rem"), lambda line: _rounded(line.reward, "g")),
        (Column("verdict", "Checked", width="5rem", least=500), lambda line: _verdict(line)),
        (_number("tokens", "Tokens", "4rem", 420), lambda line: line.tokens),
        (_number("characters", "Chars", "4rem", 420), lambda line: _characters(line)),
        (_number("entropy", "Entropy", "4.4rem"), lambda line: _nats(line.entropy, unit)),
        (_number("share", "Above τ", "4.4rem", 580), lambda line: _share(line.share)),
        (_number("theirs", "Its entropy", "5.4rem", 660),
         lambda line: _nats(line.their_entropy, unit)),
        (_number("their_share", "Its above τ", "5.6rem", 760),
         lambda line: _share(line.their_share)),
    ]  # fmt: skip
    shown = _filled(columns, found)
    names = {column.name for column, _ in shown}
    return RowTable(
        id=table_id,
        label="Rollouts",
        columns=[column for column, _ in shown],
        rows=[
            TableRow(str(number), [cells[number] for _, cells in shown], f"Row {line.rollout.row}")
            for number, line in enumerate(found)
        ],
        filters=_filters(found),
        facets=["step"] if "step" in names and 1 < len(steps) <= _FEW_STEPS else (),
        search="Search problems and answers",
    )


def problems_table(table_id: str, found: Sequence[Line], unit: Unit) -> RowTable:
    """A row a problem, with means over its rollouts."""
    groups, common = by_problem(found)[:MOST], shared_start(found)
    columns: list[tuple[Column, Callable[[Group], Cell]]] = [
        (_text("problem", "Problem"),
         lambda group: _one_line(group.question[common:]) or group.problem),
        (_number("rollouts", "n", "2.6rem"), lambda group: group.count),
        (_number("reward", "Mean reward", "6rem"), lambda group: _rounded(group.reward, ".3g")),
        (Column("rewards", "Rewards", width="4.6rem", least=460), lambda group: _span(group)),
        (_number("tokens", "Tokens", "4rem", 560), lambda group: _rounded(group.tokens, ".0f")),
        (_number("entropy", "Entropy", "4.4rem"), lambda group: _nats(group.entropy, unit)),
        (_number("share", "Above τ", "4.4rem", 600), lambda group: _share(group.share)),
        (_number("theirs", "Its entropy", "5.4rem", 660),
         lambda group: _nats(group.their_entropy, unit)),
    ]  # fmt: skip
    shown = _filled(columns, groups)
    mixed = [n for n, each in enumerate(groups) if each.rewards and len(set(each.rewards)) > 1]
    same = [n for n, each in enumerate(groups) if each.rewards and len(set(each.rewards)) == 1]
    filters = [Filter("mixed", "mixed rewards", mixed), Filter("same", "all the same", same)]
    return RowTable(
        id=table_id,
        label="Problems of the rollouts",
        columns=[column for column, _ in shown],
        rows=[
            TableRow(group.problem, [cells[number] for _, cells in shown])
            for number, group in enumerate(groups)
        ],
        filters=[each for each in filters if each.rows],
        search="Search problems",
    )


def _filled(
    columns: Sequence[tuple[Column, Callable[[_Item], Cell]]], items: Sequence[_Item]
) -> list[tuple[Column, list[Cell]]]:
    """The columns that have a value, and their cells."""
    all_cells = [(column, [read(item) for item in items]) for column, read in columns]
    return [
        (column, cells)
        for column, cells in all_cells
        if any(cell is not None and cell != "" for cell in cells)
    ]


def _filters(found: Sequence[Line]) -> list[Filter]:
    rewards = {line.reward for line in found if line.reward is not None}
    tests: dict[str, Callable[[Line], bool]] = {}
    best, least = max(rewards, default=None), min(rewards, default=None)
    if len(rewards) > 1:
        tests[f"reward {best:g}"] = lambda line: line.reward == best
        tests[f"reward {least:g}"] = lambda line: line.reward == least
        if len(rewards) > 2:
            tests["between"] = lambda line: line.reward not in (None, best, least)
    tests["correct"] = lambda line: line.verdict is Verdict.CORRECT
    tests["wrong"] = lambda line: line.verdict is Verdict.WRONG
    if len(rewards) > 1:
        tests["reward and check differ"] = lambda line: (
            (line.reward == best and line.verdict is Verdict.WRONG)
            or (line.reward == least and line.verdict is Verdict.CORRECT)
        )
    tests["cut"] = lambda line: line.rollout.stop_reason is StopReason.LENGTH
    if any(line.entropy is not None for line in found):
        tests["not scored"] = lambda line: line.entropy is None
    made = [
        Filter(label, label, [n for n, line in enumerate(found) if test(line)])
        for label, test in tests.items()
    ]
    return [each for each in made if each.rows]


def _text(name: str, label: str, least: int = 0) -> Column:
    return Column(name, label, width="minmax(6rem, 2fr)", least=least)


def _number(name: str, label: str, width: str, least: int = 0) -> Column:
    return Column(name, label, "number", width, least, "desc")


def shared_start(found: Sequence[Line]) -> int:
    """How many characters all questions begin with."""
    return common_start({line.rollout.question for line in found})


def _question(line: Line, common: int) -> str:
    return _one_line(line.rollout.question[common:]) or f"problem {line.problem}"


def _ending(line: Line) -> str:
    text = " ".join((line.rollout.answer or "").split())
    return text if len(text) <= _TEXT else "…" + text[1 - _TEXT :]


def _one_line(text: str) -> str:
    return short(" ".join(text.split()), _TEXT)


def _verdict(line: Line) -> Cell:
    if line.verdict is None or line.verdict is Verdict.NO_GOLD:
        return None
    words = f"{VERDICT_SIGNS[line.verdict]} {VERDICT_WORDS[line.verdict]}"
    return RichCell(words, tone=_TONES.get(line.verdict, ""))


def _step(line: Line, steps: Collection[int | None]) -> Cell:
    """Its training step, where the rollouts are not all of one."""
    step = line.rollout.step
    return None if step is None or len(steps) == 1 else RichCell(str(step), step)


def _characters(line: Line) -> Cell:
    return line.characters if line.tokens is None else None


def _nats(value: float | None, unit: Unit) -> Cell:
    if value is None:
        return None
    shown = value if unit == "nats" else nats_to_bits(value)
    return RichCell(f"{shown:.3f}", value)


def _share(value: float | None) -> Cell:
    return None if value is None else RichCell(percent(value), value)


def _rounded(value: float | None, form: str) -> Cell:
    return None if value is None else RichCell(f"{value:{form}}", value)


def _span(group: Group) -> Cell:
    if group.rewards is None:
        return None
    low, high = group.rewards
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
