"""Shared by all commands that are runs: where the run is kept, and how it ends.

Without --run it gets a new folder in the runs folder. With --run it is the prepared run there
(that is how the page starts it), the run to continue (--resume), or a new one in that folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from core.cli.files import check_writable, say, write_result
from core.cli.launching import check_devices
from core.cli.option_groups import was_given
from core.cli.options import EngineRunOptions, ModelOptions, OutputOptions, RunOptions
from core.errors import ExplorerError, ModelError, RunError
from core.kinds import KINDS, kind_entry
from core.models.spec import DEMO, DEMO_NOTICE, teacher_spec
from core.runs.config import RunPlan
from core.runs.context import CANCELLED, DONE, RunContext, carry_out
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.system.json_text import json_text
from core.system.launched import launched
from core.system.project_root import project_root

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel
    from core.models.spec import ModelSpec
    from core.runs.crew import Crew
    from core.runs.estimate import RunEstimate

RESULTS = "results.json"
"""The result file that --json prints and --out copies."""

_OF_THIS_START = {"trust_remote_code", "ray", "workers", "engine"}
_ALWAYS_ALLOWED = {"run", "resume", "as_json", "out"} | _OF_THIS_START
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
        task: does the work; reads `work.run.config` and never the command's settings. A `KindWork`
            says before how long that will take.
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
    _check_engine(task, run)
    _use_ray(ctx, task, run)
    found = _existing(ctx, run.run, run.resume) if run.run is not None else None
    if found is None and run.estimate:
        _print_estimate(ctx, task, _prepare_shard(ctx, prepare, run.shard), output)
        return
    if found is None:
        found = _new(ctx, _prepare_shard(ctx, prepare, run.shard), run, task)
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


class KindWork:
    """The work of a run, which its kind knows.

    Args:
        model: whether the base's own Python code may run; the run itself says which model it is.
        engine: where the run's engine is now; whether it has one, the run itself says.
    """

    def __init__(self, model: ModelOptions, engine: EngineRunOptions | None = None) -> None:
        self.engine_url = None if engine is None else engine.engine
        self.trust_remote_code = model.trust_remote_code
        self.crew: Crew | None = None  # workers elsewhere, instead of this process
        self._loaded: dict[ModelSpec, LanguageModel] = {}  # to measure, then for the run

    def load(self, spec: ModelSpec) -> LanguageModel:
        """A model that is needed before its run, which takes it over.

        Raises:
            ModelError, ResourceError: as `load_language_model`.
        """
        from core.cli.models import load
        from core.runs.models import model_fields, read_model

        wanted = read_model(model_fields(spec))
        if wanted not in self._loaded:
            self._loaded[wanted] = load(wanted)
        return self._loaded[wanted]

    def __call__(self, context: RunContext) -> None:
        """Carry a run out."""
        from transformers.utils import logging

        from core.runs.models import read_model
        from core.runs.served_chains import moved_engine

        logging.disable_progress_bar()
        context.crew = self.crew
        if self.engine_url is not None:
            context.engine_url = moved_engine(context.run, self.engine_url)
        if self.crew is not None and context.run.config.engine is not None:
            raise _one_process_on_an_engine()
        context.loaded.update(self._loaded)
        self._loaded.clear()
        if (me := launched()) is not None:
            check_devices(me, read_model(context.run.config.model).device)
        kind = kind_entry(context.run).load()
        kind.carry_out(context, trust_remote_code=self.trust_remote_code)

    def estimate(self, task: str, plan: RunPlan) -> RunEstimate | None:
        """What a planned run will take: by what is known of its model on this machine, else by a
        quick measurement. None where the kind doesn't say.

        Raises:
            ExplorerError: the model, its problems or settings don't go together; memory full; or
                the model is not on this machine yet.
        """
        from core.models.fetching import is_here
        from core.models.teacher import load_beside
        from core.runs.measurements import Meter
        from core.runs.models import read_model

        kind = KINDS[task].load()
        spec = replace(read_model(plan.model), trust_remote_code=self.trust_remote_code)
        for each in (spec, *(teacher_spec(spec, name) for name in plan.teachers)):
            if not is_here(each):
                raise ModelError(
                    f"How long this takes is measured with the model {each.model}, which is not on "
                    "this machine yet.",
                    f"Download it first: fork-explorer download {each.model}",
                )

        def load() -> LanguageModel:
            say(f"Measuring {spec.model} on this machine ...")
            return self.load(spec)

        return kind.estimate_of(plan, Meter(spec, load, load_beside))


def kind_work(model: ModelOptions, engine: EngineRunOptions | None = None) -> KindWork:
    """The work of a run, which its kind knows; see `KindWork`."""
    return KindWork(model, engine)


def _one_process_on_an_engine() -> RunError:
    return RunError(
        "A served engine samples for a run of one process, and --ray asks for several.",
        "Leave --ray out.",
    )


def _check_engine(task: Callable[[RunContext], None], options: RunOptions) -> None:
    """Refuse what a served engine doesn't go with.

    Raises:
        RunError: workers of a Ray cluster, or an estimate.
    """
    if not isinstance(task, KindWork) or task.engine_url is None:
        return
    if options.ray is not None:
        raise _one_process_on_an_engine()
    if options.estimate:
        raise RunError(
            "How fast a served engine is isn't known before it starts.", "Leave --estimate out."
        )


def _prepare_shard(
    ctx: typer.Context, prepare: Callable[[], RunPlan], shard: str | None
) -> Callable[[], RunPlan]:
    """What prepares only the shard that was asked for, if any.

    Raises:
        RunError: it is not a shard; or, when it is called, the run has no such shard.
    """
    if shard is None:
        return prepare
    from core.runs.shards import check_divisible, read_shard, sharded

    number, of = read_shard(shard)
    kind = KINDS[ctx.command.name or ""].load()
    check_divisible(kind)
    return lambda: sharded(kind, prepare(), number, of)


def _use_ray(ctx: typer.Context, task: Callable[[RunContext], None], options: RunOptions) -> None:
    """Have the units solved by workers of a Ray cluster, if one was named.

    Raises:
        RunError: its units build on each other; Ray is not installed, or nothing answers there.
    """
    if options.ray is None:
        if options.workers is not None:
            raise RunError("--workers are those of a Ray cluster.", "Give --ray auto, too.")
        return
    from core.runs.ray_crew import RayCrew
    from core.runs.shards import check_divisible

    entry = KINDS[ctx.command.name or ""]
    check_divisible(entry.load())
    if isinstance(task, KindWork):
        task.crew = RayCrew(
            options.ray,
            entry.place,
            options.workers,
            trust_remote_code=task.trust_remote_code,
        )


def _print_estimate(
    ctx: typer.Context,
    task: Callable[[RunContext], None],
    prepare: Callable[[], RunPlan],
    output: OutputOptions,
) -> None:
    """What --estimate does instead of starting a run.

    Raises:
        RunError: the command can't say.
        ExplorerError: as `KindWork.estimate`.
    """
    name = ctx.command.name or ""
    if launched() is not None:
        raise RunError(
            "How fast several processes train together isn't known before they start.",
            "Leave --estimate out, or start one process.",
        )
    found = task.estimate(name, prepare()) if isinstance(task, KindWork) else None
    if found is None:
        raise RunError(
            f"How long {name} takes isn't known before it starts.", "Leave --estimate out."
        )
    write_result(json_text(found.to_json(), indent=1), output.as_json, output.out)
    if not output.as_json:
        print(f"{ctx.command.name} would take {found.words}")
        if found.warning is not None:
            say(f"Warning: {found.warning}")


def _estimated(task: Callable[[RunContext], None], name: str, plan: RunPlan) -> RunPlan:
    """A plan with its estimate, which is said. What stands in its way is left to the run to say."""
    if not isinstance(task, KindWork):
        return plan
    found = None
    with contextlib.suppress(ExplorerError):
        found = task.estimate(name, plan)
    if found is None:
        return plan
    say(f"This takes {found.words}")
    if found.warning is not None:
        say(f"Warning: {found.warning}")
    return replace(plan, estimate=found)


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


def _new(
    ctx: typer.Context,
    prepare: Callable[[], RunPlan],
    options: RunOptions,
    task: Callable[[RunContext], None],
) -> Run:
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
    plan = prepare()
    if options.ray is None and plan.engine is None and launched() is None:  # not known for others
        plan = _estimated(task, ctx.command.name, plan)
    run = Run.create(runs.folder, ctx.command.name, plan, name=options.name, folder=folder)
    say(f"The run is {run.folder}")
    return run


def given_options(ctx: typer.Context, parameters: Collection[str]) -> list[str]:
    """The options that a person gave, as they are written, in alphabetical order."""
    return sorted(
        max(each.opts, key=len)
        for each in ctx.command.params
        if each.name in parameters and was_given(ctx, each.name)
    )
