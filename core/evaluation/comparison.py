"""Two evaluations of the same problems, compared problem by problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from core.errors import FileError, ProblemError, examples
from core.evaluation.records import ProblemSamples
from core.records import SCHEMA_VERSION, Problem, check_schema_version
from core.runs.result_files import (
    AmountEstimate,
    Count,
    DifferenceEstimate,
    Share,
    ShareEstimate,
    Text,
    known,
    unknown,
)
from core.statistics import (
    BETTER,
    SAME,
    WORSE,
    in_a_word,
    mcnemar,
    mean_of_amounts,
    mean_over_problems,
    paired_difference,
)


@dataclass(frozen=True)
class FamilyDifference:
    """One family's problems before and after."""

    family: Text | None  # None: problems without a family
    difference: DifferenceEstimate  # of pass@1; its n counts the problems


@dataclass(frozen=True)
class EvaluationComparison:
    """After, less before. A problem is solved when more than half of its samples are right."""

    n: Count  # problems
    before: ShareEstimate  # pass@1
    after: ShareEstimate
    difference: DifferenceEstimate  # of pass@1, paired by problem
    word: str  # "better", "no measurable difference" or "worse": whether the interval excludes 0
    solved_before: Count
    solved_after: Count
    mcnemar_p: Share  # of the problems that are solved only before, or only after
    gained: tuple[Text, ...]  # ids of problems solved only after
    lost: tuple[Text, ...]  # and only before
    boxed: DifferenceEstimate  # difference of the shares of boxed answers
    mean_length: AmountEstimate  # difference of the mean lengths, in tokens
    families: tuple[FamilyDifference, ...]  # empty if no problem has a family

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values are null."""
        return {"schema_version": SCHEMA_VERSION, **known(asdict(self))}

    @staticmethod
    def from_json(data: Any) -> EvaluationComparison:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        check_schema_version(data, "comparison", FileError)
        try:
            comparison = _ADAPTER.validate_python(unknown(data))
        except ValueError as error:  # pydantic's ValidationError is a ValueError
            raise _damaged() from error
        gained, lost = len(comparison.gained), len(comparison.lost)
        whole = (
            comparison.word in (BETTER, SAME, WORSE)
            and gained <= comparison.solved_after <= comparison.n - lost
            and comparison.solved_after - comparison.solved_before == gained - lost
        )
        if not whole:
            raise _damaged()
        return comparison


def compare(
    before: Sequence[ProblemSamples], after: Sequence[ProblemSamples], seed: int = 0
) -> EvaluationComparison:
    """The change from one evaluation to another, paired by problem id.

    Args:
        before: one record a problem.
        after: the records of the same problems in the other evaluation, in any order and with
            any number of samples.
        seed: of the bootstraps.

    Raises:
        ProblemError: the problems differ.
    """
    pairs = _paired(before, after)

    def values(measure: Callable[[ProblemSamples], float]) -> tuple[list[float], list[float]]:
        return [measure(new) for _, new in pairs], [measure(old) for old, _ in pairs]

    rates_after, rates_before = values(lambda record: record.pass_rate)
    difference = paired_difference(rates_after, rates_before, seed)
    lengths = zip(*values(lambda record: record.mean_length), strict=True)
    return EvaluationComparison(
        n=len(pairs),
        before=mean_over_problems(rates_before, seed),
        after=mean_over_problems(rates_after, seed),
        difference=difference,
        word=in_a_word(difference),
        solved_before=sum(old.solved for old, _ in pairs),
        solved_after=sum(new.solved for _, new in pairs),
        mcnemar_p=mcnemar([new.solved for _, new in pairs], [old.solved for old, _ in pairs]),
        gained=tuple(new.problem_id for old, new in pairs if new.solved and not old.solved),
        lost=tuple(new.problem_id for old, new in pairs if old.solved and not new.solved),
        boxed=paired_difference(*values(lambda record: record.boxed_rate), seed),
        mean_length=mean_of_amounts([new - old for new, old in lengths], seed),
        families=_families(pairs, seed),
    )


def check_same_problems(before: Sequence[Problem], after: Sequence[Problem]) -> None:
    """Refuse to compare evaluations of different problems, whatever their ids.

    Raises:
        ProblemError: naming some that only one of them has, or that differ.
    """
    _check_same_ids([problem.id for problem in before], [problem.id for problem in after])
    old = {problem.id: (problem.question, problem.answer) for problem in before}
    differing = [each.id for each in after if old[each.id] != (each.question, each.answer)]
    if differing:
        raise ProblemError(
            "The two evaluations have other questions or answers under the same ids: "
            f"{len(differing)} ({examples(differing)}).",
            "Evaluate the same problem set.",
        )


def _check_same_ids(before: Sequence[str], after: Sequence[str]) -> None:
    differing = sorted(set(before) ^ set(after))
    if differing:
        raise ProblemError(
            "The two evaluations are of different problems; only one of them has "
            f"{len(differing)} ({examples(differing)}).",
            "Evaluate the same problem set, with the same sample and seed.",
        )


def _paired(
    before: Sequence[ProblemSamples], after: Sequence[ProblemSamples]
) -> list[tuple[ProblemSamples, ProblemSamples]]:
    old = {record.problem_id: record for record in before}
    _check_same_ids(list(old), [record.problem_id for record in after])
    if len(old) != len(before) or len(after) != len(old):
        raise ProblemError(
            "An evaluation has a problem more than once.",
            "Give every problem its own id.",
        )
    return [(old[record.problem_id], record) for record in after]


def _families(
    pairs: Sequence[tuple[ProblemSamples, ProblemSamples]], seed: int
) -> tuple[FamilyDifference, ...]:
    groups: dict[str | None, list[tuple[float, float]]] = {}
    for old, new in pairs:
        groups.setdefault(new.family, []).append((new.pass_rate, old.pass_rate))
    if groups.keys() <= {None}:
        return ()
    return tuple(
        FamilyDifference(
            family,
            paired_difference([new for new, _ in group], [old for _, old in group], seed),
        )
        for family, group in groups.items()
    )


def _damaged() -> FileError:
    return FileError(
        "This comparison is damaged.", "Resume the run, which writes its results again."
    )


_ADAPTER = TypeAdapter(EvaluationComparison)
