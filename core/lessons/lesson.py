"""The whole lesson on one model: what it shows and asks in every step, for paper, terminal and
Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING, Any

from core.chains.forks import fork_positions
from core.chains.pivotality import decisive
from core.disagreement.headline import compare_headline
from core.interventions.headline import intervention_headline
from core.interventions.results import InterventionResults
from core.lessons.amounts import Unit, amount, in_unit
from core.lessons.chains import JudgedChain, LessonChains, find_lesson_chains
from core.lessons.checks import ChoiceCheck, TokenCheck, guess_check, strongest_fork_check
from core.lessons.measuring import (
    Decisions,
    Tuning,
    measure_control,
    measure_decisions,
    measure_tuning,
)
from core.lessons.outline import STEPS, Step
from core.lessons.papers import claims_check
from core.lessons.questions import (
    control_check,
    force_check,
    idle_check,
    tuning_check,
)
from core.lessons.settings import LessonSettings
from core.lessons.toy import ToyCheck
from core.models.spec import DEMO, DEMO_NOTICE
from core.problems.problem_sets import chosen_problems
from core.records import SCHEMA_VERSION, Chain, Problem
from core.runs.headline import counted, interval, points
from core.runs.model_names import model_words
from core.system.percent import percent

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

Check = ToyCheck | TokenCheck | ChoiceCheck
Report = Callable[[str, int, int], None]
"""Called with what is being done, and how much of it is done of how much."""


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
        f"None of the {searched} has a token above the threshold of {tau}, so there is no fork to "
        "look at. Lower the threshold, or take more problems."
    )


def tuning_figures(tuning: Tuning, unit: Unit) -> tuple[str, ...]:
    """What a trained model changes, where, and what following it is worth beside its control."""
    teacher, base = tuning.teacher, tuning.arm("base")
    scale = in_unit(1.0, unit)
    both = [
        f"{words} {amount(found.value, unit)} {found.brackets(2, scale=scale)}"
        for words, found in (
            ("at changed tokens", teacher.entropy_changed),
            ("at the others", teacher.entropy_unshifted),
        )
        if not isnan(found.value)  # there are no such tokens
    ]
    entropy = f"Entropy {', '.join(both)} (95 % intervals)."
    arms = []
    for key, words in (
        ("oracle", "following the trained model wherever it disagrees"),
        ("random_position", "as a control, as many tokens at random positions"),
        ("teacher", "the trained model by itself"),
    ):
        comparison = tuning.arm(key).comparison
        if comparison is not None:
            arms.append(f"{words}, {points(comparison.difference)}")
    correct = (
        f"The base is correct on {percent(base.accuracy.value)} of {counted(base.n, 'problem')} "
        f"({interval(base.accuracy)})."
    )
    headline = compare_headline(tuning.compared).sentence
    return (headline, entropy, f"{correct} Against it: {'; '.join(arms)}.")


def decision_figures(decisions: Decisions) -> tuple[str, ...]:
    """How much the two forks decide, each with its n and the control beside it."""
    both = [decisions.idle, *([] if decisions.fork is None else [decisions.fork])]
    sure = decisive([replace(each, position=number) for number, each in enumerate(both)])
    names = ("This fork", "Control, the fork of the step “Force another token”,")
    found = []
    for number, (name, each) in enumerate(zip(names, both, strict=False)):
        counts = [one.p_correct for one in each.alternatives]
        often = dict.fromkeys(percent(end(one.value for one in counts), 0) for end in (min, max))
        p = "p < 0.001" if each.p_value < 0.001 else f"p = {each.p_value:.2g}"
        word = "" if number in sure else f" {each.undecided}."
        if number in sure and number == 0:
            word = (
                " Its greedy endings agree, but the sampled ones differ: it does decide something."
            )
        found.append(
            f"{name} explains {percent(each.share_decided, 0)} of the variation in correctness "
            f"({p}, n = {counts[0].n} samples after each of {len(counts)} alternatives; correct "
            f"{' to '.join(often)} of the time).{word}"
        )
    return tuple(found)


def prepare_lesson(
    lm: LanguageModel,
    teacher: LanguageModel | None,
    problems: Sequence[Problem],
    settings: LessonSettings,
    *,
    teacher_name: str = "",
    report: Report = lambda doing, done, total: None,
    cancel: Callable[[], bool] = lambda: False,
) -> Lesson | None:
    """Choose the chains and measure the figures of a lesson.

    Args:
        teacher: a trained model; None leaves that step out.
        problems: of which the settings take a sample.
        teacher_name: as it is shown.
        cancel: asked between tokens.

    Returns:
        The lesson; None when cancelled.

    Raises:
        ProblemError: there are no problems, or some without a readable gold answer.
        PromptError, ModelError, ResourceError: as `find_lesson_chains` and the measurements.
    """
    drawn = lesson_problems(problems, settings)
    chains = find_lesson_chains(
        lm, drawn, settings, on_progress=lambda *at: report("Finding chains", *at), cancel=cancel
    )
    if chains is None:
        return None
    control = measure_control(
        lm,
        drawn,
        settings,
        on_progress=lambda *at: report("Forks against random tokens", *at),
        cancel=cancel,
    )
    if control is None:
        return None
    tuning = None
    if teacher is not None:
        tuning = measure_tuning(
            lm,
            teacher,
            teacher_name,
            drawn,
            settings,
            on_progress=lambda *at: report("What training changes", *at),
            cancel=cancel,
        )
        if tuning is None:
            return None
    decisions = None
    if chains.idle is not None:
        total, done = (
            settings.samples
            * sum(len(each.endings) for each in (chains.idle, chains.fork) if each),
            0,
        )

        def one_more() -> None:
            nonlocal done
            done += 1
            report("What two forks decide", done, total)

        decisions = measure_decisions(
            lm, chains, samples=settings.samples, cancel=cancel, on_ending=one_more
        )
        if decisions is None:
            return None
    spec = lm.spec
    return Lesson(
        model_words(spec.model, spec.adapter),
        spec.model == DEMO,
        len(drawn),
        settings,
        chains,
        control,
        tuning,
        decisions,
    )


def lesson_problems(problems: Sequence[Problem], settings: LessonSettings) -> Sequence[Problem]:
    """The problems of a lesson: a sample drawn by the seed, or all if there are fewer.

    Raises:
        ProblemError: there are none.
    """
    sample = None if settings.sample >= len(problems) else settings.sample
    return chosen_problems(problems, sample, settings.seed)
