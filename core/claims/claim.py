"""A claim: one sentence of a paper with its figure, the runs that answer it, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.claims.rules import Rule, Verdict, together
from core.statistics import Estimate

if TYPE_CHECKING:
    from core.claims.papers import Paper
    from core.claims.scope import Scope
    from core.claims.steps import Step
    from core.runs.run import Run

Unit = Literal["share", "points", "times", "nats", "rank"]
"""Of a figure: a share of 1, a difference of shares, a ratio, nats, a rank from 1."""

Runs = Mapping[str, "Run"]
"""The runs that answer a claim, by the names of their steps."""


@dataclass(frozen=True)
class Figure:
    """A measured figure with its 95 % interval and n."""

    label: str
    estimate: Estimate
    unit: Unit
    of: str = "problems"  # what its n counts


@dataclass(frozen=True)
class Check:
    """A figure, and what it must be for the claim to hold."""

    figure: Figure
    rule: Rule

    @property
    def verdict(self) -> Verdict:
        """Of this figure alone."""
        return self.rule.judge(self.figure.estimate)


@dataclass(frozen=True)
class Finding:
    """What runs say about a claim.

    Attributes:
        checks: the first one's figure is the one beside the paper's.
        control: what the figure is compared with, or why it has no control.
        more: further facts, in sentences.
        exploratory: why the figure only explores, in a sentence; "" where it confirms.
    """

    checks: tuple[Check, ...]
    control: Figure | str
    more: tuple[str, ...] = ()
    exploratory: str = ""

    @property
    def verdict(self) -> Verdict:
        """Of all figures together."""
        return together([each.verdict for each in self.checks])

    @property
    def enough(self) -> int | None:
        """The n that would tell, if the figures stay what they are; None if it can tell already, or
        no n would."""
        if self.verdict is not Verdict.UNCLEAR:
            return None
        unclear = [each for each in self.checks if each.verdict is Verdict.UNCLEAR]
        needed = [each.rule.enough(each.figure.estimate) for each in unclear]
        return None if None in needed else max(each for each in needed if each is not None)


@dataclass(frozen=True)
class Claim:
    """A finding of a paper.

    Attributes:
        id: for the command line and for links.
        section: of the paper, or its topic where the number isn't known.
        sentence: the finding, for any model.
        stated: the paper's figure, as text.
        numbers: the same as numbers, in the unit of the first figure that is measured; empty where
            the paper's figure is of something else.
        steps: the runs that answer it.
        read: what these runs say; None where their results lack the figure.
    """

    id: str
    paper: Paper
    section: str
    sentence: str
    stated: str
    numbers: tuple[float, ...]
    steps: tuple[Step, ...]
    read: Callable[[Runs, Scope], Finding | None]

    @property
    def needs_teacher(self) -> bool:
        """Whether it is about a base and a model trained from it."""
        return any(step.needs_teacher for step in self.steps)


MARGIN = 0.05
"""Two accuracies whose difference is certainly below 5 points count as equal."""
