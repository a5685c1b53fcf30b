"""`fork-explorer words`: which words of a run are forks, and which a teacher changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.files import check_writable, write_result
from core.cli.option_groups import grouped
from core.cli.options import OutputOptions, RemoteCode, RunsDir, path_option
from core.runs.runs_folder import RunsFolder, run_named
from core.system.json_text import json_text
from core.system.percent import percent
from core.system.terminal_text import printable
from core.words.settings import MIN_COUNT

if TYPE_CHECKING:
    from core.statistics import Estimate
    from core.words.table import WordRow, WordTable

_WIDTH = 16  # characters of a word


@dataclass(frozen=True)
class WordOptions:
    """Which words are counted, and how many are shown."""

    tau: Annotated[
        float | None,
        typer.Option(min=0, help="Threshold in nats.", show_default="the run's own"),
    ] = None
    min_count: Annotated[
        int, typer.Option(min=1, help="Leave out words that occur less often.")
    ] = MIN_COUNT
    teacher: Annotated[
        int, typer.Option(min=1, metavar="N", help="Of a comparison: which of its teachers.")
    ] = 1
    top: Annotated[int, typer.Option(min=1, help="Words to print from each end.")] = 15
    csv: Annotated[Path | None, path_option(help="Also write all words to this CSV file.")] = None


@grouped
def words(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or its folder.")],
    wanted: WordOptions,
    runs_dir: RunsDir = None,
    trust_remote_code: RemoteCode = False,
    *,
    output: OutputOptions,
) -> None:
    """Which words (tokens) of a run's chains are forks, and which of them a teacher changes.

    Each word with its count, its mean entropy, the share above tau and, in a comparison, the share
    that the teacher changes and what it changes them to. Words are ordered by a mean shrunk
    towards that of all tokens, so that a word seen three times doesn't lead.
    """
    from core.models.tokenizer_text import load_token_text
    from core.runs.models import read_model
    from core.words.of_run import words_of_run

    for path in (output.out, wanted.csv):
        check_writable(path)
    chosen = run_named(run, RunsFolder(runs_dir))
    spec = replace(read_model(chosen.config.model), trust_remote_code=trust_remote_code)
    found = words_of_run(
        chosen,
        load_token_text(spec),
        tau=wanted.tau,
        min_count=wanted.min_count,
        teacher=wanted.teacher - 1,
    )
    if wanted.csv is not None:
        import pandas as pd

        pd.DataFrame(found.to_rows()).to_csv(wanted.csv, index=False)
    write_result(json_text(found.to_json()), output.as_json, output.out)
    if not output.as_json:
        _show(found, wanted.top)


def _show(found: WordTable, top: int) -> None:
    from core.words.table import PRIOR

    print(
        f"{found.tokens:,} tokens of {found.problems:,} problems, {found.words:,} different words; "
        f"{found.left_out:,} of them occur fewer than {found.min_count} times and are left out"
    )
    print(
        f"mean entropy {found.mean_entropy:.3f} nats; 95 % intervals over problems; ordered by the "
        f"mean with {PRIOR} more occurrences at that of all tokens"
    )
    _part("Highest entropy", found.highest(top), lambda each: _uncertain(each, found.tau))
    _part("Lowest entropy", found.lowest(top), lambda each: _uncertain(each, found.tau))
    if found.teacher is None or found.changed_share is None:
        return
    print(printable(f"Teacher {found.teacher}: {percent(found.changed_share, 2)} of tokens change"))
    _part("Changed most often", found.most_changed(top), _changed)


def _part(title: str, rows: Sequence[WordRow], facts: Callable[[WordRow], str]) -> None:
    print(f"{title}{'' if rows else ': none'}")
    for each in rows:
        print(f"  {printable(each.text):{_WIDTH}} {each.count:6,} x  {facts(each)}")


def _uncertain(each: WordRow, tau: float) -> str:
    return f"{_amount(each.entropy)} nats, {_share(each.above)} above {tau:g}"


def _changed(each: WordRow) -> str:
    assert each.changed is not None
    assert each.replacement is not None
    other = each.replacement
    return f"{_share(each.changed)} changed, most often to {other.text} ({other.count} x)"


def _amount(found: Estimate) -> str:
    return f"{found.value:.3f} {found.brackets()}"


def _share(found: Estimate) -> str:
    return f"{percent(found.value)} [{percent(found.low)}, {percent(found.high)}]"
