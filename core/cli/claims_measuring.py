"""The runs that claims wait for, from the command line: carried out one after the other, with the
time that all of them take, and their commands."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from core.cli.files import say
from core.cli.options import LoadOptions, ModelOptions
from core.errors import ExplorerError

if TYPE_CHECKING:
    from core.claims.measuring import Missing
    from core.claims.report import Report
    from core.claims.scope import Scope
    from core.claims.table import ClaimRow
    from core.models.spec import ModelSpec
    from core.runs.config import RunPlan
    from core.runs.estimate import RunEstimate
    from core.runs.measurements import Meter
    from core.runs.runs_folder import RunsFolder


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

    @property
    def folder_words(self) -> list[str]:
        """The option that names the folder of the runs; empty for the usual one."""
        from core.system.environment import runs_folder

        folder = self._folder.folder
        return [] if folder == runs_folder() else ["--runs-dir", str(folder)]

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
            count = done - 1 + len([each for each in missing if each.problem is None])
            say(f"Run {done} of {count}: {ready[0].step.title}. {left_in_words(estimates)}")
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
        from core.cli.command_line import planned_command
        from core.cli.command_problems import PLACEHOLDER

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


def left_in_words(estimates: Sequence[RunEstimate | None]) -> str:
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


def report_of(
    scope: Scope, rows: Sequence[ClaimRow], missing: Sequence[Missing], ids: Sequence[str] | None
) -> Report:
    """The report of a table, with its commands. It leaves this machine: of paths only their last
    part is in it, and no secret.

    Args:
        ids: of the claims; None: all.
    """
    from core.claims.report import make_report
    from core.export.scrubbing import Scrubber, scrubbed

    report = make_report(scope, rows, missing, commands_of(scope, rows, ids))
    return scrubbed(report, Scrubber.of_this_machine())


def commands_of(
    scope: Scope, rows: Sequence[ClaimRow], ids: Sequence[str] | None
) -> Mapping[str, str]:
    """The commands of a report: of each run by its id, and of the table itself. The folder of the
    runs is called RUNS, since a report leaves this machine."""
    from core.claims.report import MEASURE, runs_of_teacher
    from core.cli.command_line import PROGRAM, run_command

    found = {MEASURE: shlex.join([PROGRAM, "claims", *measure_words(scope, ids)])}
    runs = {run.id: run for row in rows for run in row.runs.values()}
    runs |= {run.id: run for run in runs_of_teacher(scope)}
    for run in runs.values():
        with contextlib.suppress(ExplorerError):
            made = run_command(run)
            found[run.id] = made.text + (f"  # {made.note}" if made.note else "")
    folders = {str(run.folder.resolve().parent) for run in runs.values()}
    for name, command in found.items():
        for folder in folders:
            command = command.replace(folder, "RUNS")
        found[name] = command
    return found


def measure_words(scope: Scope, ids: Sequence[str] | None = None) -> Iterator[str]:
    """The words after `fork-explorer claims` that measure what is missing of a scope."""
    from core.claims.scope import TRAINING_SETS
    from core.models.spec import DEMO_TEACHER

    spec = scope.spec
    yield spec.model
    if spec.adapter is not None:
        yield from ("--adapter", spec.adapter)
    if spec.revision is not None:
        yield from ("--revision", spec.revision)
    if spec.quantization != LoadOptions.quantization:
        yield from ("--quantization", spec.quantization)
    if scope.teacher is not None and scope.teacher != DEMO_TEACHER:
        yield from ("--teacher", scope.teacher)
    yield from ("--problems", scope.set_name)
    if scope.training_name != TRAINING_SETS.get(scope.set_name, ""):
        yield from ("--train-problems", scope.training_name)
    yield from ("--size", scope.size.name)
    if scope.size.sample is not None:
        yield from ("--sample", str(scope.size.sample))
    if ids is not None:
        yield from ("--rows", ",".join(ids))
    yield "--measure"
