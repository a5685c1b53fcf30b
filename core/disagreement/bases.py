"""Comparisons of several bases in one table, beside the papers' ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from core.disagreement import paper
from core.disagreement.divergence import DIVERGENT, NEAR_ZERO, TOP_SHARE, DivergenceSummary
from core.disagreement.results import CompareResults, TeacherSummary
from core.disagreement.task import COMPARE
from core.runs.model_names import model_words, teacher_words
from core.runs.models import read_model
from core.runs.result_files import Cell, interval_cells, known, spreadsheet_safe
from core.runs.run import Run
from core.statistics import Estimate
from core.system.percent import percent, percent_span


@dataclass(frozen=True)
class Measure:
    """A figure of a comparison.

    Attributes:
        of: a teacher's summary; None where results of earlier versions lack it.
        is_share: written as a percentage; else an amount.
        paper: its range in a paper; None: it gives none.
        says: more about that range.
    """

    name: str
    of: Callable[[TeacherSummary], Estimate | None]
    is_share: bool = False
    paper: tuple[float, float] | None = None
    says: str = ""

    def written(self, found: Estimate | None) -> str:
        """A figure with its interval."""
        if found is None or isnan(found.value):
            return "unknown"
        if self.is_share:
            shown = percent(found.value, 2)
            span = percent_span(found.low, found.high, 2)
        else:
            shown = f"{found.value:.3f}"
            span = f"{found.low:.3f}, {found.high:.3f}"
        return shown if isnan(found.low) else f"{shown} [{span}]"

    @property
    def paper_says(self) -> str:
        """The paper's range in words; empty without one."""
        if self.paper is None:
            return ""
        low, high = (f"{100 * end if self.is_share else end:g}" for end in self.paper)
        unit = " %" if self.is_share else ""
        return f"{low}{unit}{self.says}" if low == high else f"{low}–{high}{unit}{self.says}"


def _of_divergence(
    figure: Callable[[DivergenceSummary], Estimate | None],
) -> Callable[[TeacherSummary], Estimate | None]:
    return lambda each: None if each.divergence is None else figure(each.divergence)


def _level(share: float) -> Callable[[DivergenceSummary], Estimate | None]:
    return lambda found: next((e.divergence for e in found.levels if e.share == share), None)


def _within(k: int) -> Callable[[DivergenceSummary], Estimate | None]:
    return lambda found: next((each.share for each in found.within_top if each.k == k), None)


def _percentage(share: float) -> str:
    return f"{100 * share:g} %"


_NOTED = "–".join(f"{100 * end:g}" for end in paper.SHIFTED_IN_TABLE_2)

MEASURES: tuple[Measure, ...] = (
    Measure("reranked", lambda each: each.reranked, True, paper.RERANKED),
    Measure(
        "shifted",
        lambda each: each.shifted,
        True,
        paper.SHIFTED,
        f" (its text; {_NOTED} % in a reader's notes of its Table 2)",
    ),
    Measure("mean base rank of changes", lambda each: each.mean_base_rank, False,
            paper.MEAN_BASE_RANK),
    Measure("entropy ratio", lambda each: each.entropy_ratio, False, paper.ENTROPY_RATIO),
    *(
        Measure(
            f"changes within the base's top {k}",
            _of_divergence(_within(k)),
            True,
            paper.WITHIN_TOP_3 if k == 3 else None,
            " (arXiv:2603.22446)" if k == 3 else "",
        )
        for k in (2, 3, 5)
    ),
    Measure("top-5 tokens that both have", _of_divergence(lambda each: each.overlap), True),
    Measure(f"tokens less than {NEAR_ZERO:g} nats apart",
            _of_divergence(lambda each: each.near_zero), True),
    Measure(f"tokens more than {DIVERGENT:g} nats apart",
            _of_divergence(lambda each: each.divergent), True),
    Measure("of these, where the base is sure (entropy up to τ)",
            _of_divergence(lambda each: each.divergent_but_sure), True),
    *(
        Measure(f"JS divergence that {_percentage(share)} of tokens exceed (nats)",
                _of_divergence(_level(share)))
        for share in (0.2, 0.05, 0.01)
    ),
    Measure("the teacher's entropy (nats)", _of_divergence(lambda each: each.entropy_teacher)),
    Measure(f"of the base's top {_percentage(TOP_SHARE)} by entropy, also in the teacher's",
            _of_divergence(lambda each: each.top_entropy_overlap), True),
)  # fmt: skip
"""The figures of the table, in its order."""


@dataclass(frozen=True)
class BaseColumn:
    """One base and one of its teachers, in one run."""

    run_id: str
    name: str  # given by a person; may be empty
    base: str
    teacher: str  # unique in its run
    along: str  # who wrote the chains
    chains: int
    tau: float  # nats
    summary: TeacherSummary

    @property
    def label(self) -> str:
        """Base and teacher; the run's own id makes it unique."""
        return f"{self.base} + {self.teacher} ({self.run_id.rsplit('-', 1)[-1]})"

    @property
    def facts(self) -> Mapping[str, Cell]:
        """What was compared, and how much of it."""
        return {
            "run": self.run_id,
            "base": self.base,
            "teacher": self.teacher,
            "along": self.along,
            "chains": self.chains,
            "tokens": self.summary.tokens,
        }


@dataclass(frozen=True)
class BasesTable:
    """Several comparisons: a column for every base and teacher, a row for every measure."""

    columns: tuple[BaseColumn, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """One JSON-ready dict a column, with its figures by name; unknown values are null."""
        return [
            {
                **each.facts,
                "tau": each.tau,
                "figures": {name: _json(found) for name, found in _figures(each).items()},
            }
            for each in self.columns
        ]

    def to_rows(self) -> list[dict[str, Cell]]:
        """One flat row a column, for a table or a CSV file. No cell is a formula to a
        spreadsheet."""
        rows = []
        for each in self.columns:
            row = dict(each.facts)
            for name, found in _figures(each).items():
                row |= interval_cells(name, found or _UNKNOWN)
            rows.append({key: spreadsheet_safe(value) for key, value in row.items()})
        return rows


def bases_table(runs: Sequence[Run]) -> BasesTable:
    """The comparisons among some runs that have results, so far or at their end.

    Raises:
        RunError, FileError: a run's model or results can't be read.
    """
    columns: list[BaseColumn] = []
    for run in runs:
        results = COMPARE.results_of(run) if run.config.task == COMPARE.name else None
        if results is not None:
            columns += _columns(run, results)
    return BasesTable(tuple(columns))


def _columns(run: Run, results: CompareResults) -> list[BaseColumn]:
    spec = read_model(run.config.model)
    names = [teacher_words(each.teacher) for each in results.teachers]
    return [
        BaseColumn(
            run.id,
            run.config.name,
            model_words(spec.model, spec.adapter),
            name if names.count(name) == 1 else f"{name} ({number})",
            results.along,
            results.n,
            results.tau,
            each,
        )
        for number, (name, each) in enumerate(zip(names, results.teachers, strict=True), start=1)
    ]


def _figures(each: BaseColumn) -> Mapping[str, Estimate | None]:
    return {measure.name: measure.of(each.summary) for measure in MEASURES}


def _json(found: Estimate | None) -> Any:
    return None if found is None else known(asdict(found))


_UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"), 0)
