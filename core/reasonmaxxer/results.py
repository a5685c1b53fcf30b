"""The results of a fine-tune: accuracy before and after, selection, training, cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import RunError
from core.evaluation.comparison import EvaluationComparison
from core.evaluation.results import EvaluationResults
from core.lora.cost import Cost
from core.lora.run_files import History
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.selection import SelectionReport
from core.reasonmaxxer.side_by_side import SideBySide
from core.records import SCHEMA_VERSION
from core.runs.result_files import LARGEST, Count, Share, Text, known, reading_results, unknown
from core.runs.run import Run
from core.runs.settings import checked_settings
from core.system.percent import percent


@dataclass(frozen=True)
class TrainingSummary:
    """The training itself."""

    steps: Count  # optimizer steps
    best_step: Count | None  # the step of the adapter's weights; None: the last one
    held_out_accuracy: Share | None  # at that step, on held-out training problems
    trained_parameters: Count
    parameters: Count  # of the base
    warnings: tuple[Text, ...]  # see `training_warnings`


@dataclass(frozen=True)
class TrainingResults:
    """A fine-tune from its rollouts to its last evaluation."""

    selection: SelectionReport
    training: TrainingSummary
    before: EvaluationResults
    after: EvaluationResults
    comparison: EvaluationComparison  # after, less before
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values are null."""
        return {
            "schema_version": SCHEMA_VERSION,
            "selection": asdict(self.selection),
            "training": known(asdict(self.training)),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "comparison": self.comparison.to_json(),
            "cost": self.cost.to_json(),
        }

    @staticmethod
    def from_json(data: Any) -> TrainingResults:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        with reading_results(data):
            results = TrainingResults(
                selection=_SELECTION.validate_python(data["selection"]),
                training=_TRAINING.validate_python(unknown(data["training"])),
                before=EvaluationResults.from_json(data["before"]),
                after=EvaluationResults.from_json(data["after"]),
                comparison=EvaluationComparison.from_json(data["comparison"]),
                cost=_COST.validate_python(data["cost"]),
            )
            _check_numbers(results.selection, results.cost)
        return results


def _check_numbers(selection: SelectionReport, cost: Cost) -> None:
    """Raise a ValueError for counts and names that a fine-tune can't have."""
    " ".join((*selection.pass_rates, *cost.seconds)).encode("utf-8")
    numbers = [
        *(each for each in vars(selection).values() if isinstance(each, int)),
        *(each for each in vars(cost).values() if isinstance(each, int | float)),
        *cost.seconds.values(),
    ]
    whole = (
        all(0 <= each <= LARGEST for each in numbers)
        and all(0 <= rate <= 1 for rate in selection.pass_rates.values())
        and set(selection.problems) <= selection.pass_rates.keys()
        and selection.dropped_truncated <= selection.truncated <= selection.rollouts
        and selection.right + selection.wrong + selection.dropped_longest <= selection.rollouts
        and selection.decisions <= selection.tokens
    )
    if not whole:
        raise ValueError("impossible numbers")


_SELECTION = TypeAdapter(SelectionReport)
_TRAINING = TypeAdapter(TrainingSummary)
_COST = TypeAdapter(Cost)


def selection_report(run: Run) -> SelectionReport | None:
    """What a fine-tune is trained on; None until it is known.

    Raises:
        RunError: a damaged file.
    """
    data = run.read_json(SELECTION)
    try:
        return None if data is None else _SELECTION.validate_python(data)
    except ValidationError as error:
        raise RunError(
            "This run's selection can't be read.", "Resume the run, which writes it again."
        ) from error


def chains_side_by_side(run: Run) -> list[SideBySide]:
    """Greedy chains of some problems before and after; empty before the end.

    Raises:
        RunError, FileError, SessionError: a damaged file.
    """
    found = run.read_json(SIDE_BY_SIDE) or []
    return [SideBySide.from_json(each) for each in (found if isinstance(found, list) else [found])]


ROLLOUTS_TASK, TRAIN_TASK, STUDY_TASK = "rollouts", "train", "study"


HELD_OUT = "held_out"
"""Purpose of the problems on which checkpoints are measured."""


SELECTION, SIDE_BY_SIDE = "selection.json", "side_by_side.json"
WEIGHTS = "weights.json"
"""The weights of the decisions in numbers, of a run that has them."""


def run_recipe(run: Run) -> Recipe:
    """The recipe of a run of rollouts, of a fine-tune, or of the fine-tunes of a study.

    Raises:
        RunError: it can't be read, or is out of range.
    """
    return checked_settings(Recipe, recipe_settings(run))


def recipe_settings(run: Run) -> dict[str, Any]:
    """The settings of a run; of a study those of its fine-tunes."""
    settings = dict(run.config.settings)
    if run.config.task == STUDY_TASK:
        return {name: settings[name] for name in settings if name not in OF_A_STUDY}
    return settings


OF_A_STUDY = ("vary", "training_seeds")
"""Settings of a study beside those of its fine-tunes."""

ROLLOUTS_FROM = "rollouts_from"
"""Key in a run's inputs: the run whose rollouts it trains on."""


_BOXED_FALL = 0.05  # below the share at the start


_KL_HIGH = 0.2  # nats per token


_PRESSURE_HIGH = 0.8  # share of the push that is downwards


_RECENT = 10  # log entries per mean


def training_warnings(history: History) -> list[str]:
    """Signs of known failures (met in replications of the paper's code), each with a remedy."""
    warnings = []
    boxed = [entry["eval_boxed"] for entry in history if "eval_boxed" in entry]
    if len(boxed) > 1 and boxed[-1] < boxed[0] - _BOXED_FALL:
        warnings.append(
            f"Fewer answers end in a box: {percent(boxed[0], 0)} at the start, "
            f"{percent(boxed[-1], 0)} now. That falls first when a model breaks. Lower the "
            "learning rate or raise the KL weight."
        )
    kl = _recent(history, "kl")
    if kl is not None and kl > _KL_HIGH:
        warnings.append(
            f"The model moves away from its base where it should not: KL {kl:.2f} nats per token. "
            "Raise the KL weight or lower the learning rate."
        )
    pressure = _recent(history, "negative_pressure")
    if pressure is not None and pressure > _PRESSURE_HIGH:
        warnings.append(
            f"{percent(pressure, 0)} of the push is downwards, and pushing tokens down has no "
            "end. Set a probability floor, or choose problems with a higher pass rate."
        )
    return warnings


def _recent(history: History, key: str) -> float | None:
    values = [entry[key] for entry in history if key in entry][-_RECENT:]
    return sum(values) / len(values) if values else None
