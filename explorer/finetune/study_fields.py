"""What a study varies: the settings, their values and the seeds, as fields of the form."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import ExplorerError
from core.reasonmaxxer.recipe import Recipe
from core.runs.headline import counted
from core.studies.recipe import StudyRecipe, study_of
from core.system.setting import Setting, setting
from explorer.form import Form
from explorer.shared.messages import show_error
from explorer.shared.setting_fields import field_help
from explorer.state import BrowserState

ONE, SEVERAL = "one fine-tune", "a study over several settings"
_WHAT, _NAMES, _SEEDS = "tuning what", "tuning study varies", "tuning study seeds"  # in the form
_VALUES = "tuning study values of "  # begins the keys of the values' fields
_ACROSS = 3  # fields side by side


def wants_study(state: BrowserState) -> bool:
    """Draw the choice between one fine-tune and a study."""
    what = state.form.choice(
        st.container(),
        "What to run",
        _WHAT,
        [ONE, SEVERAL],
        ONE,
        help="A study fine-tunes once for every combination of some settings, on one set of "
        "rollouts. The settings are chosen on held-out problems",
    )
    return what == SEVERAL


def study_fields(state: BrowserState, recipe: Recipe) -> StudyRecipe | None:
    """What varies, with which values and seeds, and how many cells that makes.

    Args:
        recipe: of the form, which every cell changes.

    Returns:
        The study; None, with the reason on screen, where it can't be run.
    """
    form, known = state.form, StudyRecipe.varying(recipe)
    names, seeds = st.columns([4, 1.4], vertical_alignment="bottom")
    chosen = form.several(
        names,
        "What varies",
        _NAMES,
        known,
        ["gate.tau"],
        format_func=lambda name: setting(recipe, name).title,
        help="Every combination of the values is a cell. All cells share the rollouts, so only "
        "what comes after them can vary",
    )
    typed = form.line(
        seeds,
        "Training seeds",
        _SEEDS,
        _with_commas(StudyRecipe.model_fields["training_seeds"].default),
        help="Every combination is trained once with each; with commas",
    )
    lines = []
    with st.container(key="tuning_study_values"):
        for start in range(0, len(chosen), _ACROSS):
            for place, name in zip(
                st.columns(_ACROSS, vertical_alignment="bottom"),
                chosen[start : start + _ACROSS],
                strict=False,
            ):
                found = setting(recipe, name)
                values = form.line(
                    place,
                    f"Values: {found.label}",
                    _VALUES + name,
                    _first_values(found),
                    help=f"{field_help(found, name)}\n\nValues with commas"
                    + ("; layers that belong together are joined by +" * (found.kind is tuple)),
                )
                lines.append(f"{name}={values}")
    try:
        study = study_of(recipe, lines, typed)
    except ExplorerError as error:
        show_error(error)
        return None
    cells = study.cells()
    settings = len({cell.setting for cell in cells})
    st.caption(
        f"**{counted(len(cells), 'cell')}**: {counted(settings, 'setting')} × "
        f"{counted(len(study.training_seeds), 'seed')}, each a training and a measurement. The "
        "settings are chosen on held-out problems; only the chosen ones are confirmed on the test "
        "problems."
    )
    return study


def put_study(form: Form, study: StudyRecipe | None) -> None:
    """Put what a study varies into the fields; None: of one fine-tune."""
    form.put(_WHAT, ONE if study is None else SEVERAL)
    if study is None:
        return
    names = []
    for line in study.vary:
        name, _, values = (each.strip() for each in line.partition("="))
        names.append(name)
        form.put(_VALUES + name, values)
    form.put(_NAMES, names)
    form.put(_SEEDS, _with_commas(study.training_seeds))


def _with_commas(values: Sequence[object]) -> str:
    return ",".join(map(str, values))


def _first_values(found: Setting) -> str:
    """What the field of the values starts from: both of a switch, else the recipe's own."""
    if found.kind is bool:
        return "false,true"
    if found.kind is tuple:
        return "+".join(found.default or ())
    return "" if found.default is None else str(found.default)
