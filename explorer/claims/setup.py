"""What claims are checked on: problems, teacher, and how much is measured."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.claims.scope import ProblemSet, Scope, default_set, scope_of
from core.claims.sizes import FULL, QUICK, size_for
from core.models.catalogue import MODELS, teachers_of
from core.models.placement import has_accelerator
from core.models.spec import DEMO, ModelSpec
from core.runs.runs_folder import RunsFolder
from explorer.shared.problem_sets import DEMO_SET, WORD_SET, problem_sets
from explorer.shared.set_choice import choose_set, upload_place
from explorer.shared.teachers import known_teachers
from explorer.state import BrowserState
from explorer.workbench import workbench

_SET = "claims set"
_NAMES = {DEMO_SET: "demo", WORD_SET: "word-problems"}
_SIZES = {QUICK: "quick: minutes on a small model", FULL: "full: all problems, narrower intervals"}


@dataclass(frozen=True)
class ClaimsSetup:
    """What the fields say."""

    spec: ModelSpec
    teacher: str | None
    problems: ProblemSet
    size: str

    def scope(self, folder: RunsFolder) -> Scope:
        """With the runs that are there now.

        Raises:
            ProblemError, RunError: as `scope_of`.
        """
        size = size_for(
            self.size,
            is_demo=self.spec.model == DEMO,
            parameters=_parameters(self.spec),
            on_cpu=self.spec.device == "cpu"
            or (self.spec.device == "auto" and not has_accelerator()),
        )
        return scope_of(folder, self.spec, size, teacher=self.teacher, problems=self.problems)


def claims_setup(state: BrowserState, folder: RunsFolder) -> ClaimsSetup:
    """Draw the fields."""
    spec, sets = state.opened.spec, problem_sets(state)
    titles = {name: title for title, name in _NAMES.items()}
    with st.container(key="claims_setup"):
        left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
    key = f"{_SET} of {spec.model}"
    name = choose_set(state, left, "Problems to measure on", key, sets, titles[default_set(spec)])
    upload_place(state, {key: name}, "claims_file")
    known = known_teachers(spec.model, folder)
    first = next((each for each in known if each not in teachers_of(spec.model)), "")
    typed = state.form.choice_or_typed(
        middle,
        "Teacher",
        f"claims teacher of {spec.model}",
        list(known),
        format_func=lambda each: known.get(each, each),
        placeholder=known.get(first, "none: only the claims about one model"),
        help="A model that was trained from this one: choose one, or type a model's folder or hub "
        "id with the same vocabulary, or the folder of a LoRA adapter for this model",
    )
    size = state.form.choice(
        right,
        "How much to measure",
        "claims size",
        list(_SIZES),
        format_func=lambda each: _SIZES[each],
        help="Of runs that are still to be made; finished runs of any size count",
    )
    problems = ProblemSet(_NAMES.get(name, name), sets.get(name, []))
    return ClaimsSetup(spec, typed or first or None, problems, size)


def _parameters(spec: ModelSpec) -> int | None:
    """How large the model is, as far as that is known."""
    facts = workbench().facts(spec)
    if facts is not None:
        return facts.parameters
    return next((each.parameters for each in MODELS if each.model == spec.model), None)
