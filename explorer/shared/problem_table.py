"""The table of a run's problems: question, correct answer, what the samples answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from core.records import Problem, Verdict
from core.stored_chains import StoredChain, StoredProblem
from explorer.components.row_table import (
    Answer,
    AnswerTone,
    Column,
    Filter,
    RichCell,
    RowTable,
    TableRow,
)
from explorer.shared.messages import short

_QUESTION = 300  # characters of a question that are shown and searched
_ANSWER = 24  # characters of an answer
_EACH = 4  # samples whose answers are listed one by one; of more, equal answers are counted
_TONES: dict[Verdict, AnswerTone] = {Verdict.CORRECT: "correct", Verdict.WRONG: "wrong"}
NO_ANSWER = "no answer"


def problem_table(
    table_id: str,
    stored: Sequence[StoredProblem],
    problems: Mapping[str, Problem],
    *,
    filters: Mapping[str, Sequence[str]],
    notes: Mapping[str, RichCell] | None = None,
    note_label: str = "",
    each: bool = False,
) -> RowTable:
    """A row a problem, in the order of the run.

    Args:
        table_id: unique to the run and to what is shown of it.
        stored: the chains.
        problems: by id; one that is missing is shown by its id alone.
        filters: ids of problems by the label of their filter; empty ones are left out.
        notes: a further cell by problem id, in a column called `note_label`.
        each: list every chain's answer, however many there are.
    """
    columns = [
        Column("problem", "Problem", width="minmax(6rem, 2.6fr)"),
        Column("gold", "Expected", width="minmax(4.8rem, 0.8fr)", least=480),
        Column("answers", "Answers", "answers", "minmax(5rem, 2.8fr)", sort=""),
        Column("correct", "Correct", "number", "3.8rem", sort="desc"),
        Column("tokens", "Tokens", "number", "4.2rem", least=420, sort="desc"),
    ]
    if notes is not None:
        columns.insert(3, Column("note", note_label, width="minmax(5rem, 1.2fr)", least=560))
    rows = []
    for found in stored:
        cells = _cells(found, problems.get(found.problem_id), each)
        if notes is not None:
            cells.insert(3, notes.get(found.problem_id, RichCell()))
        rows.append(TableRow(found.problem_id, cells))
    numbers = {found.problem_id: i for i, found in enumerate(stored)}
    shown = [
        Filter(label, label, [numbers[key] for key in ids if key in numbers])
        for label, ids in filters.items()
    ]
    return RowTable(
        id=table_id,
        label="Problems and their answers",
        columns=columns,
        rows=rows,
        filters=[each for each in shown if each.rows],
        search="Search questions and answers",
        steps=True,
    )


def outcome_filters(stored: Sequence[StoredProblem]) -> dict[str, list[str]]:
    """Ids of problems by how often they were answered correctly, and those with chains that were
    cut at the limit of new tokens."""
    several = any(len(found.chains) > 1 for found in stored)
    groups: dict[str, list[str]] = {"always correct" if several else "correct": []}
    if several:
        groups["sometimes"] = []
    groups["never" if several else "wrong"] = []
    groups["cut"] = []
    names = list(groups)
    for found in stored:
        correct, n = found.correct, len(found.chains)
        place = names[0] if correct == n else names[-2] if correct == 0 else "sometimes"
        groups[place].append(found.problem_id)
        if any(chain.cut for chain in found.chains):
            groups["cut"].append(found.problem_id)
    return groups


def answers(chains: Sequence[StoredChain], each: bool = False) -> list[Answer]:
    """What the chains answered, in their order; of many chains, equal answers with the same verdict
    once with their number, the most frequent first."""
    said = [(_tone(chain), answer_text(chain.answer)) for chain in chains]
    if each or len(said) <= _EACH:
        return [Answer(*pair, 1, i) for i, pair in enumerate(said)]
    return [Answer(*pair, count, said.index(pair)) for pair, count in Counter(said).most_common()]


def answer_text(answer: str | None) -> str:
    """An answer in one short line."""
    return NO_ANSWER if answer is None else short(" ".join(answer.split()), _ANSWER)


def _cells(
    found: StoredProblem, problem: Problem | None, each: bool
) -> list[str | RichCell | float | None]:
    question = found.problem_id if problem is None else " ".join(problem.question.split())
    gold = "" if problem is None or problem.answer is None else problem.answer
    n, cut = len(found.chains), sum(chain.cut for chain in found.chains)
    tokens = sum(map(len, found.chains)) / n
    return [
        short(question, _QUESTION),
        short(" ".join(gold.split()), _ANSWER),
        RichCell(answers=answers(found.chains, each)),
        RichCell(f"{found.correct}/{n}", found.correct / n),
        RichCell(f"{tokens:.0f}", tokens, note="cut" if cut else ""),
    ]


def _tone(chain: StoredChain) -> AnswerTone:
    return _TONES.get(chain.verdict, "other")
