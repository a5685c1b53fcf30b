"""Rollouts of another program to hand out: a row each, their figures, their texts by problem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.components.words import VERDICT_SIGNS, VERDICT_WORDS
from core.export.document import ChainText, Fact, Handout, ProblemPart, Table
from core.export.figures import Figure
from core.export.inert_json import inert_json
from core.export.of_chains import notices_of
from core.imports.listing import Line, above_tau, checked_correct
from core.imports.questions import around
from core.imports.records import RolloutTable
from core.imports.shapes import described
from core.models.spec import DEMO, ModelSpec
from core.records import Verdict
from core.runs.headline import counted
from core.runs.model_names import model_words
from core.system.percent import percent
from core.system.short_text import short

_MOST_ROWS = 500  # of the table
_MOST_PROBLEMS = 1_000  # that are listed
_MOST_BYTES = 700_000  # of the answers' texts, so that the file stays below 1 MB
_QUESTION = 200  # characters of a question
_ROW = 150  # bytes around a text


def rollouts_handout(
    table: RolloutTable, lines: Sequence[Line], tau: float, spec: ModelSpec | None = None
) -> Handout:
    """The rollouts of a file, as far as they are read and scored.

    Args:
        table: the file.
        lines: of the rollouts to show, in order.
        tau: threshold of forks, nats.
        spec: the model that scored; None where none did.
    """
    scored = sum(line.entropy is not None for line in lines)
    known = spec if scored else None
    problems, left_out = _problems(lines)
    groups = len({each.problem for each in lines})
    what = f"{counted(len(lines), 'rollout')} of {counted(groups, 'problem')}"
    read = "not scored" if known is None else f"{scored:,} scored"
    return Handout(
        kind="Rollouts of a file",
        title=table.name,
        line=f"{what}, {read}",
        model="no model" if known is None else model_words(known.model, known.adapter),
        facts=tuple(_facts(table, tau, known)),
        notices=() if known is None else notices_of(known.model),
        figures=tuple(_figures(lines, tau)),
        tables=(_rows(lines),),
        problems=problems,
        left_out=left_out,
    )


def _facts(table: RolloutTable, tau: float, spec: ModelSpec | None) -> Iterator[Fact]:
    yield "file", table.name
    yield "format", table.kind
    if table.shape:
        yield "form", described(table.shape)
    for role, name in table.mapping.named():
        yield f"field of the {role.replace('_', ' ')}", name
    for note in (*table.notes, *table.warnings):
        yield "to know", note
    if table.refused:
        yield "not read", counted(len(table.refused), table.noun)
    if spec is not None:
        yield "model", model_words(spec.model, None) + ", a teaching model" * (spec.model == DEMO)
        adapter = spec.adapter
        yield "adapter", model_words("", adapter).removeprefix(" + adapter ") if adapter else "none"
        yield "fork", f"entropy above {tau:g} nats"
        yield "entropies", "of this model, which read the rollouts; not of the one that wrote them"


def _figures(lines: Sequence[Line], tau: float) -> Iterator[Figure]:
    if any(line.share is not None for line in lines):
        yield Figure(f"tokens above {tau:g} nats", above_tau(lines))
    correct = checked_correct(lines)
    if correct is not None:
        yield Figure("answers checked correct", correct)


def _rows(lines: Sequence[Line]) -> Table:
    columns = ("row", "problem", "step", "reward", "checked", "tokens", "entropy (nats)",
               "above tau", "its entropy (nats)")  # fmt: skip
    every = [_cells(line) for line in lines[:_MOST_ROWS]]
    filled = [n for n in range(len(columns)) if any(cells[n] for cells in every)]
    more = f"The first {len(every):,} of {len(lines):,}." if len(lines) > len(every) else ""
    return Table(
        "Rollouts",
        tuple(columns[n] for n in filled),
        tuple(tuple(cells[n] for n in filled) for cells in every),
        more,
    )


def _cells(line: Line) -> tuple[str, ...]:
    step = line.rollout.step
    checked = "" if line.verdict in (None, Verdict.NO_GOLD) else VERDICT_WORDS[line.verdict]
    return (
        str(line.rollout.row),
        line.problem,
        "" if step is None else str(step),
        "" if line.reward is None else f"{line.reward:g}",
        checked,
        "" if line.tokens is None else f"{line.tokens:,}",
        "" if line.entropy is None else f"{line.entropy:.3f}",
        "" if line.share is None else percent(line.share),
        "" if line.their_entropy is None else f"{line.their_entropy:.3f}",
    )


def _problems(lines: Sequence[Line]) -> tuple[tuple[ProblemPart, ...], str]:
    """The problems with as many texts as fit, and what is left out."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.problem, []).append(line)
    common = around([line.rollout.question for line in lines], _MOST_BYTES)
    parts, size = [], 0
    for name, group in list(groups.items())[:_MOST_PROBLEMS]:
        part = _part(name, group, common)
        size += sum(len(inert_json(chain.text)) + _ROW for chain in part.chains)
        parts.append(part if size <= _MOST_BYTES else replace(part, chains=()))
    whole = sum(bool(each.chains) for each in parts)
    if whole == len(groups):
        return tuple(parts), ""
    return tuple(parts), (
        f"The answers of {whole:,} of {counted(len(groups), 'problem')} are in this file; more "
        "would make it larger than 1 MB, and token ids without a text are not shown."
    )


def _part(name: str, group: Sequence[Line], common: tuple[str, str]) -> ProblemPart:
    before, after = common
    whole = group[0].rollout.question
    asked = " ".join(whole[len(before) : len(whole) - len(after)].split())
    rewards = [line.reward for line in group if line.reward is not None]
    mean = f", mean reward {sum(rewards) / len(rewards):.3g}" if rewards else ""
    chains = tuple(
        ChainText(_head(line), line.rollout.answer)
        for line in group
        if line.rollout.answer is not None
    )
    gold = next((line.rollout.gold for line in group if line.rollout.gold), "")
    return ProblemPart(
        short(asked, _QUESTION) or f"problem {name}",
        gold or "",
        f"{counted(len(group), 'rollout')}{mean}",
        chains,
    )


def _head(line: Line) -> str:
    words = [f"row {line.rollout.row}"]
    if line.reward is not None:
        words.append(f"reward {line.reward:g}")
    if line.verdict not in (None, Verdict.NO_GOLD):
        words[0] = f"{VERDICT_SIGNS[line.verdict]} {words[0]}"
        words.append(VERDICT_WORDS[line.verdict])
    if line.tokens is not None:
        words.append(counted(line.tokens, "token"))
    if line.entropy is not None:
        words.append(f"mean entropy {line.entropy:.2f} nats")
    return " · ".join(words)
