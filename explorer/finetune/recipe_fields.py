"""Every setting of a fine-tune's recipe, as fields that begin with a preset's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.reasonmaxxer.gates import GateKind
from core.reasonmaxxer.recipe import Order, recipe_of
from explorer.shared.prompt_panel import prompt_fields
from explorer.state import BrowserState

_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_LARGEST = 10**6
_Place = st.delta_generator.DeltaGenerator


class RecipeFields:
    """Fields named by the recipe's dotted names; each preset remembers its own values.

    `changes` is what they say, for `core.reasonmaxxer.presets.changed`.
    """

    def __init__(self, state: BrowserState, preset: str) -> None:
        self.changes: dict[str, Any] = {}
        self._state, self._form, self._preset = state, state.form, preset
        self._recipe = recipe_of(preset)
        self._settings = self._recipe.model_dump(mode="json")
        self._rows = 0

    def row(self, *widths: float) -> list[_Place]:
        """Columns for the next fields."""
        self._rows += 1
        with st.container(key=f"tuning_row_{self._rows}"):
            return st.columns(widths, vertical_alignment="bottom")

    def whole(
        self, place: _Place, label: str, name: str, low: int, high: int = _LARGEST, told: str = ""
    ) -> None:
        """A whole number."""
        self.changes[name] = self._form.whole(
            place, label, self._key(name), self._preset_value(name), low, high, help=told or None
        )

    def optional(self, place: _Place, label: str, name: str, told: str) -> None:
        """A whole number, or nothing for all."""
        before = self._preset_value(name)
        self.changes[name] = self._form.optional(
            place, label, self._key(name), before, _LARGEST, placeholder="all", help=told
        )

    def real(
        self,
        place: _Place,
        label: str,
        name: str,
        low: float,
        high: float,
        step: float,
        told: str = "",
        form: str | None = None,
    ) -> None:
        """A number with decimals."""
        self.changes[name] = self._form.real(
            place,
            label,
            self._key(name),
            self._preset_value(name),
            low,
            high,
            step,
            format=form,
            help=told or None,
        )

    def switch(self, place: _Place, label: str, name: str, told: str) -> None:
        """On or off."""
        before = self._preset_value(name)
        self.changes[name] = self._form.switch(place, label, self._key(name), before, help=told)

    def choice(self, place: _Place, label: str, name: str, options: list[str], told: str) -> None:
        """One of several words."""
        self.changes[name] = self._form.choice(
            place, label, self._key(name), options, self._preset_value(name), help=told
        )

    def words(self, place: _Place, label: str, name: str, options: Sequence[str]) -> None:
        """Several words; others can be typed."""
        self.changes[name] = self._form.several(
            place, label, self._key(name), options, self._preset_value(name), typed=True
        )

    def prompt(self, place: _Place) -> None:
        """Prompt style, and below where this is called the template of the style plain."""
        choice = prompt_fields(self._state, place, self._key("prompt"), self._recipe)
        self.changes |= choice.settings()

    def _key(self, name: str) -> str:
        """The field's name in the form; each preset has fields of its own."""
        return f"tuning {self._preset} {name}"

    def _preset_value(self, name: str) -> Any:
        value: Any = self._settings
        for place in name.split("."):
            value = value[place]
        return value


def all_settings(fields: RecipeFields) -> None:
    """What most people leave as the preset has it, in the order of the work."""
    st.markdown("**Rollouts and what is kept of them**")
    first, second, third, fourth = fields.row(1, 1, 1, 1)
    fields.optional(first, "Problems", "problems", "So many are drawn by the seed")
    fields.real(second, "Top-p", "rollouts.top_p", 0.01, 1.0, 0.05, "1 is off")
    fields.whole(third, "Max new tokens", "max_new_tokens", 1, 65536)
    fields.optional(
        fourth,
        "Keep problems",
        "selection.max_problems",
        "Of those with right and wrong rollouts, the ones closest to one half",
    )
    first, second, third, fourth = fields.row(1, 1, 1, 1)
    fields.real(
        first,
        "Drop the longest",
        "selection.drop_longest",
        0.0,
        0.95,
        0.05,
        "Share of the kept rollouts, as the paper's code does",
    )
    fields.real(second, "Advantage clip", "selection.advantage_clip", 0.1, 100.0, 0.1)
    fields.whole(third, "Decoded at once", "batch_size", 1, 4096, "Chains; lower it for memory")
    fields.prompt(fourth)
    fields.switch(
        st.container(),
        "Drop truncated rollouts",
        "selection.drop_truncated",
        "Cut at the limit of new tokens; they count as wrong otherwise",
    )
    _gate(fields)
    _training(fields)
    _measuring(fields)


def _gate(fields: RecipeFields) -> None:
    st.markdown("**The gate, and ablations**")
    first, second, third, fourth = fields.row(1, 1, 1, 1)
    fields.choice(
        first,
        "Gate",
        "gate.kind",
        [str(kind) for kind in GateKind],
        "Which tokens are pushed: entropy above τ, the share of highest entropy, or a control: as "
        "many at random, as many of lowest entropy, all",
    )
    fields.real(
        second,
        "Threshold τ (nats)",
        "gate.tau",
        0.0,
        10.0,
        0.1,
        "For Do it all; with sampled rollouts you set it in step 2",
    )
    fields.real(third, "Share of top-fraction", "gate.fraction", 0.001, 1.0, 0.01)
    with fourth:
        fields.switch(
            st.container(),
            "Positive only",
            "selection.positive_only",
            "Ablation: learn from right rollouts only",
        )
        fields.switch(
            st.container(),
            "Shuffled advantages",
            "selection.shuffle_advantages",
            "Control: the same advantages on other rollouts of the problem; nothing should be "
            "learned",
        )


def _training(fields: RecipeFields) -> None:
    st.markdown("**Adapter and training**")
    rank, alpha, layers = fields.row(1, 1, 2)
    fields.whole(rank, "LoRA rank", "training.lora_rank", 1, 4096)
    fields.whole(alpha, "LoRA alpha", "training.lora_alpha", 1)
    fields.words(layers, "Target modules", "training.target_modules", _LAYERS)
    first, second, third, fourth = fields.row(1, 1, 1, 1)
    fields.real(first, "Learning rate", "training.learning_rate", 1e-7, 1.0, 1e-5, form="%.1e")
    fields.real(second, "Epochs", "training.epochs", 0.1, 1000.0, 1.0)
    fields.whole(third, "Batch size", "training.batch_size", 1, 4096, "Rollouts in memory at once")
    fields.whole(fourth, "Accumulation", "training.accumulation", 1, 4096, "Batches a step")
    first, second, third, fourth = fields.row(1, 1, 1, 1)
    fields.whole(first, "Warm-up steps", "training.warmup_steps", 0)
    fields.real(second, "Gradient clip", "training.max_grad_norm", 0.001, 1000.0, 0.1)
    fields.choice(
        third,
        "Order",
        "training.order",
        [str(order) for order in Order],
        "signal-clarity: largest advantage times share of decisions first",
    )
    fields.choice(
        fourth,
        "Averaging",
        "training.averaging",
        ["token", "sequence"],
        "Over all tokens of a step, or first over those of each rollout",
    )
    first, second, third = fields.row(1, 1, 1)
    fields.real(
        first,
        "KL weight",
        "training.kl_weight",
        0.0,
        1000.0,
        0.1,
        "How firmly everything but the decisions is held at the base",
    )
    fields.real(
        second,
        "Probability floor",
        "training.probability_floor",
        0.0,
        0.99,
        1e-4,
        "A token of a wrong rollout is pushed down no further than this; 0 is off",
        "%.4f",
    )
    fields.real(
        third,
        "Floor, as a share of the base",
        "training.relative_probability_floor",
        0.0,
        1.0,
        0.05,
        "Likewise, as a share of the base's probability; 0 is off",
    )


def _measuring(fields: RecipeFields) -> None:
    st.markdown("**Held-out problems (the best checkpoint is chosen on them), measuring, cost**")
    first, second, third, fourth = fields.row(1, 1, 1, 1)
    fields.whole(
        first,
        "Held-out problems",
        "held_out.problems",
        0,
        told="Taken from the training problems; 0 takes the last checkpoint",
    )
    fields.whole(second, "Every so many steps", "held_out.every", 1)
    fields.whole(third, "Held-out samples", "held_out.sampling.samples", 1, 1024)
    fields.real(fourth, "Held-out temperature", "held_out.sampling.temperature", 0.0, 5.0, 0.1)
    first, second, third, fourth = fields.row(1, 1, 1, 1)
    fields.whole(first, "Evaluation samples", "evaluation.samples", 1, 1024)
    fields.real(second, "Evaluation temperature", "evaluation.temperature", 0.0, 5.0, 0.1)
    fields.real(third, "Evaluation top-p", "evaluation.top_p", 0.01, 1.0, 0.05)
    fields.real(fourth, "Dollars an hour", "usd_per_hour", 0.0, 1e6, 0.1, "Of the machine")
