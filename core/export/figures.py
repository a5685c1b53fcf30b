"""Figures, each with its 95 % interval and n; of a run in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

from core.disagreement.results import CompareResults
from core.distillation.results import DistillationResults
from core.evaluation.results import NO_FAMILY, EvaluationResults
from core.interventions.results import ArmSummary, InterventionResults
from core.reasonmaxxer.results import TrainingResults
from core.runs.headline import signed
from core.runs.model_names import teacher_words
from core.statistics import Estimate
from core.studies.headline import in_words
from core.studies.results import StudyResults
from core.system.percent import percent, percent_span

Unit = Literal["share", "difference", "amount"]


@dataclass(frozen=True)
class Figure:
    """One figure."""

    name: str
    estimate: Estimate
    unit: Unit = "share"  # "difference": of two shares
    papers: tuple[float, ...] = ()  # the paper's figures of the same, in the same unit

    @property
    def value(self) -> str:
        """The figure in words: "44.4 %", "+4.2 points", "46.8"."""
        number = self.estimate.value
        if isnan(number):
            return "unknown"
        if self.unit == "share":
            return percent(number)
        return f"{signed(100 * number)} points" if self.unit == "difference" else f"{number:.3g}"

    @property
    def interval(self) -> str:
        """The 95 % interval in words: "20.8–93.9 %"."""
        low, high = self.estimate.low, self.estimate.high
        if isnan(low) or isnan(high):
            return "unknown"
        if self.unit == "share":
            return percent_span(low, high)
        if self.unit == "difference":
            return f"{signed(100 * low)} to {signed(100 * high)}"
        return f"{low:.3g}–{high:.3g}"


def figures_of(results: Any) -> tuple[Figure, ...]:
    """The figures of a run's results; empty for a kind without any."""
    for kind, figures in _KINDS:
        if isinstance(results, kind):
            return tuple(figures(results))
    return ()


def has_figures(results: type) -> bool:
    """Whether results of this type have figures."""
    return any(issubclass(results, kind) for kind, _ in _KINDS)


def _evaluation(results: EvaluationResults) -> Iterator[Figure]:
    yield Figure(results.label, results.pass_at_1)
    yield from (Figure(f"pass@{each.k}", each.estimate) for each in results.pass_at_k[1:])
    if results.uneven is not None:
        yield Figure(results.majority, results.maj_at_k)
    elif results.samples > 1:
        yield Figure(f"majority of {results.samples}", results.maj_at_k)
    yield Figure("boxed", results.boxed)
    yield Figure("cut at the token limit", results.truncated)
    yield Figure("no answer found", results.unparseable)
    yield Figure("mean length (tokens)", results.mean_length, "amount")
    for each in results.families:
        name = NO_FAMILY if each.family is None else each.family
        yield Figure(f"pass@1, family {name}", each.pass_at_1)
    if results.comparison is not None:
        yield Figure("pass@1, less the earlier run's", results.comparison.difference, "difference")


def _interventions(results: InterventionResults) -> Iterator[Figure]:
    labels = {each.arm: each.label for each in results.arms}
    points = [point for curve in results.curves for point in curve.points]
    labels |= {each.arm: each.label for point in points for each in (point.arm, point.control)}
    for each in (*results.arms, *(each for p in points for each in (p.arm, p.control))):
        yield from _arm(each, labels)


def _arm(each: ArmSummary, labels: Mapping[str, str]) -> Iterator[Figure]:
    once = "correct" if each.sweep is None else "any replacement correct"  # of many tries
    yield Figure(f"{each.label}: {once}", each.accuracy)
    if each.comparison is not None and each.sweep is None:
        name = f"{each.label}: correct, less {labels.get(each.comparison.reference, 'base')}"
        yield Figure(name, each.comparison.difference, "difference")
    if each.sweep is not None:
        yield Figure(f"{each.label}: tries that fix the answer", each.sweep.rescues)
    if each.against_control is not None:
        name = f"{each.label}: less its control, {labels.get(each.against_control.reference, '')}"
        yield Figure(name, each.against_control.difference, "difference")


def _comparison(results: CompareResults) -> Iterator[Figure]:
    whose = "" if results.along == "base" else " of the teacher"
    yield Figure(f"chains{whose} that are correct", results.accuracy)
    for each in results.teachers:
        name = teacher_words(each.teacher)
        yield Figure(f"{name}: tokens unshifted", each.unshifted)
        yield Figure(f"{name}: tokens reranked", each.reranked)
        yield Figure(f"{name}: tokens shifted", each.shifted)
        for label, amount in (
            ("changed tokens per chain", each.changed_per_chain),
            ("mean base rank of changes", each.mean_base_rank),
            ("base entropy at changes (nats)", each.entropy_changed),
            ("base entropy elsewhere (nats)", each.entropy_unshifted),
        ):
            yield Figure(f"{name}: {label}", amount, "amount")
        above = f"{name}: share of the divergence where H > {results.tau:g} nats"
        yield Figure(above, each.js_above_tau)


def _training(results: TrainingResults) -> Iterator[Figure]:
    yield Figure("pass@1 before", results.before.pass_at_1)
    yield Figure("pass@1 after", results.after.pass_at_1)
    yield Figure("after less before", results.comparison.difference, "difference")
    yield Figure("boxed before", results.before.boxed)
    yield Figure("boxed after", results.after.boxed)


def _distillation(results: DistillationResults) -> Iterator[Figure]:
    yield Figure("pass@1 of the base", results.base.pass_at_1)
    yield Figure("pass@1 of the teacher", results.teacher.pass_at_1)
    yield Figure("pass@1 of the student", results.student.pass_at_1)
    yield Figure("student less base", results.against_base.difference, "difference")
    yield Figure("student less teacher", results.against_teacher.difference, "difference")


def _study(results: StudyResults) -> Iterator[Figure]:
    yield Figure("pass@1 of the base on the test problems", results.base_test)
    if results.teacher_test is not None:
        yield Figure("pass@1 of the teacher on the test problems", results.teacher_test)
    if results.chosen is not None:
        name = f"chosen on held-out problems, {in_words(results.chosen.values)}"
        yield Figure(f"{name}: test", results.chosen.test)
        yield Figure(f"{name}: test, less the base's", results.chosen.difference, "difference")
    for cell in results.cells:
        name = f"{in_words(cell.values)}, seed {cell.seed}"
        if cell.held_out is not None:
            yield Figure(f"exploration: {name}: held-out", cell.held_out)


_KINDS: tuple[tuple[type, Any], ...] = (
    (EvaluationResults, _evaluation),
    (InterventionResults, _interventions),
    (CompareResults, _comparison),
    (TrainingResults, _training),
    (DistillationResults, _distillation),
    (StudyResults, _study),
)
