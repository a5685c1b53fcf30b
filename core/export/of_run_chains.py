"""One chain of a run, scored again by the run's models, to hand out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.disagreement.reading import read_chain
from core.disagreement.records import ComparedChain
from core.disagreement.task import COMPARE, compared_models
from core.errors import PositionError, RunError
from core.evaluation.records import ProblemSamples
from core.evaluation.scoring import scored_sample
from core.evaluation.task import EVALUATE
from core.export.document import Handout
from core.export.of_chains import DEFAULT_TAU, chain_handout, comparison_handout
from core.interventions.records import ProblemRecord
from core.interventions.scoring import scored_arm
from core.interventions.task import INTERVENTIONS
from core.kinds import kind_entry, kind_title
from core.models.spec import ModelSpec, teacher_spec
from core.records import Outcome
from core.runs.kind import Kind
from core.runs.models import base_and_teachers
from core.runs.run import Run

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

Load = Callable[[ModelSpec], "LanguageModel"]
"""Loads a model."""


def run_chain_handout(
    run: Run, problem: int, chain: int, load: Load, tau: float = DEFAULT_TAU
) -> Handout:
    """One chain of a run with the statistics of its tokens; of a comparison, with both models'.

    Args:
        problem, chain: numbers from 1; the chains of a problem are its samples, arms or teachers.
        load: of the run's models.
        tau: threshold of forks, nats.

    Raises:
        RunError: a kind of run that keeps no chains, or whose files are damaged.
        PositionError: no such problem or chain, or not yet.
        ExplorerError: a model can't be loaded.
    """
    kind: Any = kind_entry(run).load()
    if not isinstance(kind, Kind):
        raise RunError(
            f"A run of the kind {kind_title(run)} keeps no chains to export.",
            "Export the run as a whole: leave --chain out.",
        )
    asked = _numbered(run.problems(), problem, "problem")
    record = next((each for each in kind.records_of(run) if each.problem_id == asked.id), None)
    if record is None:  # workers solve problems in any order
        raise PositionError(
            f"Problem {problem} of the run {run.id} isn't done.",
            "Resume the run, or give the number of another problem.",
        )
    spec = base_and_teachers(run)[0]
    if isinstance(record, ComparedChain):
        name = _numbered(compared_models(run)[1], chain, "teacher")
        lm = load(spec)
        second = load(teacher_spec(spec, name))
        read = read_chain(lm, second, asked, record, COMPARE.settings_of(run))
        return comparison_handout(read, Outcome(record.answer, record.verdict, False), name, tau)
    if isinstance(record, ProblemSamples):
        sample = _numbered(record.samples, chain, "sample")
        scored = scored_sample(load(spec), asked, record, chain - 1, EVALUATE.settings_of(run))
        outcome = Outcome(sample.answer, sample.verdict, sample.boxed)
        return chain_handout(scored, outcome, tau)
    assert isinstance(record, ProblemRecord)
    arm = _numbered(record.chains, chain, "arm")
    scored = scored_arm(load(spec), asked, record, arm.arm, INTERVENTIONS.settings_of(run))
    whole = chain_handout(scored, Outcome(arm.answer, arm.verdict, arm.boxed), tau)
    return replace(whole, facts=(*whole.facts, ("arm", arm.arm)))


def _numbered(things: Any, number: int, noun: str) -> Any:
    if not 1 <= number <= len(things):
        raise PositionError(
            f"There is no {noun} {number}: there are {len(things)}.",
            f"Give a number from 1 to {len(things)}.",
        )
    return things[number - 1]
