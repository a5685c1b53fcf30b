"""`fork-explorer runs`: list, compare, cancel, resume, repeat, merge, rename, tag, delete runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.files import say
from core.cli.merging import merge
from core.cli.option_groups import grouped
from core.cli.options import AsJson, OutputOptions, RemoteCode, RunsDir
from core.errors import RunError
from core.kinds import kind_entry
from core.runs.config import tidy_tags
from core.runs.estimate import RunEstimate
from core.runs.pace import time_left
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState, RunStatus
from core.system.json_text import json_text
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.disagreement.bases import BasesTable
    from core.side_by_side import RunBeside

app = typer.Typer(
    no_args_is_help=True,
    help="List, compare, cancel, resume, repeat, merge, rename, tag and delete runs.",
)
app.command()(merge)

RunId = Annotated[str, typer.Argument(metavar="ID", help="As `runs list` shows it.")]


@app.command(name="list")
def list_runs(
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only runs with this tag; of several, with all."),
    ] = None,
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
) -> None:
    """All runs, newest first."""
    folder = RunsFolder(runs_dir)
    wanted = set(tag or ())
    listed = [run for run in folder.list() if wanted <= set(run.config.tags)]
    found = [(run, run.status()) for run in listed]
    broken = folder.broken()
    if as_json:
        record = {
            "runs": [_record(run, status) for run, status in found],
            "broken": [{"folder": str(path), "error": str(error)} for path, error in broken],
        }
        print(json_text(record, ascii_only=True))
        return
    for run, status in found:
        tags = " ".join(f"[{each}]" for each in run.config.tags)
        shard = "" if run.config.shard is None else run.config.shard.words
        _print("  ".join(filter(None, (run.id, _summary(status), shard, run.config.name, tags))))
    for path, error in broken:
        say(f"{path.name}: {error}")
    if not found and not broken:
        which = " with these tags" if wanted else ""
        say(f"There are no runs{which} in {folder.folder}.")


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
    if config.tags:
        _print(f"tags      {', '.join(config.tags)}")
    for line in config.notes.splitlines():
        _print(f"note      {line}")
    _print(f"folder    {run.folder}")
    _print(f"task      {config.task}, seed {config.seed}, made {config.created} on {config.host}")
    if config.shard is not None:
        _print(f"part      {config.shard.words} of {config.shard.problems:,} problems")
    if config.merged_from:
        _print(f"part      merged from {', '.join(config.merged_from)}")
    _print(f"state     {_summary(status)}")
    if status.what:
        _print(f"doing     {status.what}")
    estimate = RunEstimate.from_json(config.estimate)
    if estimate is not None:
        _print(f"estimate  {estimate.words}")
    _print(f"model     {json_text(config.model)}")
    if config.engine is not None:
        _print(f"engine    {config.engine.words} at {config.engine.url}")
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
def compare(
    run_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Two or more runs.")],
    reference: Annotated[
        str | None,
        typer.Option("--from", metavar="ID", help="The run to take differences from."),
    ] = None,
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
) -> None:
    """Runs side by side: the result of each; evaluations of the same problems also paired, problem
    by problem, with the best of them, or with --from; comparisons of several bases in one table."""
    from core.disagreement.bases import bases_table
    from core.evaluation.headline import change_sentence
    from core.side_by_side import best_of, lead_sentences, side_by_side

    folder = RunsFolder(runs_dir)
    runs = [folder.get(each) for each in dict.fromkeys(run_ids)]
    start = (best_of(runs) or runs[0]) if reference is None else folder.get(reference)
    found = side_by_side(runs, start)
    bases = bases_table([each.run for each in found if each.problem is None])
    lead = lead_sentences(found, {run.id: run.id for run in runs})
    if as_json:
        beside = {"from": start.id, "lead": lead, "runs": [_beside(each) for each in found]}
        print(json_text({**beside, "bases": bases.to_json()}))
        return
    for each in found:
        result = "no results" if each.headline is None else each.headline.sentence
        _print(f"{each.run.id}  {each.run.config.name}".rstrip())
        if each.settings:
            _print(f"    {each.settings}")
        _print(f"    {each.problem or result}")
        if each.difference is not None:
            _print(f"    against {start.id}: {change_sentence(each.difference)}")
        elif each.reason:
            _print(f"    against {start.id}: {each.reason}")
    if lead:
        _print(lead)
    if len(bases.columns) > 1:
        _print_bases(bases)


def _print_bases(bases: BasesTable) -> None:
    """Every measure with its figure for each base, below the paper's range."""
    from core.disagreement.bases import MEASURES

    width = max(len(each.label) for each in bases.columns)
    _print("Bases side by side; 95 % intervals over chains")
    for each in bases.columns:
        made = f"{each.chains:,} chains of the {each.along}, {each.summary.tokens:,} tokens"
        _print(f"  {each.label:{width}}  {made}")
    for measure in MEASURES:
        papers = f" (paper: {measure.paper_says})" if measure.paper_says else ""
        _print(f"{measure.name}{papers}")
        for each in bases.columns:
            _print(f"  {each.label:{width}}  {measure.written(measure.of(each.summary))}")


def _beside(found: RunBeside) -> dict[str, Any]:
    headline, difference = found.headline, found.difference
    return {
        "id": found.run.id,
        "settings": found.settings,
        "figure": None if headline is None else headline.figure,
        "sentence": None if headline is None else headline.sentence,
        "error": None if found.problem is None else str(found.problem),
        "difference": None if difference is None else difference.to_json(),
        "reason": found.reason,
    }


@app.command()
def rename(run_id: RunId, name: str, runs_dir: RunsDir = None) -> None:
    """Give a run a name of your own; its id stays."""
    RunsFolder(runs_dir).get(run_id).rename(name)


@app.command()
def tag(
    run_id: RunId,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words of your own.")],
    remove: Annotated[bool, typer.Option("--remove", help="Remove these tags instead.")] = False,
    runs_dir: RunsDir = None,
) -> None:
    """Tag a run; `runs list --tag TAG` finds it."""
    run = RunsFolder(runs_dir).get(run_id)
    given, known = tidy_tags(tags), run.config.tags
    missing = [each for each in given if each not in known]
    if remove and missing:
        raise RunError(
            f"The run {run.id} doesn't have the tag {missing[0]}.",
            f"It has {', '.join(known) or 'none'}.",
        )
    run.label(tags=[each for each in known if each not in given] if remove else [*known, *given])


@app.command()
def note(run_id: RunId, text: str, runs_dir: RunsDir = None) -> None:
    """Write notes about a run in place of those it has; "" removes them."""
    RunsFolder(runs_dir).get(run_id).label(notes=text)


@app.command()
def delete(
    run_id: RunId,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    runs_dir: RunsDir = None,
) -> None:
    """Delete a run's folder and all its results permanently."""
    run = RunsFolder(runs_dir).get(run_id)
    if not yes:
        raise RunError(
            f"This deletes {run.folder} and all its results permanently.",
            "Give --yes if that is meant.",
        )
    run.delete()


def _print(line: str) -> None:
    """A line with text from a run's files, which may come from elsewhere."""
    print(printable(line))


def _summary(status: RunStatus) -> str:
    parts = [str(status.state)]
    if status.total is not None:
        parts.append(f"{status.done:g} of {status.total:g} {status.unit}")
    if status.elapsed:
        parts.append(f"took {status.elapsed:.0f} s")
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
