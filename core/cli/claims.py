"""`fork-explorer claims`: findings of the papers, checked on a model by its runs."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.files import check_writable, given_problems, say, write_out, write_result
from core.cli.option_groups import grouped
from core.cli.options import (
    LoadOptions,
    ModelOptions,
    OutputOptions,
    ProblemOptions,
    RunsDir,
    path_option,
)
from core.errors import ExplorerError, FileError
from core.models.spec import DEMO, DEMO_NOTICE
from core.system.json_text import json_text
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.claims.measuring import Missing
    from core.claims.scope import ProblemSet, Scope
    from core.claims.table import ClaimRow
    from core.models.spec import ModelSpec
    from core.runs.config import RunPlan
    from core.runs.estimate import RunEstimate
    from core.runs.measurements import Meter
    from core.runs.runs_folder import RunsFolder

_REPORTS = (".html", ".htm", ".md")


@dataclass(frozen=True)
class Wanted:
    """Which claims, and what is done about those that aren't measured."""

    teacher: Annotated[
        str | None,
        typer.Option(
            help="Folder of an adapter for the model, or a model of the same vocabulary.",
            show_default="demo-teacher for the demo",
        ),
    ] = None
    train_problems: Annotated[
        Path | None,
        path_option(
            "--train-problems",
            help="Problems to learn from; those that belong to the set when not given.",
        ),
    ] = None
    rows: Annotated[
        str | None, typer.Option(metavar="ID,ID", help="Only these claims, by their ids.")
    ] = None
    size: Annotated[
        str, typer.Option(help="How much is measured: quick, or full, which takes longer.")
    ] = "quick"
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Measure what is missing, run after run; stopped or killed, it continues where "
            "it was.",
        ),
    ] = False
    report: Annotated[
        Path | None,
        path_option("--report", metavar="FILE", help="Write a report, .html or .md."),
    ] = None


@grouped
def claims(
    model: Annotated[
        str,
        typer.Argument(help='"demo", "smollm2", a model folder, a .gguf file, or a hub id.'),
    ],
    wanted: Wanted,
    problems: ProblemOptions,
    load: LoadOptions,
    runs_dir: RunsDir = None,
    *,
    output: OutputOptions,
) -> None:
    """Check the papers' findings on a model: holds, does not hold, can't tell, not measured.

    Every figure is from a finished run of this model on these problems, with its interval and its
    control beside the paper's. --measure makes the runs that are missing.
    """
    from core.claims.measuring import missing_runs
    from core.claims.registry import chosen_claims
    from core.claims.report import table_json
    from core.claims.scope import scope_of
    from core.claims.sizes import size_for
    from core.claims.table import claims_table
    from core.runs.runs_folder import RunsFolder

    ids = None if wanted.rows is None else [each.strip() for each in wanted.rows.split(",")]
    chosen_claims(ids)
    _check_report(wanted.report)
    check_writable(output.out)
    spec, folder = load.spec_of(model), RunsFolder(runs_dir)
    size = size_for(
        wanted.size,
        is_demo=model == DEMO,
        parameters=_parameters(spec),
        on_cpu=_on_cpu(spec),
        problems=problems.sample,
    )

    named, learned = _problem_set(problems.problems), _problem_set(wanted.train_problems)

    def look() -> Scope:
        return scope_of(
            folder, spec, size, teacher=wanted.teacher, problems=named, training=learned
        )

    scope = look()
    work = Measuring(spec, load, folder, quiet=output.as_json)
    if wanted.measure:
        work.carry_out_missing(look, ids)
        scope = look()
    rows = claims_table(scope, ids)
    missing = missing_runs(scope, rows)
    text = json_text(table_json(scope, rows, missing), indent=1)
    write_result(text, output.as_json, output.out)
    if wanted.report is not None:
        _write_report(wanted.report, scope, ids)
        say(f"The report is in {wanted.report}.")
    if not output.as_json:
        _show(scope, rows, missing, work)


class Measuring:
    """Carries missing runs out, and knows how long they take.

    Args:
        spec: the model.
        load: how it is loaded.
        folder: of the runs.
        quiet: without progress bars.
    """

    def __init__(
        self, spec: ModelSpec, load: LoadOptions, folder: RunsFolder, *, quiet: bool
    ) -> None:
        self._spec, self._load, self._folder, self._quiet = spec, load, folder, quiet
        self._meters: dict[bool, Meter] = {}

    def carry_out_missing(self, look: Callable[[], Scope], ids: Sequence[str] | None) -> None:
        """Make run after run. One that fails doesn't stop the others.

        Raises:
            typer.Exit: cancelled; what is finished is kept.
        """
        from core.claims.measuring import missing_runs
        from core.claims.table import claims_table
        from core.runs.context import CANCELLED, DONE

        tried: set[str] = set()
        done = 0
        while True:
            scope = look()
            missing = [
                each
                for each in missing_runs(scope, claims_table(scope, ids))
                if each.step.name not in tried
            ]
            for each in missing:
                if each.problem is not None:
                    say(f"{each.step.title}: {each.problem}")
                    tried.add(each.step.name)
            ready = [each for each in missing if each.plan is not None and not each.is_live]
            if not ready:
                break
            estimates = [self.estimate(each, may_measure=True) for each in missing]
            done += 1
            left = len([each for each in missing if each.problem is None])
            say(f"Run {done} of {done - 1 + left}: {ready[0].step.title}. {_left(estimates)}")
            tried.add(ready[0].step.name)
            code = self._carry_out(ready[0], estimates[missing.index(ready[0])])
            if code == CANCELLED:
                say("Cancelled; what is finished is kept. The same command continues.")
                raise typer.Exit(code)
            if code != DONE:
                say(f"{ready[0].step.title} failed; its claims stay unmeasured.")

    def estimate(self, missing: Missing, *, may_measure: bool) -> RunEstimate | None:
        """What a missing run will take; None where that isn't known."""
        from core.claims.measuring import estimate_of
        from core.kinds import KINDS
        from core.runs.measurements import NotMeasuredError

        def ask(task: str, plan: RunPlan) -> RunEstimate | None:
            return KINDS[task].load().estimate_of(plan, self._meter(may_measure))

        with contextlib.suppress(ExplorerError, NotMeasuredError):  # said by the run
            return estimate_of(missing, ask)
        return None

    def command_of(self, missing: Missing, scope: Scope) -> str:
        """The command that makes a missing run; "" where it can't be given yet."""
        from core.cli.command_line import PLACEHOLDER, planned_command

        if missing.plan is None:
            return ""
        sets = {scope.set_name: scope.problems, scope.training_name: scope.training}
        with contextlib.suppress(ExplorerError):
            command = planned_command(missing.step.task, missing.plan, sets).text
            return "" if PLACEHOLDER in command else command
        return ""

    def _carry_out(self, missing: Missing, estimate: RunEstimate | None) -> int:
        from core.cli.run_command import KindWork
        from core.runs.context import carry_out
        from core.runs.run import Run

        run = missing.run
        if run is None:
            assert missing.plan is not None
            plan = replace(missing.plan, estimate=estimate)
            self._folder.check_writable()
            run = Run.create(self._folder.folder, missing.step.task, plan, name=missing.name)
        work = KindWork(ModelOptions(trust_remote_code=self._load.trust_remote_code))
        return carry_out(run, work, bar=not self._quiet)

    def _meter(self, may_measure: bool) -> Meter:
        from core.cli.models import load
        from core.models.teacher import load_beside
        from core.runs.measurements import Meter
        from core.runs.models import model_fields, read_model

        if may_measure not in self._meters:
            spec = read_model(model_fields(self._spec))
            self._meters[may_measure] = Meter(
                spec, lambda: load(spec), load_beside, may_measure=may_measure
            )
        return self._meters[may_measure]


def _left(estimates: Sequence[RunEstimate | None]) -> str:
    """The time that all missing runs take, as far as it is known."""
    from core.claims.measuring import together
    from core.runs.estimate import duration

    known = [each for each in estimates if each is not None]
    if not known:
        return ""
    whole = together(known)
    unknown = len(estimates) - len(known)
    more = f", and {unknown} of unknown length" if unknown else ""
    return (
        f"All runs that are left take about {duration(whole.seconds)} "
        f"({duration(whole.low)} to {duration(whole.high)}){more}."
    )


def _write_report(path: Path, scope: Scope, ids: Sequence[str] | None) -> None:
    from core.claims.html_report import html_report
    from core.claims.markdown_report import markdown_report
    from core.claims.measuring import missing_runs
    from core.claims.report import make_report
    from core.claims.table import claims_table

    rows = claims_table(scope, ids)
    missing = missing_runs(scope, rows)
    report = make_report(scope, rows, missing, commands_of(scope, rows, ids))
    text = markdown_report(report) if path.suffix == ".md" else html_report(report)
    write_out(path, text)


def commands_of(
    scope: Scope, rows: Sequence[ClaimRow], ids: Sequence[str] | None
) -> Mapping[str, str]:
    """The commands of a report: of each run by its id, and of the table itself. The folder of the
    runs is called RUNS, since a report leaves this machine."""
    from core.claims.report import MEASURE
    from core.cli.command_line import PROGRAM, run_command

    found = {MEASURE: shlex.join([PROGRAM, "claims", *measure_words(scope, ids)])}
    runs = {run.id: run for row in rows for run in row.runs.values()}
    for run in runs.values():
        with contextlib.suppress(ExplorerError):
            command = run_command(run)
            found[run.id] = command.text + (f"  # {command.note}" if command.note else "")
    folders = {str(run.folder.resolve().parent) for run in runs.values()}
    for folder in folders:
        found = {name: line.replace(folder, "RUNS") for name, line in found.items()}
    return found


def measure_words(scope: Scope, ids: Sequence[str] | None = None) -> Iterator[str]:
    """The words after `fork-explorer claims` that measure what is missing of a scope."""
    from core.claims.scope import TRAINING_SETS
    from core.models.spec import DEMO_TEACHER

    yield scope.spec.model
    if scope.spec.revision is not None:
        yield from ("--revision", scope.spec.revision)
    if scope.teacher is not None and scope.teacher != DEMO_TEACHER:
        yield from ("--teacher", scope.teacher)
    yield from ("--problems", scope.set_name)
    if scope.training_name != TRAINING_SETS.get(scope.set_name, ""):
        yield from ("--train-problems", scope.training_name)
    yield from ("--size", scope.size.name)
    if ids is not None:
        yield from ("--rows", ",".join(ids))
    yield "--measure"


def _show(
    scope: Scope, rows: Sequence[ClaimRow], missing: Sequence[Missing], work: Measuring
) -> None:
    from core.claims.registry import PAPERS
    from core.claims.table import verdict_counts

    for paper in PAPERS:
        own = [row for row in rows if row.claim.paper == paper]
        if own:
            print(f"{paper.short} (arXiv:{paper.arxiv})")
        for row in own:
            _show_row(row)
    counts = verdict_counts(rows)
    print(", ".join(f"{verdict}: {count}" for verdict, count in counts.items() if count))
    if scope.spec.model == DEMO:
        print(DEMO_NOTICE)
    needing = [row for row in rows if row.claim.needs_teacher and scope.teacher is None]
    if needing:
        print(f"{len(needing)} claims need a teacher: give --teacher.")
    if missing:
        _show_missing(missing, scope, work)


def _show_row(row: ClaimRow) -> None:
    from core.claims.wording import (
        control_in_words,
        enough_in_words,
        figure_in_words,
        rule_in_words,
        verdict_in_words,
    )

    claim = row.claim
    _print(f"  {verdict_in_words(row)}: {claim.sentence} [{claim.id}]")
    _print(f"      paper, {claim.section}: {claim.stated}")
    if row.problem is not None:
        _print(f"      {row.problem}")
    if row.finding is None:
        return
    for check in row.finding.checks:
        _print(
            f"      {check.figure.label}: {figure_in_words(check.figure)} ({rule_in_words(check)})"
        )
    prefix = "" if isinstance(row.finding.control, str) else "control, "
    _print(f"      {prefix}{control_in_words(row.finding)}")
    said = (*row.finding.more, enough_in_words(row.finding), row.finding.exploratory, row.note)
    for each in filter(None, said):
        _print(f"      {each}")
    _print(f"      run: {', '.join(run.id for run in row.runs.values())}")


def _show_missing(missing: Sequence[Missing], scope: Scope, work: Measuring) -> None:
    from core.runs.estimate import duration

    print(f"Not measured yet, {len(missing)} runs:")
    estimates = [work.estimate(each, may_measure=False) for each in missing]
    for each, estimate in zip(missing, estimates, strict=True):
        took = "" if estimate is None else f", about {duration(estimate.seconds)}"
        _print(f"  {each.step.title}{took} ({', '.join(each.claims)})")
        if each.problem is not None:
            _print(f"      {each.problem}")
        command = work.command_of(each, scope)
        if command:
            _print(f"      {command}")
    _print("Measure them with: " + shlex.join(["fork-explorer", "claims", *measure_words(scope)]))
    if any(each is not None for each in estimates):
        _print(_left(estimates))


def _print(line: str) -> None:
    """A line with text from files, which may come from elsewhere."""
    print(printable(line))


def _problem_set(path: Path | None) -> ProblemSet | None:
    """The problems of a file, or of a set by its name."""
    from core.claims.scope import ProblemSet

    return None if path is None else ProblemSet(str(path), given_problems(path))


def _check_report(path: Path | None) -> None:
    if path is not None and path.suffix.lower() not in _REPORTS:
        raise FileError(
            f"A report can't be written to {path}: its name says no format.",
            f"Give a name that ends in {', '.join(_REPORTS)}.",
        )
    check_writable(path)


def _parameters(spec: ModelSpec) -> int | None:
    """How large a model is, as far as it is known without its weights."""
    from core.models.catalogue import MODELS
    from core.models.facts import read_facts
    from core.models.fetching import is_here

    offered = next((each.parameters for each in MODELS if each.model == spec.model), None)
    if offered is not None or spec.model == DEMO or not is_here(spec):
        return offered
    with contextlib.suppress(ExplorerError):
        return read_facts(spec).parameters
    return None


def _on_cpu(spec: ModelSpec) -> bool:
    from core.models.placement import has_accelerator

    return spec.device == "cpu" or (spec.device == "auto" and not has_accelerator())
