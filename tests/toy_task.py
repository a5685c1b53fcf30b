"""A run that squares numbers, one a unit: `python tests/toy_task.py toy --run DIR`.

Tests steer its process through the environment: TOY_HOLD_AT names a unit that never ends,
TOY_GATE a file without which the process does not even begin, TOY_LOCK_SECONDS how long it waits
for the run's lock.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import typer

import core.runs.context
from core.cli import app, main
from core.cli.option_groups import grouped
from core.cli.options import OutputOptions, RunOptions
from core.cli.run_command import long_work
from core.errors import ModelError
from core.kinds import KINDS, KindEntry
from core.runs.config import RunPlan
from core.runs.context import Cancelled, RunContext


def square_numbers(work: RunContext) -> None:
    """The task."""
    settings = work.run.config.settings
    numbers, breaks = settings["numbers"], settings.get("breaks")
    for number in range(numbers):
        work.report(number, numbers, f"squaring {number}", "numbers")
        if str(number) in work.finished:
            continue
        if work.stop.requested:
            raise Cancelled
        while os.environ.get("TOY_HOLD_AT") == str(number):
            if work.stop.overdue():
                raise Cancelled
            time.sleep(0.005)
        if breaks == number:
            raise ZeroDivisionError("a bug")
        if settings.get("refuses") == number:
            raise ModelError("The model is tired.", "Let it rest.")
        result = {"square": number**2, "ballast": "x" * settings.get("ballast", 0)}
        work.keep(str(number), result)
    work.report(numbers, numbers, "squaring", "numbers")
    units = work.run.units()
    squares = {str(number): units[str(number)]["square"] for number in range(numbers)}
    work.write("results.json", json.dumps({"squares": squares, "seed": work.run.config.seed}))


# Its place is never loaded: a `RunKind` would bring torch into each of its processes.
KINDS["toy"] = KindEntry("Squares", "evaluate", "toy_task:square_numbers")


@app.command()
@grouped
def toy(
    ctx: typer.Context,
    numbers: int = 5,
    seed: int = 0,
    *,
    run: RunOptions,
    output: OutputOptions,
) -> None:
    """Square numbers."""

    def prepare() -> RunPlan:
        return RunPlan(settings={"numbers": numbers}, model={"model": "none"}, seed=seed)

    def show(results: Any) -> None:
        print(f"{len(results['squares'])} squares")

    long_work(ctx, square_numbers, prepare, run=run, output=output, show=show)


if __name__ == "__main__":
    gate = os.environ.get("TOY_GATE")
    while gate and not Path(gate).exists():
        time.sleep(0.005)
    core.runs.context._LOCK_SECONDS = float(os.environ.get("TOY_LOCK_SECONDS", "5"))
    main()
