"""The controls of a fine-tune: runs that differ from it in nothing but what makes them controls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ExplorerError
from core.evaluation.comparison import EvaluationComparison, compare
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.results import TRAIN_TASK
from core.reasonmaxxer.settings import Weighting
from core.reasonmaxxer.task import TRAIN, records_after
from core.runs.run import Run

_GATE, _SHUFFLED, _WEIGHTING = "gate.kind", "selection.shuffle_advantages", "training.weighting"
_GATES = ("random", "low-entropy", "first", "last", "stride", "rest-of-all")
_IGNORED = ("usd_per_hour", "preset", "batch_size", "training.report_to")
"""Settings that change no result."""


@dataclass(frozen=True)
class Control:
    """A control beside a fine-tune; `comparison` is the fine-tune less the control, after both."""

    run: Run
    words: str  # what makes it one, such as "random gate"
    comparison: EvaluationComparison


def controls_of(run: Run, others: Iterable[Run]) -> list[Control]:
    """The finished controls of a fine-tune among other runs: the same base, problems and seed, and
    the same settings but for a gate, advantages or weights that are a control's."""
    if run.config.task != TRAIN_TASK:
        return []
    own = records_after(run)
    found = []
    for other in others:
        words = _words(run, other)
        if not words or not own:
            continue
        try:
            if TRAIN.results_of(other) is None or not _same_problems(run, other):
                continue
            comparison = compare(records_after(other), own, run.config.seed)
        except ExplorerError:  # a damaged run can't serve as a control
            continue
        found.append(Control(other, words, comparison))
    return found


def _words(run: Run, other: Run) -> str:
    """What makes the other run a control of the first; empty where nothing does."""
    mine, its = run.config, other.config
    if its.task != TRAIN_TASK or other.id == run.id:
        return ""
    if (mine.model, mine.seed, mine.teachers) != (its.model, its.seed, its.teachers):
        return ""
    one, two = dict(_flat(mine.settings)), dict(_flat(its.settings))
    differing = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    differing -= set(_IGNORED)
    if not differing or differing - {_GATE, _SHUFFLED, _WEIGHTING}:
        return ""
    parts = [
        f"{two[_GATE]} gate" if _GATE in differing and two.get(_GATE) in _GATES else "",
        "advantages shuffled" if _SHUFFLED in differing and two.get(_SHUFFLED) else "",
        "weights permuted" if two.get(_WEIGHTING) == Weighting.PERMUTED else "",
    ]
    named = [each for each in parts if each]
    return ", ".join(named) if len(named) == len(differing) else ""


def _same_problems(run: Run, other: Run) -> bool:
    return all(run.problems(each) == other.problems(each) for each in ("", EVALUATION))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
