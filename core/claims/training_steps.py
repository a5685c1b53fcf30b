"""Steps that train: rollouts, studies on these rollouts, and distillations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.claims.scope import Scope, check_training
from core.claims.steps import Step, teacher_of
from core.engines.served import Score
from core.lora.run_files import EVALUATION
from core.runs.config import RunPlan
from core.runs.run import Run

if TYPE_CHECKING:
    from core.claims.claim import Runs
    from core.reasonmaxxer.recipe import Recipe
    from core.studies.recipe import StudyRecipe


def _rollouts(scope: Scope, runs: Runs) -> RunPlan:
    from core.reasonmaxxer.plan import plan_rollouts

    return plan_rollouts(scope.spec, scope.training or scope.problems, _recipe(scope))


def _recipe(scope: Scope) -> Recipe:
    from core.reasonmaxxer.recipe import recipe_of
    from core.runs.settings import changed

    size = scope.size
    return changed(recipe_of(size.preset), {**size.asking, **size.fine_tune})


def _all_with_entropies(run: Run) -> bool:
    engine = run.config.engine
    scored = engine is None or engine.score is Score.ALL
    own = run.config.imported is None  # not of another model
    return own and scored and run.config.settings["rollouts"]["temperature"] > 0


ROLLOUTS = Step(
    name="rollouts",
    title="rollouts of training problems",
    task="rollouts",
    plan=_rollouts,
    fits=_all_with_entropies,
    learned=(True,),
)
"""To learn from."""

ANY_ROLLOUTS = replace(ROLLOUTS, title="rollouts", learned=(True, False))
"""To look at the base's entropies, on any of the problems."""


def study(
    name: str,
    title: str,
    vary: str,
    *values: str,
    least: int = 1,
    planned: Mapping[str, Any] | None = None,
    **fixed: float,
) -> Step:
    """A study in which one setting has at least these values, whatever else varies. No cell is a
    control by another setting: those of `_NO_CONTROL` are as they are there.

    Args:
        name: of the step.
        title: what varies, in a few words.
        vary: the setting.
        values: that it must have.
        least: number of its values, at least.
        planned: further settings of a new run, by their dotted names.
        fixed: further settings of the gate.
    """
    learning = {name: value for name, value in _NO_CONTROL.items() if name != vary}

    def fits(run: Run) -> bool:
        found = varied(run, vary)
        settings = run.config.settings.get("gate", {})
        return (
            set(map(_read, values)) <= set(map(_read, found))
            and len(found) >= least
            and all(settings.get(key) == value for key, value in fixed.items())
            and all(_has_throughout(run, *each) for each in learning.items())
        )

    def grid(scope: Scope, recipe: Recipe) -> StudyRecipe:
        from core.runs.settings import changed, checked_settings
        from core.studies.recipe import StudyRecipe

        tried = values or [f"{tau:g}" for tau in scope.size.taus]
        own = {f"gate.{key}": value for key, value in fixed.items()}
        start = changed(recipe, {**learning, **own, **(planned or {})})
        return checked_settings(
            StudyRecipe,
            {**start.model_dump(mode="json"), "vary": (f"{vary}={','.join(tried)}",)},
        )

    def plan(scope: Scope, runs: Runs) -> RunPlan:
        from core.reasonmaxxer.results import run_recipe
        from core.studies.plan import plan_study

        check_training(scope)
        rollouts = runs[ROLLOUTS.name]
        whole = grid(scope, run_recipe(rollouts))
        return plan_study(scope.spec, (), scope.problems, whole, rollouts=rollouts.folder)

    def sketch(scope: Scope) -> RunPlan:
        from core.studies.plan import plan_study

        check_training(scope)
        whole = grid(scope, _recipe(scope))
        return plan_study(scope.spec, scope.training, scope.problems, whole)

    return Step(
        name=name,
        title=title,
        task="study",
        plan=plan,
        fits=fits,
        after=(ROLLOUTS,),
        purpose=EVALUATION,
        sketch=sketch,
    )


_NO_CONTROL: Mapping[str, Any] = {
    "gate.kind": "threshold",
    "selection.positive_only": False,
    "selection.shuffle_advantages": False,
}
"""Settings whose other values are controls and ablations: a study of something else has these."""


def _has_throughout(run: Run, name: str, value: Any) -> bool:
    """Whether all cells of a study have this value of a setting."""
    group, _, field = name.partition(".")
    return not varied(run, name) and run.config.settings[group][field] == value


def varied(run: Run, name: str) -> list[str]:
    """The values of a setting that varies in a study, as they were typed; empty if it doesn't."""
    for line in run.config.settings.get("vary", ()):
        setting, _, values = str(line).partition("=")
        if setting.strip() == name:
            return [each.strip() for each in values.split(",")]
    return []


def _read(value: str) -> float | str:
    """A value of a setting, equal however a number is typed."""
    try:
        return float(value)
    except ValueError:
        return value.lower()


def distillation(rank: int, modules: Sequence[str], *, after: tuple[Step, ...] = ()) -> Step:
    """A distillation of the teacher into an adapter of a rank on some layers."""

    def fits(run: Run) -> bool:
        training = run.config.settings.get("training", {})
        own = training.get("lora_rank"), set(training.get("target_modules", ()))
        return own == (rank, set(modules))

    def plan(scope: Scope, runs: Runs) -> RunPlan:
        earlier = [runs[step.name] for step in after if step.name in runs]
        return planned(scope, earlier)

    def planned(scope: Scope, earlier: Sequence[Run]) -> RunPlan:
        from core.distillation.plan import plan_after_earlier
        from core.distillation.recipe import recipe_of
        from core.problems.problem_sets import chosen_problems
        from core.runs.settings import changed

        check_training(scope)
        preset, changes = scope.size.distil
        recipe = changed(
            recipe_of(preset),
            {
                **scope.size.asking,
                **changes,
                "training.lora_rank": rank,
                "training.target_modules": list(modules),
            },
        )
        measured = chosen_problems(scope.problems, scope.sample, recipe.seed)
        return plan_after_earlier(
            earlier, scope.spec, teacher_of(scope), scope.training, measured, recipe
        )

    return Step(
        name=f"distillation, rank {rank}",
        title=f"distillation into rank {rank} on {', '.join(modules)}",
        task="distill",
        plan=plan,
        fits=fits,
        after=after,
        needs_teacher=True,
        purpose=EVALUATION,
        sketch=lambda scope: planned(scope, ()),
    )
