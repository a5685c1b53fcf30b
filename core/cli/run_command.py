"""Shared by all commands that are runs: where the run is kept, and how it ends.

Without --run it gets a new folder in the runs folder. With --run it is the prepared run there
(that is how the page starts it), the run to continue (--resume), or a new one in that folder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import typer

from core.cli.files import check_writable, say, write_result
from core.cli.option_groups import was_given
from core.cli.options import ModelOptions, OutputOptions, RunOptions
from core.errors import RunError
from core.kinds import kind_entry
from core.models.spec import DEMO, DEMO_NOTICE
from core.runs.config import RunPlan
from core.runs.context import CANCELLED, DONE, RunContext, carry_out
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.system.json_text import json_text
from core.system.project_root import project_root

RESULTS = "results.json"
"""The result file that --json prints and --out copies."""

_ALWAYS_ALLOWED = {"run", "resume", "as_json", "out", "trust_remote_code"}
_SOURCE = project_root()


def long_work(
    ctx: typer.Context,
    task: Callable[[RunContext], None],
    prepare: Callable[[], RunPlan],
    *,
    run: RunOptions,
    output: OutputOptions,
    show: Callable[[Any], None],
) -> None:
    """Carry out a command that is a run; the command's name is the run's task.

    Args:
        ctx: the command's context.
        task: does the work; reads `work.run.config` and never the command's settings.
        prepare: turns the options into a new run; only called when there is to be one.
        run: where the run is.
        output: with --json the results are printed alone, without a progress bar.
        show: prints the results for a person.

    Raises:
        RunError: the folder holds something else, or a run that needs --resume.
        ExplorerError: as `prepare`.
        typer.Exit: with the exit code of `core.runs.context.carry_out`, unless it is 0.
    """
    check_writable(output.out)
    found = _existing(ctx, run.run, run.resume) if run.run is not None else None
    if found is None:
        found = _new(ctx, prepare, run)
    code = carry_out(found, task, bar=not output.as_json)
    if code == CANCELLED:
        say(
            f"Cancelled; what is finished is kept. Continue with:"
            f" fork-explorer {found.config.task} --run {found.folder} --resume"
        )
    if code != DONE:
        raise typer.Exit(code)
    results = found.read_json(RESULTS)
    text = json_text(results)
    if results is not None:
        text = (found.folder / RESULTS).read_text(encoding="utf-8").rstrip("\n")
    write_result(text, output.as_json, output.out)
    if output.as_json:
        return
    if results is not None:
        show(results)
        if found.config.model.get("model") == DEMO:
            print(DEMO_NOTICE)
    say(f"The results are in {found.folder}.")


def kind_work(model: ModelOptions) -> Callable[[RunContext], None]:
    """The work of a run, which its kind knows.

    Args:
        model: whether the base's own Python code may run; the run itself says which model it is.
    """

    def work(context: RunContext) -> None:
        from transformers.utils import logging

        logging.disable_progress_bar()
        kind = kind_entry(context.run).load()
        kind.carry_out(context, trust_remote_code=model.trust_remote_code)

    return work


def _existing(ctx: typer.Context, folder: Path, resume: bool) -> Run | None:
    """The run in --run; None when the folder is for a new one."""
    if not (folder / "config.json").exists():
        return None
    run = Run.open(folder)
    if run.config.task != ctx.command.name:
        raise RunError(
            f"{folder} holds a run of {run.config.task}, not of {ctx.command.name}.",
            f"Use fork-explorer {run.config.task}, or give another folder.",
        )
    if run.has_begun and not resume:
        raise RunError(
            "This folder holds a run already.",
            "Give --resume to continue it, or another folder.",
        )
    given = given_options(ctx, set(ctx.params) - _ALWAYS_ALLOWED)
    if given:
        options = ", ".join(given)
        raise RunError(
            f"The run in {folder} has its settings already, so {options} can't be given.",
            "Leave the options out, or give another folder for a run of its own.",
        )
    return run


def _new(ctx: typer.Context, prepare: Callable[[], RunPlan], options: RunOptions) -> Run:
    folder, runs_dir = options.run, options.runs_dir
    if options.resume:
        raise RunError(
            "Which run to resume is not clear." if folder is None else f"{folder} holds no run.",
            "Give the folder of a run with --run.",
        )
    if folder is not None and runs_dir is not None:
        raise RunError("--run and --runs-dir are both given.", "Give one of them.")
    runs = RunsFolder(runs_dir)
    if folder is None:
        runs.check_writable()
    place = (runs.folder if folder is None else folder).resolve()
    if place.is_relative_to(_SOURCE) and (_SOURCE / ".git").exists():
        say(f"Warning: {place} is inside the program's own repository.")
    assert ctx.command.name is not None
    run = Run.create(runs.folder, ctx.command.name, prepare(), name=options.name, folder=folder)
    say(f"The run is {run.folder}")
    return run


def given_options(ctx: typer.Context, parameters: Collection[str]) -> list[str]:
    """The options that a person gave, as they are written, in alphabetical order."""
    return sorted(
        max(each.opts, key=len)
        for each in ctx.command.params
        if each.name in parameters and was_given(ctx, each.name)
    )
