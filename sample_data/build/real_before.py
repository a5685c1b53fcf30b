"""The accuracy before training is the base's: of all fine-tunes of a seed, one measures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.evaluation.records import ProblemSamples, has_samples
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import TRAIN_TASK, run_recipe
from core.runs.problem_units import problem_units, unit_reader
from core.runs.run import Run

if TYPE_CHECKING:
    from core.runs.context import RunContext

_BEFORE = "before/"  # prefix of the units' keys


def take_before(work: RunContext, runs: Path) -> None:
    """Copy what other fine-tunes have measured before training, as far as it is what this one
    would measure: the same chains, since a chain depends on the seed, its problem and its number.

    Args:
        work: the fine-tune.
        runs: the folder with the others; each may be at work, unfinished or missing.
    """
    own, problems = run_recipe(work.run), work.run.problems(EVALUATION)
    for folder in sorted(runs.glob(f"*-{own.seed}")):
        if folder == work.run.folder or not (folder / "config.json").exists():
            continue
        other = Run.open(folder)
        if other.config.task != TRAIN_TASK or other.config.model != work.run.config.model:
            continue
        theirs = run_recipe(other)
        enough = theirs.evaluation.samples >= own.evaluation.samples
        if not enough or _chains(theirs) != _chains(own):
            continue
        if other.problems(EVALUATION) != problems:
            continue
        read, units = (
            unit_reader(ProblemSamples, has_samples(theirs.evaluation.samples)),
            other.units(),
        )
        for unit in problem_units(problems, _BEFORE):
            records = read(units.get(unit.key), unit.problems)
            if unit.key not in work.finished and records is not None:
                kept = [_first(each, own.evaluation.samples).to_json() for each in records]
                work.keep(unit.key, kept)
                work.finished[unit.key] = kept


def _chains(recipe: Recipe) -> Mapping[str, Any]:
    """The settings that a measured chain depends on."""
    settings = recipe.sampling_settings(recipe.evaluation)
    return settings.model_dump(exclude={"samples", "batch_size"})


def _first(record: ProblemSamples, samples: int) -> ProblemSamples:
    """A record with its first samples only; votes point at earlier samples."""
    return replace(record, samples=record.samples[:samples])
