"""The `fork-explorer` command that makes a run again, quoted for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.command_problems import (
    PLACEHOLDER,
    PlannedRun,
    aside_set,
    drawn_problems,
    set_of,
    split_set,
)
from core.cli.command_settings import options_of, setting_options
from core.errors import RunError
from core.models.spec import ModelSpec
from core.runs.run import Run

if TYPE_CHECKING:
    from core.records import Problem
    from core.runs.config import RunPlan

PROGRAM = "fork-explorer"
_NOTE = (
    f"Put the file of the problems in place of {PLACEHOLDER}: of a set that doesn't come "
    "with the explorer, the run keeps only the problems that it used."
)
_IMPORT_NOTE = "The run keeps the name of the file that was imported, not where it was."
_MODEL = ("model", "adapter", "device", "dtype", "revision", "quantization")


@dataclass(frozen=True)
class RunCommand:
    """A command, quoted for a shell; `note` says what has to be put in, and is empty where nothing
    has to."""

    text: str
    note: str = ""


def run_command(run: Run) -> RunCommand:
    """The command that makes a run with the model, problems, settings and seed of this one.
    Thresholds that were measured are given in nats.

    Raises:
        RunError: a kind that has no command in this version, or settings that can't be read.
        ProblemError: its problems can't be read.
    """
    task = run.config.task
    if task not in _RUNS:
        raise RunError(f"This program has no command for runs of {task}.", "Update the program.")
    if run.config.imported is not None and not run.config.inputs:
        return RunCommand(shlex.join([PROGRAM, "import", *_import(run)]), _IMPORT_NOTE)
    words = [*_model(run, task), *_RUNS[task](run), *_engine(run), *_shard(run)]
    note = _NOTE if PLACEHOLDER in words else ""
    return RunCommand(shlex.join([PROGRAM, task, *words]), note)


def planned_command(
    task: str, plan: RunPlan, sets: Mapping[str, Sequence[Problem]] | None = None
) -> RunCommand:
    """The command that makes a run of a plan, as `run_command`.

    Args:
        task: the kind of run.
        plan: of the run.
        sets: problems beside those that come with the explorer, by the path of their file.

    Raises:
        RunError, ProblemError: as `run_command`.
    """
    return run_command(PlannedRun(task, plan, sets or {}))


def _model(run: Run, task: str) -> Iterator[str]:
    """The options of the model that differ from the defaults."""
    from core.reasonmaxxer.results import ROLLOUTS_FROM

    if ROLLOUTS_FROM in run.config.inputs:  # which bring their own
        return
    defaults = ModelSpec()
    options = options_of(task)
    for name in _MODEL:
        value = run.config.model.get(name)
        if value is not None and value != getattr(defaults, name):
            yield from (options[name], str(value))
    if run.config.model.get("trust_remote_code") is True:
        yield options["trust_remote_code"]


def _import(run: Run) -> Iterator[str]:
    """What `import` makes a run of rollouts by."""
    found, defaults = run.config.imported, ModelSpec()
    assert found is not None
    yield from ("--to-rollouts", run.config.name or found.file)
    yield from ("--score", str(run.config.model.get("model")))
    options = options_of("import")
    for name in _MODEL[1:]:
        value = run.config.model.get(name)
        if value is not None and value != getattr(defaults, name):
            yield from (options[name], str(value))
    if run.config.model.get("trust_remote_code") is True:
        yield options["trust_remote_code"]
    if found.fields:
        named = ",".join(f"{role}={name or ''}" for role, name in found.fields.items())
        yield from ("--fields", named)
    for condition in found.where:
        yield from ("--where", condition)
    if found.limit is not None:
        yield from ("--limit", str(found.limit))
    if found.chosen:
        yield from ("--correct-from", f"{found.correct_from:g}")
    if found.from_text:
        yield "--from-text"
    if (preset := _preset(run)) != _usual_preset(run):
        yield from ("--preset", preset)
    yield from ("--", found.file)


def _usual_preset(run: Run) -> str:
    from core.cli.training import starting_recipe

    return starting_recipe(str(run.config.model.get("model")), None).preset


def _engine(run: Run) -> Iterator[str]:
    engine = run.config.engine
    if engine is not None:
        yield from ("--engine", engine.url, "--engine-model", engine.model)
        yield from ("--score", str(engine.score))


def _shard(run: Run) -> Iterator[str]:
    if run.config.shard is not None:
        yield from ("--shard", run.config.shard.name)


def _evaluation(run: Run) -> Iterator[str]:
    from core.evaluation.settings import EvaluationSettings
    from core.evaluation.task import AGAINST_RUN

    yield from drawn_problems(run)
    yield from _input(run, AGAINST_RUN, "--against")
    yield from setting_options(run, EvaluationSettings())


def _interventions(run: Run) -> Iterator[str]:
    from core.interventions.settings import InterventionSettings

    yield from _teachers(run)
    yield from drawn_problems(run)
    yield from setting_options(run, InterventionSettings())


def _compare(run: Run) -> Iterator[str]:
    from core.disagreement.settings import CompareSettings

    yield from _teachers(run)
    yield from drawn_problems(run)
    yield from setting_options(run, CompareSettings())


def _rollouts(run: Run) -> Iterator[str]:
    from core.reasonmaxxer.recipe import recipe_of

    preset = _preset(run)
    yield from ("--preset", preset, "--problems", split_set(run))
    yield from setting_options(run, recipe_of(preset))


def _train(run: Run) -> Iterator[str]:
    from core.lora.run_files import EVALUATION
    from core.reasonmaxxer.recipe import recipe_of
    from core.reasonmaxxer.results import ROLLOUTS_FROM, run_recipe
    from core.reasonmaxxer.rollouts import decided_by

    preset, measured = _preset(run), run.config.settings.get("measured")
    yield from _teachers(run)
    source = run.config.inputs.get(ROLLOUTS_FROM)
    if source is None:
        yield from ("--preset", preset, "--problems", split_set(run))
        start, decided = recipe_of(preset), set[str]()
    else:
        yield from ("--rollouts", source)
        origin = Run.open(Path(source))
        start = run_recipe(origin)
        if start.preset != preset:
            start = recipe_of(preset)
            yield from ("--preset", preset)
        imported = origin.config.imported is not None
        decided = {*decided_by(imported=imported), "held_out.problems"}
    yield from ("--eval-problems", set_of(run, EVALUATION, measured))
    yield from setting_options(run, start, decided)


def _study(run: Run) -> Iterator[str]:
    yield from _train(run)
    yield from _grid(run)


def _distill_study(run: Run) -> Iterator[str]:
    from core.distillation.recipe import recipe_of
    from core.lora.run_files import EVALUATION
    from core.studies.recipe import distillation_study_of

    preset = _preset(run)
    yield from _teachers(run)
    yield from ("--preset", preset, "--problems", aside_set(run))
    yield from ("--eval-problems", set_of(run, EVALUATION, None))
    start = distillation_study_of(recipe_of(preset), (), "0")
    yield from setting_options(run, start, {"vary", "training_seeds"})
    yield from _grid(run)


def _grid(run: Run) -> Iterator[str]:
    """What a study varies, with which seeds."""
    settings = run.config.settings
    for line in settings.get("vary", ()):
        yield from ("--vary", str(line))
    yield from ("--training-seeds", ",".join(map(str, settings.get("training_seeds", (0,)))))


def _distill(run: Run) -> Iterator[str]:
    from core.distillation.recipe import recipe_of
    from core.distillation.results import TEACHER_FROM
    from core.lora.run_files import EVALUATION

    preset = _preset(run)
    yield from _teachers(run)
    yield from ("--preset", preset)
    yield from ("--problems", set_of(run, "", run.config.settings.get("problems")))
    yield from ("--eval-problems", set_of(run, EVALUATION, None))
    yield from _input(run, TEACHER_FROM, "--teacher-from")
    # Of teachers that are taken over, the day of the prompt is, too.
    yield from setting_options(
        run, recipe_of(preset), {"prompt_date"} if run.config.inputs else set()
    )


_RUNS = {
    "evaluate": _evaluation,
    "interventions": _interventions,
    "compare": _compare,
    "rollouts": _rollouts,
    "train": _train,
    "study": _study,
    "distill": _distill,
    "distill-study": _distill_study,
}


def _teachers(run: Run) -> Iterator[str]:
    for each in run.config.teachers:
        yield from ("--teacher", each)


def _input(run: Run, role: str, option: str) -> Iterator[str]:
    found = run.config.inputs.get(role)
    if found is not None:
        yield from (option, found)


def _preset(run: Run) -> str:
    return str(run.config.settings.get("preset", ""))
