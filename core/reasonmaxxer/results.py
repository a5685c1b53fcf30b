"""What came of a fine-tune: accuracy before and after, what it learned from, what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from core.errors import SessionError
from core.evaluation.comparison import EvaluationComparison
from core.evaluation.results import EvaluationResults
from core.lora_training.cost import Cost
from core.reasonmaxxer.select import SelectionReport
from core.records import SCHEMA_VERSION, check_schema_version
from core.result_files import LARGEST, Count, Share, Text, known, unknown


@dataclass(frozen=True)
class TrainingSummary:
    """The training itself."""

    steps: Count  # optimizer steps that were made
    best_step: Count | None  # whose weights the adapter has; None: the last one's
    held_out_accuracy: Share | None  # at that step, on held-out training problems
    trained_parameters: Count
    parameters: Count  # of the base
    warnings: tuple[Text, ...]  # see `core.reasonmaxxer.history`


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
        """A JSON-ready dict; what is not known is null."""
        cost = {
            **asdict(self.cost),
            "total_seconds": self.cost.total_seconds,
            "usd": self.cost.usd,
        }
        return {
            "schema_version": SCHEMA_VERSION,
            "selection": asdict(self.selection),
            "training": known(asdict(self.training)),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "comparison": self.comparison.to_json(),
            "cost": cost,
        }

    @staticmethod
    def from_json(data: Any) -> TrainingResults:
        """Read what `to_json` wrote.

        Raises:
            SessionError: of a newer version, or damaged.
        """
        check_schema_version(data, "results")
        try:
            results = TrainingResults(
                selection=_SELECTION.validate_python(data["selection"]),
                training=_TRAINING.validate_python(unknown(data["training"])),
                before=EvaluationResults.from_json(data["before"]),
                after=EvaluationResults.from_json(data["after"]),
                comparison=EvaluationComparison.from_json(data["comparison"]),
                cost=_COST.validate_python(data["cost"]),
            )
            _check_numbers(results.selection, results.cost)
        except (KeyError, ValueError) as error:  # pydantic's ValidationError is a ValueError
            raise SessionError(
                f"These results are damaged ({type(error).__name__}).",
                "Resume the run, which writes them again.",
            ) from error
        return results


def _check_numbers(selection: SelectionReport, cost: Cost) -> None:
    """Refuse with a ValueError what no fine-tune can count, or name."""
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
        raise ValueError("numbers that no fine-tune has")


_SELECTION = TypeAdapter(SelectionReport)
_TRAINING = TypeAdapter(TrainingSummary)
_COST = TypeAdapter(Cost)
