"""The whole lesson on one model: what it shows and asks in every step, for paper, terminal and
Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.chains.forks import fork_positions
from core.interventions.headline import intervention_headline
from core.interventions.results import InterventionResults
from core.lessons.amounts import Unit, amount
from core.lessons.chains import JudgedChain, LessonChains
from core.lessons.checks import ChoiceCheck, TokenCheck, guess_check, strongest_fork_check
from core.lessons.figures import decision_figures, tuning_figures
from core.lessons.measuring import Decisions, Tuning
from core.lessons.outline import STEPS, Step
from core.lessons.papers import claims_check
from core.lessons.questions import control_check, force_check, idle_check, tuning_check
from core.lessons.settings import LessonSettings
from core.lessons.toy import ToyCheck
from core.models.spec import DEMO_NOTICE
from core.records import SCHEMA_VERSION, Chain
from core.runs.headline import counted

Check = ToyCheck | TokenCheck | ChoiceCheck


@dataclass(frozen=True, eq=False)
class Lesson:
    """A lesson on one model; parts that were not measured, or not yet, are None.

    Attributes:
        model: in words, with its adapter.
        is_demo: whether it is the teaching model.
        problems: on which the figures were measured.
    """

    model: str
    is_demo: bool
    problems: int
    settings: LessonSettings
    chains: LessonChains | None = None
    control: InterventionResults | None = None
    tuning: Tuning | None = None
    decisions: Decisions | None = None

    @property
    def reading(self) -> JudgedChain | None:
        """The chain that is read; None if no chain has a fork."""
        return None if self.chains is None else self.chains.reading

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader must know first."""
        return (DEMO_NOTICE,) if self.is_demo else ()

    def check(self, step: Step, unit: Unit) -> Check | None:
        """The check of a step; None where this model shows nothing to ask about."""
        if step.key == "entropy":
            return ToyCheck(unit)
        if step.key == "claims":
            return claims_check()
        if step.key == "control":
            return None if self.control is None else control_check(self.control)
        if step.key == "tuning":
            found = self.tuning
            return None if found is None or not found.teacher.tokens else tuning_check(found)
        return None if self.chains is None else self._check_of_chains(self.chains, step, unit)

    def _check_of_chains(self, chains: LessonChains, step: Step, unit: Unit) -> Check | None:
        tau = self.settings.tau
        if step.key == "heatmap" and self.reading is not None:
            return strongest_fork_check(self.reading.chain, tau, unit)
        if step.key == "guess" and chains.other is not None:
            chain = chains.other.chain
            return guess_check(chain, fork_positions(chain, tau).tolist(), tau, unit)
        if step.key == "force" and chains.fork is not None:
            return force_check(chains.fork)
        if step.key == "idle" and chains.idle is not None:
            return idle_check(chains.idle, unit)
        return None

    def missing(self, step: Step, unit: Unit) -> str:
        """Why a step has no check, and what to do."""
        if step.key == "tuning":
            if self.tuning is None:
                return (
                    "No trained model was compared with this one. Measure this step first, which "
                    "needs a model that was fine-tuned from this one."
                )
            return (
                f"All {counted(self.problems, 'chain')} of this model are empty, so there is no "
                "token to compare. Ask in another way."
            )
        if step.key == "control":
            if self.control is None:
                return (
                    "Forks were not compared with random tokens on this model. Measure this step "
                    "first."
                )
            return (
                f"None of the {counted(self.problems, 'chain')} has a wrong answer to fix. Take "
                "more problems, or harder ones."
            )
        assert self.chains is not None
        return _missing_chain(step, self.chains, amount(self.settings.tau, unit))

    def chain_of(self, step: Step) -> Chain | None:
        """The chain that a step looks at; None for a step without one."""
        if self.chains is None:
            return None
        chains = self.chains
        found = {
            "heatmap": self.reading,
            "guess": chains.other,
            "force": chains.fork and chains.fork.judged,
            "idle": chains.idle and chains.idle.judged,
        }.get(step.key)
        return None if found is None else found.chain

    def to_json(self, unit: Unit) -> dict[str, Any]:
        """A JSON-ready dict: every step with its question, options, answer and figures.

        Args:
            unit: of entropies.
        """
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "lesson",
            "model": self.model,
            "problems": self.problems,
            "settings": self.settings.model_dump(mode="json"),
            "notices": list(self.notices),
            "steps": [self._step_json(each, unit) for each in STEPS],
        }

    def _step_json(self, step: Step, unit: Unit) -> dict[str, Any]:
        check, chain = self.check(step, unit), self.chain_of(step)
        return {
            "step": step.key,
            "title": step.title,
            "says": step.says,
            "missing": self.missing(step, unit) if check is None else "",
            "chain": None
            if chain is None
            else {
                "problem": chain.problem.id,
                "question": chain.problem.question,
                "text": chain.text,
            },
            "question": "" if check is None else check.question,
            "options": list(check.options) if isinstance(check, ChoiceCheck) else [],
            "answer": "" if check is None else check.answer,
            "figures": list(self.figures(step, unit)),
            "notes": list(step.notes),
        }

    def figures(self, step: Step, unit: Unit) -> tuple[str, ...]:
        """What was measured for a step, each in one sentence with n, interval and control."""
        if step.key == "control" and self.control is not None:
            return (intervention_headline(self.control).sentence,)
        if step.key == "tuning" and self.tuning is not None:
            return tuning_figures(self.tuning, unit)
        if step.key == "idle" and self.decisions is not None:
            return decision_figures(self.decisions)
        return ()


def _missing_chain(step: Step, chains: LessonChains, tau: str) -> str:
    searched = counted(chains.searched, "chain")
    if step.key == "idle" and chains.tried:
        return (
            f"Of the {chains.tried} forks that were tried in {searched}, none leaves the answer as "
            "it is with all its alternatives. Take more problems, or do this step on the demo."
        )
    if step.key == "force" and chains.tried:
        return (
            f"None of the {chains.tried} forks that were tried in {searched} leads to another "
            "answer. Take more problems, or do this step on the demo."
        )
    if step.key == "guess" and chains.tried:
        return (
            f"Only one of the {searched} has a token above the threshold of {tau}. Take more "
            "problems, or lower the threshold."
        )
    return (
        f"None of the {searched} has a token above the threshold of {tau}, so there are no forks "
        "to look at. Lower the threshold, or take more problems."
    )
