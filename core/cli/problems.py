"""`fork-explorer problems`: shows a problem file, and writes it as JSON lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.files import say, say_doubts
from core.cli.option_groups import grouped
from core.cli.options import AsJson, Sample, path_option
from core.system.json_text import json_text
from core.system.short_text import short
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.problems.table import ColumnMapping, ProblemTable, Rows
    from core.records import Problem

_SHOWN = 3  # problems
_SHOWN_CHARS = 5_000  # of a question


@dataclass(frozen=True)
class _HubOptions:
    hub: Annotated[bool, typer.Option("--hub", help="FILE is a dataset of the hub.")] = False
    split: Annotated[str, typer.Option(help='Of the dataset; a part of it is "train[:500]".')] = (
        "test"
    )
    config: Annotated[str | None, typer.Option(help="Subset of the dataset.")] = None
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of the dataset.")] = (
        None
    )

    def rows(self, source: str) -> Rows:
        """The rows of a file, or with --hub of a dataset.

        Raises:
            ProblemError: as `read_hub_rows` or `read_rows`.
        """
        from core.problems.hub import read_hub_rows
        from core.problems.problem_sets import problem_file
        from core.problems.reading import read_rows

        if not self.hub:
            return read_rows(problem_file(source))
        return read_hub_rows(source, self.split, self.config, self.revision)


@dataclass(frozen=True)
class _ColumnOptions:
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE=COLUMN,...",
            help="Columns, where the guess is wrong: question, answer, choices, id, "
            "source or family; nothing after = is none, question=Body+Question joins two, and "
            "reward_model.ground_truth is a value inside one. gold=written, hashes, box, list or "
            "unit says how the answer is written in its cell, gold=label, from0, from1 or text how "
            "it names a choice; join=space, line or blank what separates joined columns.",
        ),
    ] = None
    question: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="The question's column; given again, joined in that order."
        ),
    ] = None
    answer: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column of the gold answer.")
    ] = None
    choices: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="A column with the choices, or one choice each time it is given."
        ),
    ] = None

    def mapping(self, rows: Rows) -> ColumnMapping | None:
        """The guessed columns with the given ones; None where none is given.

        Raises:
            ProblemError: as `given_columns`.
        """
        from core.cli.problem_columns import given_columns

        return given_columns(rows, self.columns, self.question, self.answer, self.choices)


@grouped
def problems(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A JSONL, JSON, CSV, TSV or Parquet file, or the name of a set: demo, demo-train, "
            "word-problems, word-problems-train; with --hub, a dataset.",
        ),
    ],
    origin: _HubOptions,
    columns: _ColumnOptions,
    sample: Sample = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample.")] = 0,
    out: Annotated[
        Path | None, path_option(help="Write the problems to this file, as JSON lines.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a problem file holds: its shape, its columns, the rows that are left out.

    --out writes the problems in the explorer's own format, in which nothing has to be guessed.
    """
    from core.problems.conversion import make_table
    from core.problems.problem_sets import chosen_problems, write_problems

    rows = origin.rows(source)
    found = make_table(rows, columns.mapping(rows))
    chosen = list(chosen_problems(found.problems, sample, seed))
    if out is not None:
        write_problems(out, chosen)
    if as_json:
        print(_json(rows.name, found, chosen))
        return
    _show(rows.name, found, chosen)
    say_doubts(found, rows.name)
    if out is not None:
        say(f"Problems written to {out}: {len(chosen):,}.")


def _json(name: str, found: ProblemTable, chosen: list[Problem]) -> str:
    record = {
        "name": name,
        "kind": found.kind,
        "shape": found.shape,
        "columns": found.columns,
        "mapping": asdict(found.mapping),
        "notes": found.notes,
        "warnings": found.warnings,
        "refused": [asdict(refusal) for refusal in found.refused],
        "problems": [asdict(problem) for problem in chosen],
    }
    return json_text(record)


def _show(name: str, found: ProblemTable, chosen: list[Problem]) -> None:
    from core.problems.paths import steps
    from core.problems.shapes import described

    shape = f", in {described(found.shape)}" if found.shape else ""
    count = len(found.problems)
    print(printable(f"{name}: {found.kind} with {count:,} problem{'s' * (count != 1)}{shape}"))
    roles = found.mapping.columns()
    how = {
        "question": f", joined by {found.mapping.join}" * (len(found.mapping.question) > 1),
        "answer": f", {found.mapping.gold}",
    }
    for role, names in roles.items():
        print(printable(f"  {role:9} {' + '.join(names)}{how.get(role, '')}"))
    used = {steps(name, found.columns)[0] for names in roles.values() for name in names}
    others = [name for name in found.columns if name not in used]
    if others:
        print(printable(f"  not used  {', '.join(others)}"))
    for note in found.notes:
        print(printable(f"  note      {note}"))
    for problem in chosen[:_SHOWN]:
        _show_problem(problem)
    if len(chosen) > _SHOWN:
        print(f"  and {len(chosen) - _SHOWN:,} more")


def _show_problem(problem: Problem) -> None:
    """Print the question as it will be asked, and the gold answer."""
    answer = "no answer" if problem.answer is None else _short(problem.answer)
    first, *more = problem.question[:_SHOWN_CHARS].split("\n")
    lines = [f"- {problem.id}: {first}", *(f"  {line}".rstrip() for line in more)]
    left = len(problem.question) - _SHOWN_CHARS
    if left > 0:
        lines[-1] += f"… and {left:,} characters more"
    if more:
        lines.append("  ->")
    else:
        lines[-1] += " ->"
    lines[-1] += f" {answer}"
    print("\n".join(map(printable, lines)))


def _short(text: str) -> str:
    return short(" ".join(text.split()), 100)
