"""`check`: an answer against a gold answer, and why it is right or wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from core.cli.files import check_writable, write_out
from core.cli.option_groups import grouped
from core.cli.options import OutputOptions
from core.errors import ProblemError
from core.system.json_text import json_text
from core.system.terminal_text import printable


@grouped
def check(
    text: Annotated[str, typer.Argument(help="A whole completion, or an answer alone.")],
    gold: Annotated[str, typer.Option(help="The gold answer.")],
    alone: Annotated[
        bool, typer.Option("--alone", help="TEXT is the answer; don't look for one in it.")
    ] = False,
    *,
    output: OutputOptions,
) -> None:
    """Check an answer: where it was found, how it was read, which rule decided."""
    from core.answers import default_checker
    from core.records import Outcome

    if not gold.strip():
        raise ProblemError("The gold answer is empty.", "Give one with --gold.")
    check_writable(output.out)
    checker = default_checker()
    if alone:
        why = checker.explain(text, gold)
        outcome = Outcome(text, checker.check(text, gold), False, explanation=why)
    else:
        outcome = checker.judge(text, gold)
        assert outcome.explanation is not None
        why = outcome.explanation
    record = {
        "answer": outcome.answer,
        "verdict": str(outcome.verdict),
        "boxed": outcome.boxed,
        "explanation": why.to_json(),
    }
    line = json_text(record)
    if output.as_json:
        print(line)
    else:
        print(printable(f"-> {outcome.answer} ({outcome.verdict})"))
        if why.place:
            where = f", characters {why.span[0]} to {why.span[1] - 1}" if why.span else ""
            print(f"found: {why.place}{where}")
        print(printable(f"read as: {why.answer_form or 'not understood'}"))
        print(printable(f"gold answer: {why.gold_form or 'not understood'}"))
        print(printable(f"decided by: {why.rule}"))
    write_out(output.out, line + "\n")
