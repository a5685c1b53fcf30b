"""`fork-explorer runs`: list, look at, cancel, resume, repeat, rename and delete runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.cli.files import say
from core.cli.option_groups import grouped
from core.cli.options import AsJson, OutputOptions, RemoteCode, RunsDir
from core.errors import RunError
from core.kinds import kind_entry
from core.runs.estimate import RunEstimate
from core.runs.pace import time_left
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState, RunStatus
from core.system.json_text import json_text
from core.system.terminal_text import printable

app = typer.Typer(
    no_args_is_help=True, help="List, cancel, resume, repeat, rename and delete runs."
)

RunId = Annotated[str, typer.Argument(metavar="ID", help="As `runs list` shows it.")]


@app.command(name="list")
def list_runs(runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """All runs, newest first."""
    folder = RunsFolder(runs_dir)
    found = [(run, run.status()) for run in folder.list()]
    broken = folder.broken()
    if as_json:
        record = {
            "runs": [_record(run, status) for run, status in found],
            "broken": [{"folder": str(path), "error": str(error)} for path, error in broken],
        }
        print(json_text(record, ascii_only=True))
        return
    for run, status in found:
        _print("  ".join(filter(None, (run.id, _summary(status), run.config.name))))
    for path, error in broken:
        say(f"{path.name}: {error}")
    if not found and not broken:
        say(f"There are no runs in {folder.folder}.")


@app.command()
def show(run_id: RunId, runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """One run: its settings, how far it is, what went wrong."""
    run = RunsFolder(runs_dir).get(run_id)
    status = run.status()
    if as_json:
        print(json_text(_record(run, status), ascii_only=True))
        return
    config = run.config
    _print(f"{run.id}  {config.name}".rstrip())
    _print(f"folder    {run.folder}")
    _print(f"task      {config.task}, seed {config.seed}, made {config.created} on {config.host}")
    _print(f"state     {_summary(status)}")
    if status.what:
        _print(f"doing     {status.what}")
    estimate = RunEstimate.from_json(config.estimate)
    if estimate is not None:
        _print(f"estimate  {estimate.words}")
    _print(f"model     {json_text(config.model)}")
    _print(f"settings  {json_text(config.settings)}")
    if status.error is not None:
        _print(f"problem   {status.error}")
    if status.state in (RunState.FAILED, RunState.INTERRUPTED) and run.log_tail():
        _print("log.txt ends with")
        for line in run.log_tail().splitlines():
            _print(f"    {line}")


@app.command()
def cancel(run_id: RunId, runs_dir: RunsDir = None) -> None:
    """Stop a run within seconds; what is finished is kept."""
    from core.runs import jobs

    run = RunsFolder(runs_dir).get(run_id)
    if not jobs.cancel(run):
        raise RunError(f"The run {run.id} is not at work.", "See `fork-explorer runs list`.")
    say(f"{run.id} was asked to stop.")


@app.command()
@grouped
def resume(
    run_id: RunId,
    runs_dir: RunsDir = None,
    trust_remote_code: RemoteCode = False,
    *,
    output: OutputOptions,
) -> None:
    """Continue a run, here and now; Ctrl-C stops it again."""
    _carry_out(RunsFolder(runs_dir).get(run_id), True, trust_remote_code, output)


@app.command()
@grouped
def repeat(
    run_id: RunId,
    runs_dir: RunsDir = None,
    trust_remote_code: RemoteCode = False,
    *,
    output: OutputOptions,
) -> None:
    """The same once more, as a new run: same problems, settings and seed."""
    folder = RunsFolder(runs_dir)
    again = folder.get(run_id).repeat(folder.folder)
    say(f"The run is {again.folder}")
    _carry_out(again, False, trust_remote_code, output)


def _carry_out(run: Run, resume: bool, trust: bool, output: OutputOptions) -> None:
    from core.cli import app as whole

    kind_entry(run)  # refuses kinds of newer versions
    arguments = [run.config.task, "--run", str(run.folder), *["--resume"] * resume]
    arguments += ["--trust-remote-code"] * trust
    arguments += ["--json"] * output.as_json
    arguments += [] if output.out is None else ["--out", str(output.out)]
    code = whole(arguments, standalone_mode=False)
    if code:
        raise typer.Exit(code)


@app.command()
def rename(run_id: RunId, name: str, runs_dir: RunsDir = None) -> None:
    """Give a run a name of your own; its id stays."""
    RunsFolder(runs_dir).get(run_id).rename(name)


@app.command()
def delete(
    run_id: RunId,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    runs_dir: RunsDir = None,
) -> None:
    """Delete a run with all its results, for good."""
    run = RunsFolder(runs_dir).get(run_id)
    if not yes:
        raise RunError(f"This deletes {run.folder} for good.", "Give --yes if that is meant.")
    run.delete()


def _print(line: str) -> None:
    """A line with text from a run's files, which may come from elsewhere."""
    print(printable(line))


def _summary(status: RunStatus) -> str:
    parts = [str(status.state)]
    if status.total is not None:
        parts.append(f"{status.done:g} of {status.total:g} {status.unit}")
    if status.elapsed:
        parts.append(f"{status.elapsed:.0f} s of work")
    if status.seconds_left is not None:
        parts.append(time_left(status.seconds_left))
    return ", ".join(parts)


def _record(run: Run, status: RunStatus) -> dict[str, Any]:
    return {
        "id": run.id,
        "folder": str(run.folder),
        "config": run.config.model_dump(mode="json"),
        "state": str(status.state),
        "done": status.done,
        "total": status.total,
        "unit": status.unit,
        "what": status.what,
        "elapsed_seconds": status.elapsed,
        "seconds_left": status.seconds_left,
        "error": None if status.error is None else str(status.error),
        "started": None if status.started is None else status.started.isoformat(),
        "ended": None if status.ended is None else status.ended.isoformat(),
    }
