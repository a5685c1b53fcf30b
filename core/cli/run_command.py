"""What every command that is a run shares: where the run lives, and how it ends.

Without --run it gets a new folder in the runs folder. With --run it is the prepared run there
(that is how the page starts it), the run to go on with (--resume), or a new one in that folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from core.cli.files import check_writable, say, write_result
from core.errors import RunError
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
    run: Path | None,
    runs_dir: Path | None,
    name: str,
    resume: bool,
    as_json: bool,
    out: Path | None,
    show: Callable[[Any], None] | None = None,
) -> None:
    """Carry out a command that is a run; the command's name is the run's task.

    The command's own parameters must have these names, so that what was given is known.

    Args:
        ctx: the command's context.
        task: does the work; reads `work.run.config` and never the command's options.
        prepare: turns the options into a new run; only called when there is to be one.
        run: --run.
        runs_dir: --runs-dir.
        name: --name.
        resume: --resume.
        as_json: --json: print the results and nothing else, without a progress bar.
        out: --out.
        show: prints the results for a person; without it, only their place is said.

    Raises:
        RunError: the folder holds something else, or a run that needs --resume.
        ExplorerError: as `prepare`.
        typer.Exit: with the exit code of `core.runs.context.carry_out`, unless it is 0.
    """
    check_writable(out)
    found = _existing(ctx, run, resume) if run is not None else None
    if found is None:
        found = _new(ctx, prepare, run, runs_dir, name, resume)
    code = carry_out(found, task, bar=not as_json)
    if code == CANCELLED:
        say(
            f"Cancelled; what is finished is kept. Go on with:"
            f" fork-explorer {found.config.task} --run {found.folder} --resume"
        )
    if code != DONE:
        raise typer.Exit(code)
    results = found.read_json(RESULTS)
    text = json_text(results)
    if results is not None:
        text = (found.folder / RESULTS).read_text(encoding="utf-8").rstrip("\n")
    write_result(text, as_json, out)
    if as_json:
        return
    if show is not None and results is not None:
        show(results)
    say(f"The results are in {found.folder}.")


def _existing(ctx: typer.Context, folder: Path, resume: bool) -> Run | None:
    """The run in --run; None when the folder is there for a new one."""
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
            "Give --resume to go on with it, or another folder.",
        )
    given = sorted(
        option for option in ctx.params if option not in _ALWAYS_ALLOWED and was_given(ctx, option)
    )
    if given:
        options = ", ".join("--" + option.replace("_", "-") for option in given)
        raise RunError(
            f"The run in {folder} has its settings already, so {options} can't be given.",
            "Leave the options out, or give another folder for a run of its own.",
        )
    return run


def _new(
    ctx: typer.Context,
    prepare: Callable[[], RunPlan],
    folder: Path | None,
    runs_dir: Path | None,
    name: str,
    resume: bool,
) -> Run:
    if resume:
        raise RunError(
            "There is no run to resume." if folder is None else f"{folder} holds no run.",
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
    run = Run.create(runs.folder, ctx.command.name, prepare(), name=name, folder=folder)
    say(f"The run is {run.folder}")
    return run


def was_given(ctx: typer.Context, option: str) -> bool:
    """Whether a person gave an option, by its parameter's name."""
    source = ctx.get_parameter_source(option)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")
