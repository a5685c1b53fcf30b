"""Plans of runs of rollouts and of fine-tunes, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.engines.protocol import check_sampler
from core.engines.served import ServedEngine, score_of
from core.errors import RunError
from core.lora.plan import (
    base_fields,
    check_disjoint,
    check_learned,
    check_measured,
    drawn,
    question_key,
)
from core.lora.reporting import check_reporting
from core.lora.run_files import EVALUATION
from core.models.spec import ModelSpec, absolute_name, check_spec, teacher_spec
from core.problems.problem_sets import sample_problems
from core.reasonmaxxer.imported_problems import check_not_imported
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import HELD_OUT, ROLLOUTS_FROM
from core.reasonmaxxer.rollouts import finished_rollouts, with_rollouts_of
from core.reasonmaxxer.settings import Weighting
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.models import read_model
from core.system.person_path import person_path

_LARGEST_HELD_OUT_SHARE = 0.25  # of the training problems


def plan_rollouts(
    spec: ModelSpec,
    problems: Sequence[Problem],
    recipe: Recipe,
    *,
    engine: ServedEngine | None = None,
) -> RunPlan:
    """A run that samples rollouts, for one fine-tune or several.

    Args:
        spec: the base.
        problems: training problems; held-out ones are drawn from them and set aside.
        recipe: of the fine-tune to come.
        engine: a server of the base that samples them.

    Raises:
        RunError: entropies that the engine's score never computes.
        SamplerError: a sampler that the engine doesn't have.
        ModelError: the base has an adapter already, or is missing.
        ProblemError: too few problems.
    """
    check_engine(engine, recipe)
    rolled_out, held_out = split_problems(problems, recipe)
    return RunPlan(
        settings=recipe.model_dump(mode="json"),
        model=base_fields(spec),
        seed=recipe.seed,
        problems=rolled_out,
        more_problems={HELD_OUT: held_out},
        engine=engine,
    )


def plan_training(
    spec: ModelSpec,
    problems: Sequence[Problem],
    evaluation: Sequence[Problem],
    recipe: Recipe,
    *,
    rollouts: str | Path | None = None,
    teacher: str | None = None,
    engine: ServedEngine | None = None,
) -> RunPlan:
    """A run that fine-tunes, with the accuracy before and after.

    Args:
        spec: the base.
        problems: training problems.
        evaluation: problems for before and after, disjoint from the training problems.
        recipe: everything else.
        rollouts: folder of a run of rollouts or of a fine-tune, to train on its rollouts; base,
            problems, prompts and seed are then those of that run. Of imported rollouts, only base
            and problems are: how the model is asked before and after is the recipe's.
        teacher: an adapter folder for the base, or another model, whose divergence from the base
            weights the decisions; for a recipe with such weights.
        engine: a server of the base that samples the rollouts. Before and after are measured here,
            both alike.

    Raises:
        RunError: `rollouts` has no rollouts, or they are not finished; weights without a teacher,
            or a teacher without weights; an engine for rollouts that are there; the package to
            log with is missing.
        SamplerError: a sampler that the engine doesn't have.
        ModelError: the base has an adapter already, or base or teacher is missing.
        ProblemError: too few problems, or some in both sets.
    """
    check_measured(evaluation)
    check_weighting(recipe, teacher)
    check_reporting(recipe.training.report_to)
    if rollouts is not None and engine is not None:
        raise RunError(
            "The engine samples rollouts, and those of a run are given.",
            "Leave one of them out.",
        )
    check_engine(engine, recipe)
    source = None
    if rollouts is None:
        rolled_out, held_out = split_problems(problems, recipe)
        model = base_fields(spec)
    else:
        source = finished_rollouts(person_path(rollouts).resolve())
        rolled_out, held_out = source.problems(), source.problems(HELD_OUT)
        recipe = with_rollouts_of(source, recipe)
        spec = read_model(source.config.model)
        model = base_fields(spec)
    if teacher is not None:
        check_spec(teacher_spec(spec, teacher))
    check_disjoint([*rolled_out, *held_out], evaluation)
    imported = None if source is None else source.config.imported
    if imported is not None:
        check_not_imported(rolled_out, evaluation, imported)
    return RunPlan(
        imported=imported,
        settings=recipe.model_dump(mode="json"),
        inputs={} if source is None else {ROLLOUTS_FROM: str(source.folder.resolve())},
        model=model,
        teachers=[] if teacher is None else [absolute_name(teacher)],
        seed=recipe.seed,
        problems=rolled_out,
        more_problems={
            HELD_OUT: held_out,
            EVALUATION: drawn(evaluation, recipe.measured, recipe.seed),
        },
        engine=engine,
    )


def check_engine(engine: ServedEngine | None, recipe: Recipe) -> None:
    """Refuse an engine that can't sample the rollouts of a recipe with their entropies.

    Raises:
        SamplerError, RunError: as `check_sampler` and `score_of`.
    """
    if engine is not None:
        check_sampler(recipe.sampling_settings(recipe.rollouts).sampler)
        score_of(engine.score, keeps_entropy=True)


def check_weighting(recipe: Recipe, teacher: str | None) -> None:
    """Weights of decisions need a teacher, and a teacher is only there for them.

    Raises:
        RunError: one without the other.
    """
    weighting = recipe.training.weighting
    if weighting is not Weighting.NONE and teacher is None:
        raise RunError(
            f"The weights {weighting} of decisions are a teacher's divergence from the base, and "
            "no teacher is named.",
            "Name a teacher, or set training.weighting to none.",
        )
    if weighting is Weighting.NONE and teacher is not None:
        raise RunError(
            "A teacher is named, and the recipe has no weights of decisions that come from it.",
            "Set training.weighting to divergence, or leave the teacher out.",
        )


def split_problems(
    problems: Sequence[Problem], recipe: Recipe
) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """Problems to roll out, and held-out ones, drawn by the seed; fewer of a small set.

    Raises:
        ProblemError: no problems.
    """
    return set_aside(problems, recipe.held_out.problems, recipe.problems, recipe.seed)


def set_aside(
    problems: Sequence[Problem], held_out: int, learned: int | None, seed: int
) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """Problems to learn from, and as many held-out ones, drawn by the seed; of a small set a
    quarter is held out at most.

    Args:
        held_out: how many are set aside.
        learned: how many of the others are drawn; None: all.

    Raises:
        ProblemError: no problems.
    """
    check_learned(problems)
    number = min(held_out, int(_LARGEST_HELD_OUT_SHARE * len(problems)))
    aside = sample_problems(problems, number, seed) if number else []
    kept_apart = {question_key(problem) for problem in aside}
    rest = [problem for problem in problems if question_key(problem) not in kept_apart]
    return drawn(rest, learned, seed), aside
