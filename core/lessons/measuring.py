"""What the lesson measures: forks against random tokens, and what a trained model changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.chains.pivotality import Pivotality, measure_pivotality
from core.disagreement.reading import ReadChain, read_chain
from core.disagreement.results import CompareResults, TeacherSummary, summarise_comparison
from core.disagreement.settings import CompareSettings
from core.disagreement.task import compare_chains
from core.interventions.records import ProblemRecord
from core.interventions.results import ArmSummary, InterventionResults
from core.interventions.settings import InterventionSettings
from core.interventions.study import check_interventions, intervene
from core.interventions.summary import summarise
from core.lessons.chains import LessonChains
from core.lessons.settings import LessonSettings
from core.models.teacher import check_vocabularies
from core.records import Problem

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Tuning:
    """A trained model against its base, on the same problems.

    Attributes:
        compared: on the base's greedy chains.
        arms: accuracy of the base, of the base that follows the trained model wherever the two
            differ, of its control at random positions, and of the trained model.
        example: a chain of the base in which the two differ, read by both; None if there is none.
    """

    compared: CompareResults
    arms: InterventionResults
    example: ReadChain | None

    @property
    def teacher(self) -> TeacherSummary:
        """The trained model's summary."""
        return self.compared.teachers[0]

    def arm(self, key: str) -> ArmSummary:
        """One of `TUNING_ARMS`, or the base."""
        return next(each for each in self.arms.arms if each.arm == key)


CONTROL_ARMS = ("base_only", "base_only_control")
TUNING_ARMS = ("oracle", "random_position", "teacher")


@dataclass(frozen=True)
class Decisions:
    """How much two forks decide, by continuations sampled after each of their alternatives.

    Attributes:
        idle: the fork whose greedy endings agree.
        fork: the control: the fork whose greedy endings differ; None without one.
    """

    idle: Pivotality
    fork: Pivotality | None


def decisive_samples(chains: LessonChains, samples: int) -> int:
    """How many continuations `measure_decisions` samples."""
    forks = [each for each in (chains.idle, chains.fork) if each is not None]
    return samples * sum(len(each.endings) for each in forks)


def measure_decisions(
    lm: LanguageModel,
    chains: LessonChains,
    *,
    samples: int,
    cancel: Callable[[], bool] = lambda: False,
    on_ending: Callable[[], None] = lambda: None,
) -> Decisions | None:
    """Sample continuations at the fork that decides nothing, which was chosen by its greedy
    endings, and at the fork that matters.

    Args:
        chains: with an idle fork.
        samples: after each alternative.
        cancel: asked between tokens.
        on_ending: called after each continuation.

    Returns:
        Both; None when cancelled.

    Raises:
        ProblemError, ModelError, PromptError, ResourceError: as `measure_pivotality`.
    """
    assert chains.idle is not None
    found: list[Pivotality] = []
    for each in (chains.idle, chains.fork):
        if each is None:
            continue
        measured = measure_pivotality(
            lm,
            each.chain,
            [each.position],
            samples=samples,
            on_ending=lambda _: on_ending(),
            cancel=cancel,
        )
        if measured is None:
            return None
        found += measured
    return Decisions(found[0], found[1] if len(found) > 1 else None)


def measure_control(
    lm: LanguageModel,
    problems: Sequence[Problem],
    settings: LessonSettings,
    *,
    on_progress: Progress = lambda done, total: None,
    cancel: Callable[[], bool] = lambda: False,
) -> InterventionResults | None:
    """Single tokens forced at the forks of wrong chains, and as many at random positions: the
    base-only arm of Interventions and its control.

    Args:
        on_progress: called with (work done, planned), in whole chains.
        cancel: asked between tokens.

    Returns:
        The results; None when cancelled.

    Raises:
        ProblemError, PromptError, ModelError, ResourceError: as `intervene`.
    """
    records = _arms(lm, None, problems, settings, CONTROL_ARMS, on_progress, cancel)
    return None if records is None else summarise(records, settings.seed)


def measure_tuning(
    lm: LanguageModel,
    teacher: LanguageModel,
    name: str,
    problems: Sequence[Problem],
    settings: LessonSettings,
    *,
    on_progress: Progress = lambda done, total: None,
    cancel: Callable[[], bool] = lambda: False,
) -> Tuning | None:
    """Compare a trained model with its base, and follow it in the base's chains.

    Args:
        name: of the trained model.
        on_progress: called with (steps done, steps planned).
        cancel: asked between tokens.

    Returns:
        The results; None when cancelled.

    Raises:
        ProblemError, PromptError, ModelError, ResourceError: as `compare_chains`, `intervene`.
    """
    check_vocabularies(lm, teacher)
    how = CompareSettings.model_validate(_shared(settings) | {"tau": settings.tau})
    steps = len(problems) * (2 + len(TUNING_ARMS) + 1)

    def compared(done: int, _: int) -> None:
        on_progress(done, steps)

    def followed(done: int, planned: int) -> None:
        read = 2 * len(problems)
        on_progress(read + (steps - read) * done // planned, steps)

    chains = compare_chains(lm, [teacher], problems, how, cancel=cancel, on_progress=compared)
    if chains is None:
        return None
    records = _arms(lm, teacher, problems, settings, TUNING_ARMS, followed, cancel)
    if records is None:
        return None
    results = summarise_comparison(chains, [name], settings.tau, settings.seed)
    changed = (
        (problem, record)
        for problem, record in zip(problems, chains, strict=True)
        if record.changes(0)
    )
    found = next(changed, None)
    example = None if found is None else read_chain(lm, teacher, *found, how)
    return Tuning(results, summarise(records, settings.seed), example)


def arms_settings(settings: LessonSettings, arms: Sequence[str]) -> InterventionSettings:
    """The settings of an intervention study with these arms, as the lesson makes it."""
    return InterventionSettings.model_validate(
        _shared(settings) | {"tau": settings.tau, "arms": tuple(arms)}
    )


def _arms(
    lm: LanguageModel,
    teacher: LanguageModel | None,
    problems: Sequence[Problem],
    settings: LessonSettings,
    arms: Sequence[str],
    on_progress: Progress,
    cancel: Callable[[], bool],
) -> list[ProblemRecord] | None:
    how = arms_settings(settings, arms)
    check_interventions(lm, teacher, problems, how)

    def in_whole_chains(done: float, planned: float) -> None:
        planned = max(round(planned), 1)
        on_progress(min(round(done), planned), planned)

    return intervene(lm, teacher, problems, how, cancel=cancel, on_progress=in_whole_chains)


def _shared(settings: LessonSettings) -> dict[str, object]:
    """The settings that a lesson has in common with a run."""
    return settings.model_dump(exclude={"sample", "samples", "tau"})
