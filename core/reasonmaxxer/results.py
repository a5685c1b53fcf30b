"""What came of a fine-tune: accuracy before and after, what it learned from, what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import SessionError
from core.evaluation.comparison import EvaluationComparison
from core.evaluation.results import EvaluationResults
from core.reasonmaxxer.cost import Cost
from core.reasonmaxxer.select import SelectionReport
from core.records import SCHEMA_VERSION, check_schema_version
from core.result_files import known, unknown


@dataclass(frozen=True)
class TrainingSummary:
    """The training itself."""

    steps: int  # optimizer steps that were made
    best_step: int | None  # whose weights the adapter has; None: the last one's
    held_out_accuracy: float | None  # at that step, on held-out training problems
    trained_parameters: int
    parameters: int  # of the base
    warnings: tuple[str, ...]  # see `core.reasonmaxxer.history`


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
            return TrainingResults(
                selection=_SELECTION.validate_python(data["selection"]),
                training=_TRAINING.validate_python(unknown(data["training"])),
                before=EvaluationResults.from_json(data["before"]),
                after=EvaluationResults.from_json(data["after"]),
                comparison=EvaluationComparison.from_json(data["comparison"]),
                cost=_COST.validate_python(data["cost"]),
            )
        except (KeyError, TypeError, ValidationError) as error:
            raise SessionError(
                f"These results are damaged ({type(error).__name__}).",
                "Resume the run, which writes them again.",
            ) from error


_SELECTION = TypeAdapter(SelectionReport)
_TRAINING = TypeAdapter(TrainingSummary)
_COST = TypeAdapter(Cost)
