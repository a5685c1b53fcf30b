"""From the samples of an evaluation to its figures, each with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from core.chains.judging import VERDICTS
from core.errors import ProblemError
from core.evaluation.comparison import EvaluationComparison
from core.evaluation.records import ProblemSamples
from core.records import SCHEMA_VERSION
from core.runs.result_files import (
    AmountEstimate,
    Cell,
    Count,
    ShareEstimate,
    Text,
    known,
    reading_results,
    spreadsheet_safe,
    unknown,
)
from core.statistics import (
    Estimate,
    mean_of_amounts,
    mean_over_problems,
    pass_at_k,
    ratio_over_chains,
    share,
)

_EVERY_K = 32  # the curve has every k up to here, then powers of two and n

NO_FAMILY = "other"
"""Label of the problems without a family, beside those that have one."""


@dataclass(frozen=True)
class PassAtK:
    """A point of the pass@k curve: the share of problems that k samples solve, unbiased."""

    k: Count
    estimate: ShareEstimate


@dataclass(frozen=True)
class FamilySummary:
    """The problems of one family."""

    family: Text | None  # None: problems without a family
    n: Count  # problems
    pass_at_1: ShareEstimate


@dataclass(frozen=True)
class EvaluationResults:
    """The results of an evaluation. The n of every estimate counts problems, since samples of one
    problem are not independent of each other."""

    n: Count  # problems
    samples: Count  # a problem; where their numbers differ, the fewest
    pass_at_1: ShareEstimate  # mean over problems of the share of samples that are right: avg@n
    pass_at_k: tuple[PassAtK, ...]  # k = 1 to `samples`
    maj_at_k: ShareEstimate  # share of problems whose majority answer of all samples is right
    boxed: ShareEstimate  # share of samples
    truncated: ShareEstimate  # share of samples that reached the limit of new tokens
    unparseable: ShareEstimate  # share of samples without an answer that can be read
    mean_length: AmountEstimate  # tokens
    verdicts: dict[str, Count]  # samples by verdict; they add up to n times samples
    families: tuple[FamilySummary, ...]  # empty if no problem has a family
    comparison: EvaluationComparison | None = None  # with an earlier evaluation
    at_forks: ShareEstimate | None = None  # share of tokens drawn at the temperature of forks
    uneven: Count | None = None  # samples in all, where problems have different numbers of them

    @property
    def chains(self) -> int:
        """Samples in all."""
        return self.n * self.samples if self.uneven is None else self.uneven

    @property
    def label(self) -> str:
        """Name of `pass_at_1`: pass@1, or avg@n for the mean of n samples."""
        if self.uneven is not None:
            return "pass@1 (mean of all samples)"
        return f"pass@1 (mean of {self.samples} samples)" if self.samples > 1 else "pass@1"

    @property
    def majority(self) -> str:
        """Name of `maj_at_k`: maj@n."""
        return f"maj@{self.samples}" if self.uneven is None else "majority of all samples"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values are null."""
        data = {"schema_version": SCHEMA_VERSION, **known(asdict(self)), "label": self.label}
        for name in ("at_forks", "uneven"):
            if data[name] is None:
                del data[name]
        data["comparison"] = None if self.comparison is None else self.comparison.to_json()
        return data

    @staticmethod
    def from_json(data: Any) -> EvaluationResults:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        with reading_results(data):
            results = _ADAPTER.validate_python(unknown(data))
            if results.verdicts.keys() != set(VERDICTS):
                raise ValueError("other verdicts")
            if sum(results.verdicts.values()) != results.chains:
                raise ValueError("more or fewer verdicts than samples")
            if [each.k for each in results.pass_at_k] != _points(results.samples):
                raise ValueError("another curve")
        if data.get("comparison") is not None:
            EvaluationComparison.from_json(data["comparison"])
        return results

    def to_rows(self) -> list[dict[str, Cell]]:
        """One flat row a figure, for a table or a CSV file, with the same columns in all rows. No
        cell is a formula to a spreadsheet."""
        rows = [
            _row(self.label, self.pass_at_1),
            *(_row(f"pass@{each.k}", each.estimate) for each in self.pass_at_k[1:]),
            _row(self.majority, self.maj_at_k),
            _row("boxed", self.boxed),
            _row("truncated", self.truncated),
            _row("unparseable", self.unparseable),
            _row("mean length (tokens)", self.mean_length),
            *([] if self.at_forks is None else [_row("at fork temperature", self.at_forks)]),
            *(_row(self.label, each.pass_at_1, _name(each.family)) for each in self.families),
        ]
        if after := self.comparison:
            gained, lost = " ".join(after.gained), " ".join(after.lost)
            word = f"{after.word}; McNemar p = {after.mcnemar_p:.3g}"
            rows += [
                _row("difference in pass@1", after.difference, note=word),
                _row("solved before", share(after.solved_before, after.n), note=f"lost: {lost}"),
                _row("solved after", share(after.solved_after, after.n), note=f"gained: {gained}"),
                _row("difference in boxed", after.boxed),
                _row("difference in mean length (tokens)", after.mean_length),
                *(
                    _row("difference in pass@1", each.difference, _name(each.family))
                    for each in after.families
                ),
            ]
        return rows


def summarise_evaluation(
    records: Sequence[ProblemSamples],
    seed: int = 0,
    comparison: EvaluationComparison | None = None,
    *,
    uneven: bool = False,
) -> EvaluationResults:
    """The figures of an evaluation.

    Args:
        records: one a problem, all with as many samples.
        seed: of the bootstraps.
        comparison: with an earlier evaluation, to be kept with them.
        uneven: problems may have different numbers of samples, as those of other programs have.

    Raises:
        ProblemError: a problem without a readable gold answer, or with another number of samples.
    """
    samples = min((record.n for record in records), default=0)
    chains = sum(record.n for record in records)
    differ = chains != samples * len(records)
    for record in records:
        if any(sample.verdict not in VERDICTS for sample in record.samples):
            raise ProblemError(
                f"Problem {record.problem_id} has no readable gold answer.",
                "Leave it out and evaluate again.",
            )
        if record.n != samples and not uneven:
            raise ProblemError(
                f"Problem {record.problem_id} has {record.n} samples, and others {samples}.",
                "Evaluate all of them with as many samples.",
            )
    verdicts = Counter(sample.verdict for record in records for sample in record.samples)

    def mean(rate: Callable[[ProblemSamples], float]) -> Estimate:
        return _mean([rate(record) for record in records], samples, seed, alike=not differ)

    voted = [record.majority for record in records]
    return EvaluationResults(
        n=len(records),
        samples=samples,
        pass_at_1=mean(lambda record: record.pass_rate),
        pass_at_k=tuple(PassAtK(k, mean(partial(_pass_at, k=k))) for k in _points(samples)),
        maj_at_k=share(sum(each is not None and each.correct for each in voted), len(voted)),
        boxed=mean(lambda record: record.boxed_rate),
        truncated=mean(lambda record: record.truncated_rate),
        unparseable=mean(lambda record: record.unparseable_rate),
        mean_length=mean_of_amounts([record.mean_length for record in records], seed),
        verdicts={str(verdict): verdicts[verdict] for verdict in VERDICTS},
        families=_families(records, samples, seed, alike=not differ),
        comparison=comparison,
        at_forks=_at_forks(records, seed),
        uneven=chains if differ else None,
    )


def _at_forks(records: Sequence[ProblemSamples], seed: int) -> Estimate | None:
    counts = [[each.at_forks for each in record.samples] for record in records]
    known_ones = [[each for each in row if each is not None] for row in counts]
    if not records or list(map(len, known_ones)) != list(map(len, counts)):
        return None
    tokens = [sum(len(each.token_ids) for each in record.samples) for record in records]
    return ratio_over_chains(list(map(sum, known_ones)), tokens, seed)


def _mean(values: Sequence[float], samples: int, seed: int, *, alike: bool = True) -> Estimate:
    """With one sample each, problems are independent trials: Wilson's interval."""
    if samples == 1 and alike:
        return share(round(sum(values)), len(values))
    return mean_over_problems(values, seed)


def _pass_at(record: ProblemSamples, k: int) -> float:
    return record.pass_rate if k == 1 else pass_at_k(record.n, record.correct, k)


def _points(samples: int) -> list[int]:
    powers = (2**i for i in range(samples.bit_length()))
    every = range(1, min(samples, _EVERY_K) + 1)
    return sorted({*every, *powers, samples} - {0})


def _families(
    records: Sequence[ProblemSamples], samples: int, seed: int, *, alike: bool
) -> tuple[FamilySummary, ...]:
    groups: dict[str | None, list[float]] = {}
    for record in records:
        groups.setdefault(record.family, []).append(record.pass_rate)
    if groups.keys() <= {None}:
        return ()
    return tuple(
        FamilySummary(family, len(rates), _mean(rates, samples, seed, alike=alike))
        for family, rates in groups.items()
    )


def _name(family: str | None) -> str:
    return NO_FAMILY if family is None else family


def _row(measure: str, estimate: Estimate, family: str = "", note: str = "") -> dict[str, Cell]:
    row: dict[str, Cell] = {"measure": measure, "family": family}
    row |= {name: known(getattr(estimate, name)) for name in ("value", "low", "high", "n")}
    row["note"] = note
    return {name: spreadsheet_safe(value) for name, value in row.items()}


_ADAPTER = TypeAdapter(EvaluationResults)
