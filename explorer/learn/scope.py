"""On which model the lesson is: the demo, or the one that is loaded."""

from __future__ import annotations

import streamlit as st

from core.lessons.settings import LessonSettings
from core.models.spec import DEMO, ModelSpec
from core.problems.problem_sets import demo_problems
from core.runs.settings import changed
from explorer.learn.material import Material, material
from explorer.learn.progress import ON_OWN
from explorer.shared.asking import session_set, session_settings
from explorer.shared.model_chip import model_chip, model_words
from explorer.shared.problem_sets import DEMO_SET, WORD_SET, problem_sets
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState

_FEW = 4  # problems of a real model, whose chains take seconds each
_DEMO = "Demo (teaching model)"


def chosen_material(state: BrowserState) -> Material:
    """Draw the choice of the model and, for one that isn't the demo, its problems; returns the
    lesson on it.

    Raises:
        ExplorerError: there are no problems, or a setting is out of range.
    """
    own = state.opened.spec
    if own == ModelSpec(DEMO, device=own.device, dtype=own.dtype):
        return _of_demo(own)
    name = model_words(own.model, own.adapter)
    on_own = state.form.choice(
        st.container(key="learn_model"), "The lesson is on", ON_OWN, [_DEMO, name], _DEMO
    )
    if on_own != name:
        return _of_demo(ModelSpec(DEMO))
    return _of_own(state, own)


def _of_demo(spec: ModelSpec) -> Material:
    return material(spec, demo_problems(), LessonSettings())


def _of_own(state: BrowserState, spec: ModelSpec) -> Material:
    sets = problem_sets(state)
    default = session_set(state, sets, DEMO_SET if spec.model == DEMO else WORD_SET)
    with st.container(key="learn_scope"):
        which, count = st.columns([2, 1], gap="small")
    chosen = state.form.choice(which, "Problems from", "learn set", list(sets), default)
    settings = session_settings(state, LessonSettings(sample=_FEW), chosen)
    fields = SettingFields(state.form, settings, "learn")
    fields.draw(count, "sample")
    settings = changed(settings, fields.values | {"tau": state.tau})
    asked = settings.prompt_style or "the model's own prompt"
    st.caption(
        f"{model_chip(spec)} Greedy chains, {asked}, τ as in Explore. How problems are asked is "
        "set in Explore."
    )
    return material(spec, sets[chosen], settings)
