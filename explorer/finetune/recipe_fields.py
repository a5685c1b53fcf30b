"""Every setting of a fine-tune's recipe, as fields that begin with a preset's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.lora.recipe import ALL_LAYERS
from core.reasonmaxxer.recipe import recipe_of
from explorer.classroom.here import runs_here
from explorer.shared.asking import session_settings
from explorer.shared.prompt_panel import PromptChoice, prompt_fields
from explorer.shared.setting_fields import SettingFields
from explorer.shared.teachers import known_teachers
from explorer.state import BrowserState

_Looks = Mapping[str, Any]  # further arguments of a Streamlit widget
_PLAIN: _Looks = {}
_HEAT: _Looks = {"step": 0.1}
_SHARE: _Looks = {"step": 0.05}
_ALL: _Looks = {"placeholder": "all"}


class RecipeFields:
    """Fields of a preset's settings; each preset remembers its own values.

    `changes` has the values by the settings' dotted names, for `core.runs.settings.changed`.
    """

    def __init__(
        self, state: BrowserState, preset: str, problem_set: str, typed: Mapping[str, str]
    ) -> None:
        """Args:
        problem_set: to learn from, whose prompt in Explore the fields start from.
        typed: texts that the fields of the prompt start from.
        """
        self._state, self._prefix, self._typed = state, f"tuning {preset}", typed
        self._recipe = session_settings(state, recipe_of(preset), problem_set)
        self.choice = PromptChoice()
        self._rows = 0
        self.fields = SettingFields(state.form, self._recipe, self._prefix)

    @property
    def changes(self) -> dict[str, Any]:
        """The values of all fields that are drawn."""
        return self.fields.values

    def row(self, *columns: tuple[str, _Looks], more: int = 0) -> list[DeltaGenerator]:
        """Fields side by side: names of settings, and how they look; returns `more` free places
        beside them."""
        self._rows += 1
        with st.container(key=f"tuning_row_{self._rows}"):
            places = st.columns(len(columns) + more, vertical_alignment="bottom")
        for place, (name, looks) in zip(places, columns, strict=False):
            self.fields.draw(place, name, **looks)
        return places[len(columns) :]

    def weights(self) -> None:
        """A teacher and, where one is chosen, how it weights the decisions."""
        state, model = self._state, self._state.opened.spec.model
        known = known_teachers(model, runs_here())
        with st.container(key="tuning_weights"):
            whose, how = st.columns(2, vertical_alignment="bottom")
        teacher = state.form.choice(
            whose,
            "Teacher for weights of decisions",
            teacher_key(self._recipe.preset),
            [NO_TEACHER, *known],
            format_func=lambda each: known.get(each, each),
            help="Where it diverges more from the base, a decision is pushed more strongly",
        )
        if teacher != NO_TEACHER:
            self.fields.draw(how, "training.weighting")

    def prompt(self, place: DeltaGenerator) -> None:
        """Prompt style, and below where this is called the template of the style plain."""
        self.choice = prompt_fields(
            self._state, place, f"{self._prefix} prompt", self._recipe, self._typed
        )
        self.fields.values |= self.choice.settings()


NO_TEACHER = "none"
"""In the field of the teacher."""


def teacher_key(preset: str) -> str:
    """The form's field of the teacher whose divergence weights the decisions."""
    return f"tuning {preset} teacher"


def all_settings(fields: RecipeFields) -> DeltaGenerator:
    """What most people leave as the preset has it, in the order of the work.

    Returns:
        The place below the gate's fields.
    """
    st.markdown("**Rollouts, and which are kept**")
    fields.row(
        ("problems", _ALL),
        ("rollouts.top_p", _SHARE),
        ("max_new_tokens", _PLAIN),
        ("selection.max_problems", _ALL),
    )
    (place,) = fields.row(
        ("selection.pass_rate_window", _SHARE),
        ("selection.drop_longest", _SHARE),
        ("selection.advantage_clip", _HEAT),
        ("batch_size", _PLAIN),
        more=1,
    )
    fields.prompt(place)
    fields.row(
        ("selection.drop_truncated", _PLAIN),
        ("selection.positive_only", _PLAIN),
        ("selection.shuffle_advantages", _PLAIN),
    )
    st.markdown("**The gate**")
    fields.row(("gate.kind", _PLAIN), ("gate.tau", _HEAT), ("gate.fraction", {"step": 0.01}))
    below_the_gate = st.container()
    st.markdown("**Adapter and training**")
    fields.row(
        ("training.lora_rank", _PLAIN),
        ("training.lora_alpha", _PLAIN),
        ("training.target_modules", {"options": ALL_LAYERS}),
    )
    fields.row(
        ("training.learning_rate", {"step": 1e-5, "format": "%.1e"}),
        ("training.epochs", {"step": 1.0}),
        ("training.batch_size", _PLAIN),
        ("training.accumulation", _PLAIN),
    )
    fields.row(
        ("training.warmup_steps", _PLAIN),
        ("training.max_grad_norm", _HEAT),
        ("training.order", _PLAIN),
        ("training.averaging", _PLAIN),
    )
    fields.row(
        ("training.kl_weight", _HEAT),
        ("training.probability_floor", {"step": 1e-4, "format": "%.4f"}),
        ("training.relative_probability_floor", _SHARE),
        ("training.report_to", _PLAIN),
    )
    fields.weights()
    st.markdown("**Held-out problems (the best checkpoint is chosen on them), measuring, cost**")
    fields.row(
        ("held_out.problems", _PLAIN),
        ("held_out.every", _PLAIN),
        ("held_out.sampling.samples", _PLAIN),
        ("held_out.sampling.temperature", _HEAT),
    )
    fields.row(
        ("measured", _ALL),
        ("evaluation.samples", _PLAIN),
        ("evaluation.temperature", _HEAT),
        ("evaluation.top_p", _SHARE),
        ("usd_per_hour", _HEAT),
    )
    return below_the_gate
