"""Choose the problems of a run: a set, and how many of them."""

from __future__ import annotations

from dataclasses import dataclass

from streamlit.delta_generator import DeltaGenerator

from core.records import Problem
from explorer.shared.asking import session_set
from explorer.shared.problem_sets import DEMO_SET, problem_sets
from explorer.shared.set_choice import choose_set
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
    """Draw the two fields; their keys in the form begin with `page`. The set is Explore's until a
    person chooses another one."""
    sets = problem_sets(state)
    default = session_set(state, sets, DEMO_SET)
    name = choose_set(state, which, "Problems from", set_key(page), sets, default)
    problems = sets.get(name, [])
    most = max(len(problems), 1)
    count = state.form.whole(
        number,
        "Number of problems",
        f"{page} count of {name} {len(problems)}",
        most,
        1,
        most,
        help="Fewer than all: a random sample (uses the seed)",
        disabled=not problems,
    )
    return ProblemChoice(name, problems, count if problems else 0)


def set_key(page: str) -> str:
    """Of the field of the problem set."""
    return f"{page} set"
