"""The settings of a comparison or a distillation, back in its form."""

from __future__ import annotations

from core.disagreement.task import COMPARE, compared_models
from core.distillation.results import distillation_models, distillation_recipe
from core.lora.run_files import EVALUATION
from core.models.spec import DEMO
from core.runs.run import Run
from explorer.classroom.here import runs_here
from explorer.shared.edit_run import put_asked, put_choice, put_problems, put_settings
from explorer.shared.problem_sets import problem_sets, training_sets
from explorer.shared.teachers import compare_key, known_teachers
from explorer.state import BrowserState

TEACHER_FIELD = "distillation teacher"
"""The form field that names the teacher to distil."""


def fill_comparison(state: BrowserState, run: Run) -> None:
    """Put the settings of a run into the form.

    Raises:
        ExplorerError: they can't be read.
    """
    settings, (base, teachers) = COMPARE.settings_of(run), compared_models(run)
    known = known_teachers(base.model, runs_here())
    put_settings(state.form, "compare", settings)
    put_asked(state.form, "compare", settings)
    put_choice(state, run, "compare", problem_sets(state))
    state.form.put(compare_key(base.model), [each for each in teachers if each in known])
    other = next((each for each in teachers if each not in known), "")  # the form has one field
    state.form.put("compare other", other)


def fill_distillation(state: BrowserState, run: Run) -> None:
    """Put the settings of a run into the form.

    Raises:
        ExplorerError: they can't be read.
    """
    recipe, (base, teacher) = distillation_recipe(run), distillation_models(run)
    form, key = state.form, f"distillation {recipe.preset}"
    keys = {
        "seed": "distillation seed",
        "training.lora_rank": "distillation rank",
        "training.target_modules": "distillation layers",
        "training.report_to": "distillation log",
    }
    put_settings(form, key, recipe, keys=keys)
    put_asked(form, key, recipe)
    learned, _ = put_problems(state, run, training_sets(state))
    measured, _ = put_problems(state, run, problem_sets(state), EVALUATION)
    form.put("distillation set", learned)
    form.put("distillation evaluation", measured)
    form.put(f"distillation preset {base.model == DEMO}", recipe.preset)
    form.put(TEACHER_FIELD, teacher)
