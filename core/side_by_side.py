"""Several runs side by side: what each has found, and how far it is from one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import ExplorerError, ProblemError, RunError
from core.evaluation.comparison import EvaluationComparison, check_same_problems, compare
from core.evaluation.headline import comparison_word
from core.evaluation.task import EVALUATE
from core.kinds import kind_entry
from core.records import Problem
from core.runs.headline import Headline, points
from core.runs.run import Run
from core.runs.status import RunState
from core.statistics import WORSE
from core.system.setting import setting
from core.system.short_text import short

_LONGEST = 40  # characters of a setting's value
OTHER_KIND = "not comparable: another kind of run"
OTHER_PROBLEMS = "not comparable: other problems"
NOT_FINISHED = "not comparable: not finished"
NO_PAIRS = "not comparable: only evaluations are compared problem by problem"


@dataclass(frozen=True)
class RunBeside:
    """A run beside a reference.

    Attributes:
        headline: what it has found; None before there are results.
        problem: why its results can't be read.
        difference: this run less the reference, paired by problem; None for the reference itself,
            and where there is a reason.
        reason: why there is no difference; "" otherwise.
        settings: by what it was made otherwise than the other runs of its kind, in words; "" where
            all have the same.
    """

    run: Run
    headline: Headline | None
    problem: ExplorerError | None
    difference: EvaluationComparison | None
    reason: str
    settings: str = ""


def headline_of(run: Run) -> Headline | None:
    """What a run has found in one figure and one sentence; None before there are results.

    Raises:
        RunError, FileError: the results are damaged, or of a kind this program doesn't know.
    """
    return kind_entry(run).load().headline_of(run)


def side_by_side(runs: Sequence[Run], reference: Run) -> list[RunBeside]:
    """The runs in their order, each compared with one of them.

    Evaluations of the same problems are compared problem by problem, as
    `core.evaluation.comparison` does; other runs only by their figures.

    Raises:
        RunError: fewer than two runs, or the reference is not among them.
    """
    if len(runs) < 2:
        raise RunError("There is only one run to compare.", "Select two or more.")
    if reference.id not in {run.id for run in runs}:
        raise RunError(
            f"The reference {reference.id} is not among the runs.", "Choose one of them."
        )
    words = settings_that_differ(runs)
    return [_beside(run, reference, words[run.id]) for run in runs]


def settings_that_differ(runs: Sequence[Run]) -> dict[str, str]:
    """By id of the run, those of its settings in words that not all runs of its kind have alike,
    such as "Temperature 0.3, Seed 1"; "" where there are none."""
    settings = {run.id: dict(_settings_of(run)) for run in runs}
    found = {}
    for run in runs:
        alike = [settings[each.id] for each in runs if each.config.task == run.config.task]
        own = settings[run.id]
        names = [name for name in own if any(each.get(name) != own[name] for each in alike)]
        found[run.id] = ", ".join(f"{_label(run, name)} {_words(own[name])}" for name in names)
    return found


def best_of(runs: Sequence[Run]) -> Run | None:
    """The finished evaluation with the highest pass@1, the earliest given of equal ones; None
    without evaluations."""
    found: list[tuple[float, Run]] = []
    for run in runs:
        if run.config.task != EVALUATE.name:
            continue
        try:
            results = EVALUATE.results_of(run)
        except ExplorerError:
            continue
        if results is not None:
            found.append((results.pass_at_1.value, run))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def lead_sentences(found: Sequence[RunBeside], names: Mapping[str, str]) -> str:
    """Which evaluation is the highest and by how much, where the others are compared with it; ""
    where they are compared with another run, or none is comparable.

    Args:
        found: as `side_by_side` returns it.
        names: of the runs, by id.
    """
    rivals = [each for each in found if each.difference is not None]
    references = [each.run for each in found if (each.difference, each.reason) == (None, "")]
    highest = best_of([*references, *(each.run for each in rivals)])
    if highest is None or not rivals or all(highest is not each for each in references):
        return ""
    lead = f"{names[highest.id]} is the highest of {len(rivals) + 1} on these problems"
    behind = [each for each in rivals if comparison_word(_compared(each)) == WORSE]
    if len(behind) < len(rivals):
        level = [names[each.run.id] for each in rivals if each not in behind]
        return f"{lead}, but not clearly above {' and '.join(level)}."
    nearest = max(rivals, key=lambda each: _compared(each).difference.value)
    return (
        f"{lead}, clearly above {'each of the others' if len(rivals) > 1 else 'the other'}; "
        f"{names[nearest.run.id]} comes next: {points(_compared(nearest).difference)}."
    )


def _compared(found: RunBeside) -> EvaluationComparison:
    assert found.difference is not None
    return found.difference


def _settings_of(run: Run) -> Iterator[tuple[str, Any]]:
    """A run's settings by their dotted names; its seed, and what else it was made with."""

    def flat(values: Mapping[str, Any], begin: str) -> Iterator[tuple[str, Any]]:
        for name, value in values.items():
            if isinstance(value, Mapping):
                yield from flat(value, f"{begin}{name}.")
            else:
                yield begin + name, value

    yield from flat(run.config.settings, "")
    if "seed" not in run.config.settings:
        yield "seed", run.config.seed
    if run.config.engine is not None:
        yield "engine", run.config.engine.words


def _label(run: Run, name: str) -> str:
    try:
        return setting(kind_entry(run).load().settings, name).label
    except (ExplorerError, KeyError, AttributeError):  # of another version
        return name


def _words(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return "+".join(map(_words, value))
    text = f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
    return short(text, _LONGEST)


def _beside(run: Run, reference: Run, settings: str) -> RunBeside:
    headline, problem, difference, reason = None, None, None, ""
    try:
        headline = headline_of(run)
        if run.id != reference.id:
            difference, reason = _difference(run, reference)
    except ExplorerError as error:
        problem = error
    return RunBeside(run, headline, problem, difference, reason, settings)


def _difference(run: Run, reference: Run) -> tuple[EvaluationComparison | None, str]:
    if run.config.task != reference.config.task:
        return None, OTHER_KIND
    if run.config.task != EVALUATE.name:
        return None, NO_PAIRS
    if not all(each.status().state is RunState.DONE for each in (run, reference)):
        return None, NOT_FINISHED
    if not _same(reference.problems(), run.problems()):
        return None, OTHER_PROBLEMS
    before, after = EVALUATE.records_of(reference), EVALUATE.records_of(run)
    return compare(before, after, reference.config.seed), ""


def _same(before: Sequence[Problem], after: Sequence[Problem]) -> bool:
    try:
        check_same_problems(before, after)
    except ProblemError:
        return False
    return True
