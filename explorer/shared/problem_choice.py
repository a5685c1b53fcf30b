"""Choose the problems of a run: a set, and how many of them."""

from __future__ import annotations

from dataclasses import dataclass

from streamlit.delta_generator import DeltaGenerator

from core.records import Problem
from explorer.shared.problem_sets import DEMO_SET, problem_sets
from explorer.state import BrowserState


@dataclass(frozen=True)
class ProblemChoice:
    """A problem set's name, its problems, and the number to use."""

    name: str
    problems: list[Problem]
    count: int

    @property
    def sample(self) -> int | None:
        """The sample size for `plan_...`; None for all."""
        return self.count if self.count < len(self.problems) else None


def choose_problems(
    state: BrowserState, which: DeltaGenerator, number: DeltaGenerator, page: str
) -> ProblemChoice:
    """Draw the two fields; their keys in the form begin with `page`."""
    sets = problem_sets(state)
    name = state.form.choice(which, "Problems from", f"{page} set", list(sets), DEMO_SET)
    most = max(len(sets[name]), 1)
    count = state.form.whole(
        number,
        "Number of problems",
        f"{page} count of {name} {len(sets[name])}",
        most,
        1,
        most,
        help="Fewer than all: a random sample (uses the seed)",
    )
    return ProblemChoice(name, sets[name], count)
