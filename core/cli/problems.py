"""`fork-explorer problems`: what a problem file holds, and the same as JSON lines."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import AsJson, Sample, path_option
from core.cli.output import say
from core.cli.problem_files import say_refused
from core.errors import ProblemError
from core.printable_text import printable

if TYPE_CHECKING:
    from core.problem_files.table import ColumnMapping, ProblemTable, Rows
    from core.records import Problem

_SHOWN = 3  # problems


def problems(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A JSONL, JSON, CSV, TSV or Parquet file; with --hub, a dataset."
        ),
    ],
    hub: Annotated[bool, typer.Option("--hub", help="FILE is a dataset of the hub.")] = False,
    split: Annotated[
        str, typer.Option(help='Of the dataset; a part of it is "train[:500]".')
    ] = "test",
    config: Annotated[str | None, typer.Option(help="Subset of the dataset.")] = None,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit of the dataset.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE=COLUMN,...",
            help="What the columns are, where the guess is wrong: question, answer, id, source, "
            "family or context; nothing after = is none. gold=written, hashes, box or list says "
            "where in its cell the answer stands.",
        ),
    ] = None,
    sample: Sample = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample.")] = 0,
    out: Annotated[
        Path | None, path_option(help="Write the problems to this file, as JSON lines.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a problem file holds: its shape, its columns, the rows that are no problem.

    Whatever it is, --out writes it in the explorer's own form, in which nothing has to be guessed.
    """
    from core.problem_files.conversion import make_table
    from core.problem_files.hub import read_hub_rows
    from core.problem_files.reading import read_rows
    from core.problems import chosen_problems, write_problems

    rows = read_hub_rows(source, split, config, revision) if hub else read_rows(source)
    found = make_table(rows, None if columns is None else _columns(rows, columns))
    chosen = list(chosen_problems(found.problems, sample, seed))
    if out is not None:
        write_problems(out, chosen)
    if as_json:
        print(_json(rows.name, found, chosen))
        return
    _show(rows.name, found, chosen)
    say_refused(found, rows.name)
    if out is not None:
        say(f"Problems written to {out}: {len(chosen):,}.")


def _columns(rows: Rows, given: str) -> ColumnMapping:
    """The guessed columns with what a person gave.

    Raises:
        ProblemError: a role that isn't there, or no question.
    """
    from core.problem_files.columns import with_guessed_gold
    from core.problem_files.conversion import guess
    from core.problem_files.table import COLUMN_ROLES, ColumnMapping, Gold

    golds = dict(zip(("written", "hashes", "box", "list"), Gold, strict=True))
    _, guessed = guess(rows)
    changes: dict[str, str | None] = {}
    gold: Gold | None = None
    for each in given.split(","):
        role, _, column = (part.strip() for part in each.partition("="))
        if role == "gold" and column in golds:
            gold = golds[column]
        elif role in COLUMN_ROLES:
            changes[role] = column or None
        else:
            raise ProblemError(
                f"--columns does not know {each.strip()!r}.",
                f"Write ROLE=COLUMN, a role being one of {', '.join(COLUMN_ROLES)}, or "
                f"gold={', gold='.join(golds)}.",
            )
    mapping = replace(guessed or ColumnMapping(None), **changes)  # type: ignore[arg-type]
    if gold is not None:
        return replace(mapping, gold=gold)
    return with_guessed_gold(rows, mapping) if "answer" in changes else mapping


def _json(name: str, found: ProblemTable, chosen: list[Problem]) -> str:
    record = {
        "name": name,
        "kind": found.kind,
        "shape": found.shape,
        "columns": found.columns,
        "mapping": asdict(found.mapping),
        "refused": [asdict(refusal) for refusal in found.refused],
        "problems": [asdict(problem) for problem in chosen],
    }
    return json.dumps(record, ensure_ascii=False)


def _show(name: str, found: ProblemTable, chosen: list[Problem]) -> None:
    from core.problem_files.shapes import described
    from core.problem_files.table import COLUMN_ROLES

    shape = f", in {described(found.shape)}" if found.shape else ""
    count = len(found.problems)
    print(printable(f"{name}: {found.kind} with {count:,} problem{'s' * (count != 1)}{shape}"))
    for role in COLUMN_ROLES:
        column = getattr(found.mapping, role)
        if column is not None:
            how = f", {found.mapping.gold}" if role == "answer" else ""
            print(printable(f"  {role:9} {column}{how}"))
    others = [name for name in found.columns if name not in vars(found.mapping).values()]
    if others:
        print(printable(f"  not used  {', '.join(others)}"))
    for problem in chosen[:_SHOWN]:
        answer = "no answer" if problem.answer is None else problem.answer
        print(printable(f"- {problem.id}: {_short(problem.question)} -> {_short(answer)}"))
    if len(chosen) > _SHOWN:
        print(f"  and {len(chosen) - _SHOWN:,} more")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else text[:99] + "…"
