"""`fork-explorer paper-table`: Table 3 of the paper, beside a fine-tune of your own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.files import check_writable, write_result
from core.cli.option_groups import grouped
from core.cli.options import OutputOptions, RunsDir
from core.errors import RunError
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder, run_named
from core.system.json_text import json_text
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.reasonmaxxer.results import TrainingResults

_BASE, _METHOD, _FIGURE = 20, 24, 7  # characters


@grouped
def paper_table(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Id or folder of a finished fine-tune of yours."),
    ] = None,
    base: Annotated[str | None, typer.Option(help="Only this base, such as Qwen2.5-1.5B.")] = None,
    usd_per_hour: Annotated[
        float | None,
        typer.Option(min=0, help="What your machine costs.", show_default="the run's own"),
    ] = None,
    runs_dir: RunsDir = None,
    *,
    output: OutputOptions,
) -> None:
    """Table 3 of arXiv:2605.06241: eight bases, thirty rows, six benchmarks, dollars.

    With a fine-tune, its own accuracy and cost stand above the paper's. Other models and problems
    can't be compared with the paper's.
    """
    from core.evaluation.benchmarks import BENCHMARKS
    from core.reasonmaxxer.paper_table import PAPER_RATES, paper_rows

    check_writable(output.out)
    every = paper_rows()
    names = list(dict.fromkeys(row.base for row in every))
    if base is not None and base not in names:
        raise RunError(f"The table has no base {base}.", f"Name one of {', '.join(names)}.")
    rows = [row for row in every if base in (None, row.base)]
    own = None if run is None else _own(run_named(run, RunsFolder(runs_dir)), usd_per_hour)
    record: dict[str, Any] = {"source": "arXiv:2605.06241, Table 3", "rates": PAPER_RATES}
    record["rows"] = [row.to_json() for row in rows]
    if own is not None:
        record["own"] = {
            "before": own.before.to_json()["pass_at_k"][0]["estimate"],
            "after": own.after.to_json()["pass_at_k"][0]["estimate"],
            "cost": own.cost.to_json(),
        }
    write_result(json_text(record), output.as_json, output.out)
    if output.as_json:
        return
    if own is not None:
        _show_own(own)
    titles = [*(each.title for each in BENCHMARKS.values()), "average", "US$"]
    widths = [max(len(each), _FIGURE) for each in titles]
    _line("base", "method", titles, widths)
    for row in rows:
        figures = [f"{100 * row.accuracy[key]:.1f}" for key in BENCHMARKS]
        dollars = "" if row.usd is None else f"{row.usd:,.0f}"
        _line(row.base, row.method, [*figures, f"{100 * row.average:.1f}", dollars], widths)
    print(
        "Percent correct: pass@1, AIME24 and AMC23 avg@8 (arXiv:2605.06241, Table 3; none was "
        f"measured here). At {PAPER_RATES}."
    )


def _own(run: Run, usd_per_hour: float | None) -> TrainingResults:
    """The results of a finished fine-tune, at the given rate.

    Raises:
        RunError: another kind of run, or one that isn't finished.
    """
    from core.reasonmaxxer.task import TRAIN

    found = TRAIN.results_of(run) if run.config.task == TRAIN.name else None
    if found is None:
        raise RunError(
            f"The run {run.id} is not a finished fine-tune.", "Give one, or leave the run out."
        )
    if usd_per_hour is None:
        return found
    return replace(found, cost=replace(found.cost, usd_per_hour=usd_per_hour))


def _show_own(own: TrainingResults) -> None:
    found, cost = own.comparison, own.cost
    for name, each in (("before", found.before), ("after", found.after)):
        print(
            f"yours, {name}: {100 * each.value:.1f} % {each.brackets(1, scale=100)}, n = {each.n}"
        )
    print(
        f"yours, cost: {cost.usd:,.4f} dollars, {cost.total_seconds:,.0f} s at "
        f"{cost.usd_per_hour:g} an hour"
    )


def _line(base: str, method: str, figures: list[str], widths: list[int]) -> None:
    cells = "".join(f" {each:>{w}}" for each, w in zip(figures, widths, strict=True))
    print(printable(f"{base:{_BASE}}{method:{_METHOD}}{cells}").rstrip())
