"""The problems that a run is to work on: a set, and how many of it."""

from __future__ import annotations

from dataclasses import dataclass

from streamlit.delta_generator import DeltaGenerator

from core.records import Problem
from explorer.shared.problem_sets import DEMO_SET, problem_sets
from explorer.state import BrowserState


@dataclass(frozen=True)
class ProblemChoice:
    """A problem set by its name, its problems, and how many of them are worked on."""

    name: str
    problems: list[Problem]
    count: int

    @property
    def sample(self) -> int | None:
        """As `plan_...` takes it; None for all."""
        return self.count if self.count < len(self.problems) else None


def choose_problems(
    state: BrowserState, which: DeltaGenerator, number: DeltaGenerator, page: str
) -> ProblemChoice:
    """The two fields, whose names in the form begin with `page`."""
    sets = problem_sets(state)
    name = state.form.choice(which, "Problems from", f"{page} set", list(sets), DEMO_SET)
    most = max(len(sets[name]), 1)
    count = state.form.whole(
        number,
        "How many of them",
        f"{page} count of {name} {len(sets[name])}",
        most,
        1,
        most,
        help="Fewer than all are drawn at random by the seed",
    )
    return ProblemChoice(name, sets[name], count)
