"""The recipe of a fine-tune, of a study or of rollouts, back in the form."""

from __future__ import annotations

from core.errors import RunError
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.plan import split_problems
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import HELD_OUT, STUDY_TASK, run_recipe
from core.runs.run import Run
from core.studies.distillations import DISTILL_STUDY_TASK
from core.studies.task import STUDY
from explorer.finetune.recipe_fields import NO_TEACHER, teacher_key
from explorer.finetune.setup import learned_key, measured_key, preset_key
from explorer.finetune.study_fields import put_study
from explorer.shared.edit_run import put_asked, put_problems, put_settings
from explorer.shared.problem_sets import problem_sets, training_sets
from explorer.state import BrowserState


def fill_finetune(state: BrowserState, run: Run) -> None:
    """Put the recipe of a run into the form.

    Raises:
        ExplorerError: it can't be read.
    """
    if run.config.task == DISTILL_STUDY_TASK:
        raise RunError(
            "This form has no fields for a study of distillations.",
            "Copy the run's command (CLI), change it there, and start it from a terminal.",
        )
    recipe = run_recipe(run)
    form, preset = state.form, recipe.preset
    form.put(preset_key(state), preset)
    put_settings(form, f"tuning {preset}", recipe)
    form.put(teacher_key(preset), next(iter(run.config.teachers), NO_TEACHER))
    put_asked(form, f"tuning {preset} prompt", recipe)
    put_study(form, STUDY.settings_of(run) if run.config.task == STUDY_TASK else None)
    form.put(learned_key(preset), _learned_from(state, run, recipe))
    if run.problems(EVALUATION):
        measured, _ = put_problems(state, run, problem_sets(state), EVALUATION)
        form.put(measured_key(preset), measured)


def _learned_from(state: BrowserState, run: Run, recipe: Recipe) -> str:
    """The set that was split into the problems of the rollouts and those held out. Where the
    session has none like it, the run's own problems become one.

    Raises:
        ProblemError: the run's problems can't be read.
    """
    own, held_out = run.problems(), run.problems(HELD_OUT)
    for name, known in training_sets(state).items():
        if known and tuple(map(list, split_problems(known, recipe))) == (own, held_out):
            return name
    name = f"Problems of {run.config.name or run.id}"
    state.opened.problem_sets[name] = [*own, *held_out]
    return name
