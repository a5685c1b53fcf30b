"""The rollouts of a run: its own, copied from another run, or imported from another program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import ExplorerError, RunError
from core.evaluation.records import ProblemSamples, has_samples
from core.lora.cost import add_earlier, rollout_seconds
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import (
    ROLLOUTS_FROM,
    ROLLOUTS_TASK,
    STUDY_TASK,
    TRAIN_TASK,
    run_recipe,
)
from core.runs.models import read_model
from core.runs.problem_units import kept_records, unit_reader
from core.runs.run import Run
from core.thresholds.measurement import (
    EntropyMeasurement,
    MeasuredOn,
    measurement_of,
    problems_hash,
)
from core.thresholds.settings import ThresholdSettings

if TYPE_CHECKING:
    from core.runs.context import RunContext

ROLLOUTS = "rollouts/"
"""Prefix of the units' keys."""

OF_ROLLOUTS = (
    "seed",
    "problems",
    "rollouts",
    "max_new_tokens",
    "prompt_style",
    "template",
    "examples",
    "prompt_date",
    "stop",
    "keep_run_on",
)
"""Settings of a recipe that belong to its rollouts."""

OF_IMPORTED = ("problems", "rollouts")
"""The same of rollouts that were imported, whose prompts and seed aren't those of a recipe."""


def decided_by(*, imported: bool) -> tuple[str, ...]:
    """Settings of a recipe that rollouts have decided already, sampled or imported ones."""
    return OF_IMPORTED if imported else OF_ROLLOUTS


def rollout_records(run: Run) -> list[ProblemSamples]:
    """The rollouts that a run has so far, one record a problem, with their entropies.

    Raises:
        RunError, ProblemError: settings or problems of the run can't be read.
    """
    recipe = run_recipe(run)
    is_complete = has_samples(recipe.rollouts.samples)
    if run.config.imported is not None:  # as many of a problem as the file has
        is_complete = bool
    read = unit_reader(ProblemSamples, is_complete)
    return kept_records(run.problems(), run.units(), read, ROLLOUTS)


def imported_records(run: Run) -> list[ProblemSamples]:
    """All rollouts of a run whose rollouts were imported: what is missing can't be sampled.

    Raises:
        RunError: some are missing, or damaged.
        ProblemError: its problems can't be read.
    """
    records, expected = rollout_records(run), len(run.problems())
    if len(records) < expected:
        file = "another program" if run.config.imported is None else run.config.imported.file
        raise RunError(
            f"Imported rollouts of {expected - len(records):,} of {expected:,} problems are "
            "missing or damaged, and sampling would make others.",
            f"Import {file} again, and start a new run from those rollouts.",
        )
    return records


def rollout_threshold_settings(recipe: Recipe) -> ThresholdSettings:
    """How the entropies of a fine-tune's tokens are measured: with its prompt and the sampler of
    its rollouts."""
    sampling = recipe.rollouts
    return ThresholdSettings.asked_as(
        recipe, temperature=sampling.temperature, top_p=sampling.top_p
    )


def rollout_entropies(run: Run) -> EntropyMeasurement:
    """The entropies of the rollouts that a run has so far, of all chains of a problem together.

    Raises:
        RunError, ProblemError: settings or problems of the run can't be read, it has no rollouts,
            or not all of them were scored.
    """
    records = rollout_records(run)
    lacking = sum(sample.entropy is None for each in records for sample in each.samples)
    if lacking:
        raise RunError(
            f"{lacking} rollouts of the run {run.id} were not scored, so a share of all tokens "
            "isn't known.",
            "Give a threshold in nats, or sample the rollouts with the score all.",
        )
    return entropies_of_records(run, records)


def entropies_of_records(run: Run, records: Sequence[ProblemSamples]) -> EntropyMeasurement:
    """As `rollout_entropies`, of rollouts that are read already."""
    spec, names = read_model(run.config.model), {each.problem_id for each in records}
    imported = run.config.imported is not None
    on = MeasuredOn(
        model=spec.model,
        revision=spec.revision,
        adapter=spec.adapter,
        quantization=spec.quantization,
        dtype=spec.dtype,
        weights="",
        problem_set=f"the {'imported ' * imported}rollouts of {run.id}",
        problems=problems_hash([each for each in run.problems() if each.id in names]),
        settings=rollout_threshold_settings(run_recipe(run)),
    )
    return measurement_of(
        on,
        [
            np.concatenate([np.asarray(each.entropy or (), np.float32) for each in record.samples])
            for record in records
        ],
    )


def finished_rollouts(folder: Path) -> Run:
    """The run in a folder, if it has all of its rollouts.

    Raises:
        RunError: it has none, or they are not finished.
        ProblemError: its problems can't be read.
    """
    run = Run.open(folder)
    if run.config.task not in (ROLLOUTS_TASK, TRAIN_TASK, STUDY_TASK):
        raise RunError(
            f"{folder} holds a run of {run.config.task}, which has no rollouts.",
            f"Give the folder of a run of {ROLLOUTS_TASK}, {TRAIN_TASK} or {STUDY_TASK}.",
        )
    if len(rollout_records(run)) < len(run.problems()):
        raise RunError(f"The rollouts in {folder} are not finished.", "Resume that run first.")
    return run


def take_rollouts(work: RunContext) -> None:
    """Copy the rollouts of the run's source into its own folder.

    If the source is gone or has changed, nothing is copied: the same model, problems and seed
    give the same rollouts. Of imported rollouts, `imported_records` then says so.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    run = work.run
    folder = run.config.inputs.get(ROLLOUTS_FROM)
    if folder is None or len(rollout_records(run)) == len(run.problems()):
        return
    try:
        source = finished_rollouts(Path(folder))
        same = (
            source.config.model == run.config.model
            and source.problems() == run.problems()
            and with_rollouts_of(source, run_recipe(run)) == run_recipe(run)
        )
    except ExplorerError:
        return
    if not same:
        return
    for key, unit in source.units().items():
        if key.startswith(ROLLOUTS) and key not in work.finished:
            work.keep(key, unit)
            work.finished[key] = unit
    add_earlier(work, "rollouts", rollout_seconds(source))


def with_rollouts_of(source: Run, recipe: Recipe) -> Recipe:
    """The recipe, with the settings of the rollouts taken from the run that has them.

    Raises:
        RunError: the run's settings can't be read.
    """
    theirs = run_recipe(source)
    imported = source.config.imported is not None
    own = {name: getattr(theirs, name) for name in decided_by(imported=imported)}
    if not imported:
        own["prompt_date"] = theirs.prompt_date or source.config.day
    held_out = recipe.held_out.model_copy(update={"problems": theirs.held_out.problems})
    return recipe.model_copy(update={**own, "held_out": held_out})
