"""What the kinds of studies have in common: results that grow cell by cell, and their cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from core.errors import TrainingError
from core.evaluation.records import ProblemSamples
from core.lora.cost import Cost, cost_of
from core.lora.kind import TrainingKind
from core.runs.kind import S, write_table
from core.statistics import mean_over_problems
from core.studies.grid import Cell
from core.studies.results import CellResult, StudyResults, choose

if TYPE_CHECKING:
    from core.runs.context import RunContext
    from core.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class StudyKind(TrainingKind[S, StudyResults]):
    """A training kind whose results, a table of cells, grow while it works."""

    def carry_out(self, work: RunContext, *, trust_remote_code: bool = False) -> None:
        """Go through the phases, then write results and table; as `TrainingKind`."""
        TrainingKind.carry_out(self, work, trust_remote_code=trust_remote_code)
        results = self.results_of(work.run)
        assert results is not None
        write_table(work, results)


def study_results(
    done: Sequence[CellResult],
    cells: Sequence[Cell[Any]],
    seed: int,
    before: Sequence[ProblemSamples],
    *,
    base_held_out: float | None,
    cost: Cost,
) -> StudyResults:
    """The results so far; the settings are chosen once all cells are done.

    Args:
        done: the finished cells.
        cells: all of them.
        seed: of the bootstraps.
        before: the base's samples of the test problems.
        base_held_out: its accuracy on the held-out problems.
        cost: so far.
    """
    base = [each.pass_rate for each in before]
    return StudyResults(
        settings=len({cell.setting for cell in cells}),
        seeds=len({cell.seed for cell in cells}),
        base_test=mean_over_problems(base, seed),
        base_held_out=base_held_out,
        cells=tuple(done),
        chosen=choose(done, base, seed) if len(done) == len(cells) else None,
        cost=cost,
    )


def checked_results(results: StudyResults) -> StudyResults:
    """The final results.

    Raises:
        TrainingError: no cell could be trained.
    """
    if results.chosen is None and all(each.failure for each in results.cells):
        raise TrainingError(
            f"No cell could be trained. The first one: {results.cells[0].failure}",
            "Change what varies, or the recipe.",
        )
    return results


def shared_cost(
    run: Run,
    usd_per_hour: float,
    sampled: Iterable[ProblemSamples],
    done: Sequence[CellResult],
) -> Cost:
    """The cost of what all cells share, of all cells and of the choice.

    Args:
        sampled: what was sampled once for all cells.
        done: the finished cells.
    """
    device = torch.device("cpu")
    shared = cost_of(run, sampled, (), epochs=0, device=device, usd_per_hour=usd_per_hour)
    return replace(
        shared,
        sampled_tokens=shared.sampled_tokens + sum(each.sampled_tokens or 0 for each in done),
        trained_tokens=sum(each.trained_tokens or 0 for each in done),
    )
