"""What the phases of a training run share: models loaded when needed, and sampling."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.evaluation.records import ProblemSamples, has_samples
from core.evaluation.sampling import check_evaluation, evaluate
from core.evaluation.settings import EvaluationSettings
from core.models.language_model import LanguageModel
from core.records import Problem
from core.runs.problem_units import kept_records, unit_reader, units_of_a_batch, work_through
from core.runs.served_chains import engine_of

if TYPE_CHECKING:
    from core.engines.engine import Engine
    from core.runs.context import RunContext


class LazyModel:
    """A model that is loaded at its first use.

    Args:
        load: loads it.
    """

    def __init__(self, load: Callable[[], LanguageModel]) -> None:
        self._load = load
        self._lm: LanguageModel | None = None

    def loaded(self) -> LanguageModel:
        """The model.

        Raises:
            ExplorerError: as `load`.
        """
        if self._lm is None:
            self._lm = self._load()
        return self._lm

    def release(self) -> None:
        """Give its memory back."""
        self._lm = None
        gc.collect()


def sampled(
    work: RunContext,
    model: LazyModel,
    problems: Sequence[Problem],
    settings: EvaluationSettings,
    prefix: str,
    doing: str,
    also_checked: Sequence[Problem] = (),
    *,
    keep_entropy: bool = False,
    on_engine: bool = False,
) -> list[ProblemSamples]:
    """Sample what a run doesn't have yet; returns all of its samples.

    Args:
        work: the run.
        model: only loaded if samples are missing.
        problems: one record each.
        settings: how they are sampled.
        prefix: of the units' keys.
        doing: what is being done, for the progress.
        also_checked: problems that are sampled later, checked now.
        keep_entropy: keep the entropy of every sampled token's distribution.
        on_engine: have the run's served engine sample, if it has one: `model` is what it serves.

    Raises:
        Cancelled: a stop was requested.
        ExplorerError: as `check_evaluation` and `evaluate`; memory or disk full.
    """
    read = unit_reader(ProblemSamples, has_samples(settings.samples))
    is_here = work.crew is None
    engine: Engine | None = None
    if is_here and len(kept_records(problems, work.finished, read, prefix)) < len(problems):
        engine = engine_of(work, model.loaded()) if on_engine else None
        check_evaluation(model.loaded(), [*problems, *also_checked], settings, engine)

    def solve(
        unit: Sequence[Problem], on_progress: Callable[[int, int], None]
    ) -> list[ProblemSamples] | None:
        return evaluate(
            model.loaded(),
            unit,
            settings,
            cancel=work.stop.overdue,
            on_progress=on_progress,
            keep_entropy=keep_entropy,
            engine=engine,
        )

    work_through(
        work,
        problems,
        solve,
        read,
        doing=doing,
        belonging="problems and samples",
        prefix=prefix,
        at_once=units_of_a_batch(settings.batch_size, settings.samples),
    )
    return kept_records(problems, work.run.units(), read, prefix)
